"""Whether our camera model is a camera: truth against its pixel, without noise."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from detection.domain.photo import Photo
from detection.georeference import project_point
from tests.bench.worlds import SIZE_PX, Rng, World, fly
from training.synthetic.camera import Array, PinholeCamera
from training.synthetic.noise import NoiseKind, choose_noise
from training.synthetic.survey import Survey, aim_at

HEIGHTS_M, PITCHES_DEG = (40.0, 60.0, 100.0), (-90.0, -60.0, -45.0, -30.0, -20.0)
POINTS = 20
WIDE_LENS = (-0.12, 0.03, 0.0008, -0.0006, -0.004)
"""Distortion as drones state it: k1, k2, p1, p2, k3."""


def measure_reprojection(flights: int, seed: int) -> dict[str, float]:
    """Return the largest distance in pixels by lens, over random flights and points.

    The pinhole's pixel is the renderer's, the distorted one's OpenCV's; the pose that we project
    with went through a file, so that the rounding of its metadata is in the figure.
    """
    rng = np.random.default_rng(seed)
    worst = {"pinhole": 0.0, "distorted lens": 0.0}
    for _ in range(flights):
        height_m, pitch_deg = float(rng.choice(HEIGHTS_M)), float(rng.choice(PITCHES_DEG))
        survey = Survey(2, SIZE_PX, height_m, pitch_deg, 0.8)
        world = fly(rng, survey, choose_noise(NoiseKind.NONE))
        for camera, photo in zip(world.cameras, world.photos, strict=True):
            points, xy = _aim(rng, camera)
            bent = _bend(camera, points)
            for name, expected, lens in (
                ("pinhole", xy, None),
                ("distorted lens", bent, WIDE_LENS),
            ):
                got = _project(world, _give_lens(photo, lens), points)
                worst[name] = max(worst[name], float(np.linalg.norm(got - expected, axis=1).max()))
    return worst


def _aim(rng: Rng, camera: PinholeCamera) -> tuple[Array, Array]:
    """Points (n, 3) on random rays that meet the ground, and their pixels (n, 2)."""
    xy = rng.uniform(0.05, 0.95, (POINTS, 2)) * [camera.width_px, camera.height_px]
    rays = camera.rays(xy)
    steep = -rays[:, 2] > 0.15 * np.linalg.norm(rays, axis=1)
    points = aim_at(camera, xy[steep], rng.uniform(-1, 5, int(steep.sum())))
    return points, camera.project(points)[0]


def _bend(camera: PinholeCamera, points: Array) -> Array:
    turn, _ = cv2.Rodrigues(camera.rotation)
    shift = -camera.rotation @ camera.position
    k1, k2, p1, p2, k3 = WIDE_LENS
    lens = np.array([k1, k2, p1, p2, k3])
    xy, _ = cv2.projectPoints(points, turn, shift, camera.matrix, lens)
    return np.asarray(xy.reshape(-1, 2), dtype=np.float64)


def _give_lens(photo: Photo, lens: tuple[float, float, float, float, float] | None) -> Photo:
    if photo.intrinsics is None:
        message = "the photo has no focal length"
        raise TypeError(message)
    return replace(photo, intrinsics=replace(photo.intrinsics, distortion=lens))


def _project(world: World, photo: Photo, points: Array) -> Array:
    """Pixels (n, 2) of true points by our own camera model."""
    if photo.pose is None or photo.intrinsics is None:
        message = "the photo has no pose or focal length"
        raise TypeError(message)
    rows = []
    for point in points:
        lon, lat = world.lonlat(point)
        xy = project_point(photo.pose, photo.intrinsics, lon, lat, float(point[2]))
        rows.append(xy or (np.nan, np.nan))
    return np.array(rows)
