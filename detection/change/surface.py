"""The surface that an epoch's points describe, and how far another's points are above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from detection.domain.geometry import FloatArray

NEIGHBOURS = 10
NEAR_M = 1.5
"""A height counts at places with a point so near in the plane."""
MAX_ROUGH_M = 0.3
"""Points farther off the plane through their neighbours are of leaves, cars and walls."""
MIN_LEVEL = 0.7
"""Of the upward part of a stable surface's normal."""


@dataclass(frozen=True, slots=True)
class Surface:
    """Points ``(k, 3)``, the unit normal of each, and how far its neighbours lie off its plane."""

    points_m: FloatArray
    normals: FloatArray
    roughness_m: FloatArray

    @property
    def is_smooth(self) -> NDArray[np.bool_]:
        """Which points lie on a surface that is even and more level than steep."""
        level = np.abs(self.normals[:, 2]) > MIN_LEVEL
        return np.asarray(level & (self.roughness_m < MAX_ROUGH_M))


def describe_surface(points_m: FloatArray) -> Surface:
    """Return the surface of points ``(k, 3)``, of which there are more than ten."""
    _, near = cKDTree(points_m).query(points_m, k=NEIGHBOURS + 1)
    around = points_m[np.asarray(near)] - points_m[np.asarray(near)].mean(axis=1, keepdims=True)
    spreads, axes = np.linalg.eigh(around.swapaxes(1, 2) @ around)
    return Surface(points_m, axes[:, :, 0], np.sqrt(np.maximum(spreads[:, 0], 0.0) / NEIGHBOURS))


def find_outside(
    points_m: FloatArray, buildings: Sequence[BaseGeometry], margin_m: float
) -> NDArray[np.bool_]:
    """Return whether each point lies farther than a margin from every building, ``(k,)``."""
    outside = np.ones(len(points_m), dtype=bool)
    if buildings:
        tree = shapely.STRtree([building.buffer(margin_m) for building in buildings])
        outside[tree.query(shapely.points(points_m[:, :2]), predicate="intersects")[0]] = False
    return outside


def difference_heights(target: Surface, moved: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return places ``(k, 2)`` on smooth parts of the target, and target minus ``moved`` there.

    ``moved`` are points ``(n, 3)``; those far from every point of the target are left out.
    """
    distance, nearest = cKDTree(target.points_m[:, :2]).query(moved[:, :2])
    nearest = np.asarray(nearest)
    kept = (distance <= NEAR_M) & target.is_smooth[nearest]
    places, at = moved[kept], nearest[kept]
    # The plane through the nearest point: a point of its own rarely lies at the very place.
    aside = places[:, :2] - target.points_m[at, :2]
    slopes = target.normals[at, :2] / target.normals[at, 2:]
    heights = target.points_m[at, 2] - np.einsum("ij,ij->i", slopes, aside)
    return places[:, :2], np.asarray(heights - places[:, 2])
