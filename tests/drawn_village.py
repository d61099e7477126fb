"""A drawn village: points as structure from motion finds them on sloping ground and flat roofs."""

from __future__ import annotations

import numpy as np
import shapely

from detection.change.epoch import Epoch
from detection.domain.camera import CameraIntrinsics
from detection.domain.geometry import FloatArray
from detection.plane import LocalPlane
from detection.refine.reconstruct import SparseModel

PLANE = LocalPlane(113.0, 23.0)
CAMERA = CameraIntrinsics(1200, 900, 830.0, 600.0, 450.0, "test")
SIDE_M = 90.0
NOISE_M = 0.06


def list_houses() -> list[shapely.Polygon]:
    """Rows of houses of unlike sizes, so that no other shift fits as well."""
    rng = np.random.default_rng(3)
    houses = []
    for west in range(8, 80, 18):
        for south in range(8, 80, 18):
            width, depth = rng.uniform(7, 12, 2)
            east, north = west + rng.uniform(0, 3), south + rng.uniform(0, 3)
            houses.append(shapely.box(east, north, east + width, north + depth))
    return houses


HOUSES = list_houses()
HEIGHTS_M = np.random.default_rng(4).uniform(4.0, 15.0, len(HOUSES))


def draw_points(
    seed: int, rises_m: dict[int, float] | None = None, count: int = 9000
) -> FloatArray:
    """Points on sloping ground and flat roofs, with noise; ``rises_m`` by house."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(0.0, SIDE_M, (count, 2))
    heights = 0.04 * level[:, 0] + 0.8 * np.sin(level[:, 1] / 15.0)
    for number, house in enumerate(HOUSES):
        inside = shapely.contains_xy(house, level[:, 0], level[:, 1])
        heights[inside] = HEIGHTS_M[number] + (rises_m or {}).get(number, 0.0)
    return np.column_stack([level, heights + rng.normal(0.0, NOISE_M, count)])


def make_epoch(points_m: FloatArray) -> Epoch:
    model = SparseModel(
        photo_ids=("one",),
        centers_m=np.array([[45.0, 45.0, 60.0]]),
        axes=np.array([[[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]]]),
        points_m=points_m,
        reprojection_px=0.3,
        intrinsics=CAMERA,
    )
    return Epoch((), model, PLANE)
