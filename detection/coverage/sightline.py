"""Many cameras at once: the rays along their borders, and where points of the world appear.

East, north and up in metres; the cameras' heights are above the ground under the take-off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.geometry import FloatArray
from detection.domain.lens import Distortion, distort_points, undistort_points
from detection.domain.sight import compute_camera_axes

CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
"""Of a photo as shares of its sides, clockwise as seen on the screen."""

IndexArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class CameraArray:
    """``n`` cameras with complete poses.

    ``lonlat`` (n, 2), ``height_m`` (n,), ``axes`` (n, 3, 3) as of `compute_camera_axes`,
    ``focal_px`` (n,), ``center_px`` (n, 2), ``size_px`` (n, 2); ``lenses`` pairs each distortion
    with the cameras that have it.
    """

    lonlat: FloatArray
    height_m: FloatArray
    axes: FloatArray
    focal_px: FloatArray
    center_px: FloatArray
    size_px: FloatArray
    lenses: tuple[tuple[Distortion, NDArray[np.bool_]], ...]


def build_camera_array(cameras: Sequence[tuple[CameraPose, CameraIntrinsics]]) -> CameraArray:
    """Return the cameras as arrays; every pose must be complete."""
    poses = [pose for pose, _ in cameras]
    inner = [intrinsics for _, intrinsics in cameras]
    angles = [(one.yaw_deg, one.pitch_deg, one.roll_deg) for one in poses]
    yaw, pitch, roll = np.array(angles, dtype=np.float64).reshape(-1, 3).T
    known = {one.distortion for one in inner if one.distortion is not None}
    return CameraArray(
        lonlat=_rows([(one.lon, one.lat) for one in poses]),
        height_m=np.array([one.altitude_agl_m for one in poses], dtype=np.float64),
        axes=compute_camera_axes(yaw, pitch, roll),
        focal_px=np.array([one.focal_px for one in inner], dtype=np.float64),
        center_px=_rows([(one.cx_px, one.cy_px) for one in inner]),
        size_px=_rows([(one.width_px, one.height_px) for one in inner]),
        lenses=tuple(
            (lens, np.array([one.distortion == lens for one in inner])) for lens in sorted(known)
        ),
    )


def _rows(pairs: Sequence[tuple[float, float]]) -> FloatArray:
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def compute_border_rays(cameras: CameraArray, per_side: int) -> FloatArray:
    """Return rays along the border of every photo, ``(n, 4 * per_side, 3)``, not normalised.

    Their component along the optical axis is 1. Where the lens model ends before the corner, the
    ray of a camera without distortion stands in.
    """
    starts, ends = np.array(CORNERS), np.roll(CORNERS, -1, axis=0)
    steps = np.arange(per_side)[:, None] / per_side
    shares = np.concatenate([a + (b - a) * steps for a, b in zip(starts, ends, strict=True)])
    pixels = shares[None] * cameras.size_px[:, None]
    plane = (pixels - cameras.center_px[:, None]) / cameras.focal_px[:, None, None]
    for lens, has_lens in cameras.lenses:
        ideal = undistort_points(plane[has_lens], lens)
        plane[has_lens] = np.where(np.isfinite(ideal), ideal, plane[has_lens])
    in_camera = np.concatenate([plane, np.ones((*plane.shape[:2], 1))], axis=-1)
    return np.asarray(np.einsum("nki,nij->nkj", in_camera, cameras.axes))


def project_offsets(cameras: CameraArray, index: IndexArray, offsets_m: FloatArray) -> FloatArray:
    """Return the pixels ``(m, 2)`` of points ``offsets_m`` (m, 3) from the cameras ``index`` (m,).

    NaN behind the camera and where the lens shows nothing.
    """
    right, down, forward = np.einsum("nij,nj->in", cameras.axes[index], offsets_m)
    with np.errstate(divide="ignore", invalid="ignore"):
        plane = np.stack([right / forward, down / forward], axis=-1)
    plane[forward <= 0] = np.nan
    for lens, has_lens in cameras.lenses:
        chosen = has_lens[index]
        plane[chosen] = distort_points(plane[chosen], lens)
    return np.asarray(cameras.center_px[index] + cameras.focal_px[index, None] * plane)


def compute_surface_gsd_m(
    distance_m: FloatArray, depth_m: FloatArray, cosine: FloatArray, focal_px: FloatArray
) -> FloatArray:
    """Return the side of a pixel on a surface, metres: the root of the area that it covers.

    ``depth_m`` is the distance along the optical axis, ``cosine`` that of the angle between the
    line of sight and the surface's normal. A pixel of area 1 / focal² sees a solid angle of
    (depth / distance)³ / focal², which covers distance² / cosine times as much of the surface.
    Straight down this is height / focal everywhere in the photo.
    """
    return np.asarray(depth_m**1.5 / np.sqrt(distance_m * cosine) / focal_px)


def cut_ring(corners: FloatArray, sides: FloatArray) -> FloatArray:
    """Keep the part of a convex ring ``(k, d)`` where a linear function is not negative.

    ``sides`` (k,) are its values at the corners (Sutherland-Hodgman).
    """
    if np.all(sides >= 0):
        return corners
    kept: list[FloatArray] = []
    for here, there, side, next_side in zip(
        corners, np.roll(corners, -1, axis=0), sides, np.roll(sides, -1), strict=True
    ):
        if side >= 0:
            kept.append(here)
        if (side >= 0) != (next_side >= 0):
            kept.append(here + (there - here) * (side / (side - next_side)))
    return np.array(kept).reshape(-1, corners.shape[1])
