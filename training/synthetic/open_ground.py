"""Open ground with covers: a world for flights of poses, of any size, without pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.domain.hazard import HazardClass
from training.synthetic.camera import Array, PinholeCamera
from training.synthetic.textures import Rng

RADIUS_M = (0.33, 0.42)
"""Outer radii of common covers: 600 to 800 mm across, with the frame."""


@dataclass(frozen=True, slots=True)
class GroundCover:
    """A level round cover: its middle (3,) in the street frame and its outer radius."""

    hazard_class: HazardClass
    center: Array
    radius_m: float

    def outline(self, count: int = 64) -> Array:
        """Points ``(n, 3)`` around the outer edge."""
        angle = np.linspace(0, 2 * math.pi, count, endpoint=False)
        ring = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(count)])
        return np.asarray(self.center + self.radius_m * ring, dtype=np.float64)

    def samples(self) -> Array:
        """Points ``(n, 3)`` spread over the whole cover."""
        rim = self.outline(16) - self.center
        return np.concatenate([self.center + rim * share for share in (0.97, 0.6, 0.2)])


@dataclass(frozen=True, slots=True)
class ClearView:
    """A camera with nothing before it: it sees whatever falls into the photo."""

    camera: PinholeCamera

    def sees(self, points: Array) -> NDArray[np.bool_]:
        """Which of the points ``(n, 3)`` fall into the photo, (n,)."""
        return contains(self.camera, points)


def contains(camera: PinholeCamera, points: Array, margin_px: float = 0.0) -> NDArray[np.bool_]:
    """Which of the points ``(n, 3)`` fall into the photo or ``margin_px`` beside it, (n,)."""
    xy, depth = camera.project(points)
    size_px = np.array([camera.width_px, camera.height_px], dtype=np.float64)
    with np.errstate(invalid="ignore"):
        inside = (xy >= -margin_px) & (xy <= size_px + margin_px)
    return np.asarray(inside.all(axis=1) & (depth > 0), dtype=np.bool_)


def scatter_covers(
    rng: Rng,
    states: Sequence[HazardClass],
    bounds: tuple[float, float, float, float],
    *,
    spacing_m: float,
    relief_m: float = 0.0,
) -> list[GroundCover]:
    """Lay one cover a state at random within ``bounds`` (x low, y low, x high, y high), metres.

    No two are nearer than ``spacing_m`` in the plane, or than the ground allows where it is
    crowded; ``relief_m`` is the standard deviation of their height.
    """
    low, size = np.array(bounds[:2]), np.subtract(bounds[2:], bounds[:2])
    # Cells of a grid, each with room for one cover: no pair has to be looked at.
    cell_m = min(2.5 * spacing_m, math.sqrt(float(size.prod()) / max(1, len(states)) / 1.5))
    columns, rows = (max(1, math.ceil(side / cell_m)) for side in size)
    chosen = rng.choice(columns * rows, len(states), replace=len(states) > columns * rows)
    corner = np.column_stack([chosen % columns, chosen // columns]) * cell_m
    slack_m = max(0.0, cell_m - spacing_m)
    plane = low + corner + rng.uniform(0, 1, (len(states), 2)) * slack_m
    heights = rng.normal(0, 1, len(states)) * relief_m
    radii = rng.uniform(*RADIUS_M, len(states))
    return [
        GroundCover(state, np.array([x, y, z]), float(radius))
        for state, (x, y), z, radius in zip(states, plane, heights, radii, strict=True)
    ]
