"""A box on level ground seen by a small flight, drawn in code with exact poses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Polygon, box

from detection.change.epoch import Epoch
from detection.domain.camera import CameraIntrinsics
from detection.domain.geometry import FloatArray
from detection.domain.photo import Photo
from detection.plane import LocalPlane
from detection.refine.reconstruct import SparseModel

WIDTH, HEIGHT, FOCAL = 220, 180, 190.0
FLIGHT_M = 40.0
TEXTURE_M = 0.2
PLANE = LocalPlane(113.2, 23.1)


@dataclass(frozen=True)
class Scene:
    """A roof ``roof_m`` above ground of height 0; ``is_blank`` roofs have one grey value."""

    roof_m: float
    footprint: Polygon = field(default_factory=lambda: box(-4.0, -4.0, 4.0, 4.0))
    is_blank: bool = False


def build_epoch(scene: Scene, folder: Path, *, seed: int = 0) -> Epoch:
    """Return nine photos of the scene looking down from a square of places, and points on it."""
    rng = np.random.default_rng(seed)
    ground, roof = (_texture(rng) for _ in range(2))
    if scene.is_blank:
        roof = np.full_like(roof, 128.0)
    axes = np.array([[1.0, 0, 0], [0, -1.0, 0], [0, 0, -1.0]])  # right east, down south
    centers = np.array([(x, y, FLIGHT_M) for x in (-9.0, 0, 9.0) for y in (-9.0, 0, 9.0)])
    photos = []
    for number, center in enumerate(centers):
        path = folder / f"{number}.png"
        cv2.imwrite(str(path), _draw(scene, center, ground, roof))
        photos.append(
            Photo(path.name, path, f"{number:064d}", WIDTH, HEIGHT, None, None, None, None)
        )
    lens = CameraIntrinsics(WIDTH, HEIGHT, FOCAL, WIDTH / 2, HEIGHT / 2, "test")
    level = rng.uniform(-20, 20, (600, 2))
    outside = np.abs(level).max(axis=1) > 5.0  # clear of the box
    points = np.column_stack([level[outside], np.zeros(outside.sum())])
    model = SparseModel(
        tuple(photo.photo_id for photo in photos),
        centers,
        np.tile(axes, (len(centers), 1, 1)),
        points,
        0.3,
        lens,
    )
    return Epoch(tuple(photos), model, PLANE)


def _texture(rng: np.random.Generator) -> FloatArray:
    return np.asarray(cv2.GaussianBlur(rng.uniform(0, 255, (400, 400)), (0, 0), 0.8))


def _draw(
    scene: Scene, center: FloatArray, ground: FloatArray, roof: FloatArray
) -> NDArray[np.uint8]:
    column, row = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    rays = np.stack([(column - WIDTH / 2) / FOCAL, -(row - HEIGHT / 2) / FOCAL], axis=-1)
    on_roof = center[:2] + rays * (center[2] - scene.roof_m)
    on_ground = center[:2] + rays * center[2]
    west, south, east, north = scene.footprint.bounds
    hits = (
        (on_roof[..., 0] >= west)
        & (on_roof[..., 0] <= east)
        & (on_roof[..., 1] >= south)
        & (on_roof[..., 1] <= north)
    )
    picture = np.where(hits, _look_up(roof, on_roof), _look_up(ground, on_ground))
    return np.asarray(np.clip(picture, 0, 255), dtype=np.uint8)


def _look_up(texture: FloatArray, level_m: FloatArray) -> FloatArray:
    at = (level_m / TEXTURE_M + 200.0).astype(np.float32)
    return np.asarray(
        cv2.remap(texture.astype(np.float32), at[..., 0], at[..., 1], cv2.INTER_LINEAR)
    ).astype(np.float64)
