"""One roof of a real flight raised: its points, and in every photo its picture, walls below it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import shapely
import simplejpeg
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.change.epoch import Epoch
from detection.change.views import Camera, build_camera
from detection.domain.camera import CameraIntrinsics
from detection.domain.geometry import FloatArray
from detection.ingest.decode import decode_photo

QUALITY = 92
WALL_GRAY = 150
BAND_M = 0.5
"""Walls are banded like bricks and window sills, so that they are no blank areas."""


def lift_roof(
    epoch: Epoch, footprint_m: BaseGeometry, roof_m: float, rise_m: float, folder: Path
) -> Epoch:
    """Return the epoch with the roof of a footprint raised, photos in ``folder``.

    ``roof_m`` is the roof's height in the epoch's frame. In each photo the roof's picture is
    moved as the level plane at that height moves to the plane ``rise_m`` above it; the walls
    between are painted. The photos are written without distortion of the lens.
    """
    folder.mkdir(parents=True, exist_ok=True)
    corners = shapely.get_coordinates(footprint_m)[:-1]
    photos = []
    for index, photo in enumerate(epoch.photos):
        pixels = _undistort(decode_photo(photo), epoch.model.intrinsics)
        painted = _paint(pixels, build_camera(epoch, index), corners, roof_m, rise_m)
        path = folder / f"{index:03d}.jpg"
        path.write_bytes(simplejpeg.encode_jpeg(painted, quality=QUALITY))
        photos.append(replace(photo, path=path))
    points = epoch.model.points_m.copy()
    inside = shapely.contains_xy(footprint_m, points[:, 0], points[:, 1])
    points[inside, 2] += rise_m
    lens = replace(epoch.model.intrinsics, distortion=None)
    return Epoch(tuple(photos), replace(epoch.model, points_m=points, intrinsics=lens), epoch.plane)


def _undistort(pixels: NDArray[np.uint8], lens: CameraIntrinsics) -> NDArray[np.uint8]:
    inner = np.array([[lens.focal_px, 0, lens.cx_px], [0, lens.focal_px, lens.cy_px], [0, 0, 1.0]])
    distortion = np.array(lens.distortion or (0.0,) * 5)
    return np.asarray(cv2.undistort(pixels, inner, distortion), dtype=np.uint8)


def _paint(
    pixels: NDArray[np.uint8], camera: Camera, corners: FloatArray, roof_m: float, rise_m: float
) -> NDArray[np.uint8]:
    before, after = (
        camera.project(np.column_stack([corners, np.full(len(corners), height)]))
        for height in (roof_m, roof_m + rise_m)
    )
    if not np.isfinite(after).all() or _is_outside(np.vstack([before, after]), pixels):
        return pixels
    painted = pixels.copy()
    for one in range(len(corners)):
        other = (one + 1) % len(corners)
        _paint_wall(painted, camera, corners[[one, other]], (roof_m, roof_m + rise_m))
    matrix = _homography(camera, roof_m + rise_m) @ np.linalg.inv(_homography(camera, roof_m))
    size = (pixels.shape[1], pixels.shape[0])
    raised = cv2.warpPerspective(pixels, matrix, size, flags=cv2.INTER_LINEAR)
    mask = np.zeros(pixels.shape[:2], dtype=np.uint8)
    cv2.fillPoly(mask, [np.rint(after).astype(np.int32)], 1)
    return np.asarray(np.where(mask[..., None] > 0, raised, painted), dtype=np.uint8)


def _is_outside(points: FloatArray, pixels: NDArray[np.uint8]) -> bool:
    height, width = pixels.shape[:2]
    low, high = points.min(axis=0), points.max(axis=0)
    return bool(high[0] < 0 or high[1] < 0 or low[0] > width or low[1] > height)


def _homography(camera: Camera, height_m: float) -> FloatArray:
    """Return what maps (east, north, 1) of the level plane at a height to the photo."""
    first = np.array([0.0, 0.0, height_m]) - camera.center_m
    return np.asarray(camera.matrix @ np.column_stack([(1, 0, 0), (0, 1, 0), first]))


def _paint_wall(
    pixels: NDArray[np.uint8], camera: Camera, ends: FloatArray, span_m: tuple[float, float]
) -> None:
    """Paint one wall in bands; shades alternate along it too."""
    length = float(np.linalg.norm(ends[1] - ends[0]))
    rows = np.arange(span_m[0], span_m[1], BAND_M)
    columns = np.linspace(0.0, 1.0, max(2, round(length / BAND_M)))
    shades = np.random.default_rng(0).integers(-45, 45, (len(rows), len(columns)))
    for row, low in enumerate(rows):
        for column, left in enumerate(columns[:-1]):
            share = np.array([left, columns[column + 1], columns[column + 1], left])
            level = ends[0] + share[:, None] * (ends[1] - ends[0])
            heights = np.array([low, low, low + BAND_M, low + BAND_M])
            quad = np.rint(camera.project(np.column_stack([level, heights]))).astype(np.int32)
            shade = int(WALL_GRAY + shades[row, column])
            cv2.fillConvexPoly(pixels, quad, (shade, shade, shade))
