"""The ground at a building's foot, where lanes are narrow and walls hide most of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from detection.domain.geometry import FloatArray

REACH_M = 20.0
"""Points so far from a footprint may tell how high its ground lies."""
MIN_POINTS = 12
LEVEL_M = 0.8
"""The lowest slice so thick that holds enough points is where the ground is looked for."""
MIN_SHARE = 0.03
NEAR_M = 0.5
"""Points this near to the plane belong to the ground."""
MAX_SLOPE = 0.3
LEAST_STD_M = 0.15
"""Where exactly the foot of a building is, is not known better than this on uneven ground."""
_ROUNDS = 25
_NMAD = 1.4826


@dataclass(frozen=True, slots=True)
class Ground:
    """The height of the ground at the middle of a footprint and one standard deviation."""

    height_m: float
    std_m: float


def find_ground(points_m: FloatArray, footprint_m: BaseGeometry, clear_m: float) -> Ground | None:
    """Return the ground among points ``(n, 3)`` round a footprint; None where too few tell.

    It is the lower envelope: a plane through the lowest slice that holds enough points, taken
    anew through what lies near it. Points nearer than ``clear_m`` to the footprint, roofs, cars
    and trees drop out.
    """
    level = shapely.points(points_m[:, :2])
    distance = shapely.distance(footprint_m, level)
    round_it = points_m[(distance > clear_m) & (distance <= REACH_M)]
    if len(round_it) < MIN_POINTS:
        return None
    start = _find_lowest_slice(np.sort(round_it[:, 2]))
    middle = shapely.get_coordinates(footprint_m.centroid)[0]
    arms = round_it[:, :2] - middle
    plane = np.array([start, 0.0, 0.0])
    for _ in range(_ROUNDS):
        left = round_it[:, 2] - plane[0] - arms @ plane[1:]
        near = np.abs(left) <= NEAR_M
        if near.sum() < MIN_POINTS:
            break
        plane = _fit_plane(arms[near], round_it[near, 2])
    left = round_it[:, 2] - plane[0] - arms @ plane[1:]
    spread = _NMAD * float(np.median(np.abs(left[np.abs(left) <= LEVEL_M])))
    return Ground(float(plane[0]), max(spread, LEAST_STD_M))


def _find_lowest_slice(ordered: FloatArray) -> float:
    """Return the middle of the lowest slice of heights that holds enough points."""
    least = max(MIN_POINTS, round(MIN_SHARE * len(ordered)))
    until = np.searchsorted(ordered, ordered + LEVEL_M)
    full = np.flatnonzero(until - np.arange(len(ordered)) >= least)
    first = int(full[0]) if len(full) else 0
    return float(np.median(ordered[first : int(until[first])]))


def _fit_plane(arms: FloatArray, heights: FloatArray) -> FloatArray:
    """Return height at the middle and slopes east and north, held back where little tells."""
    rows = np.column_stack([np.ones(len(arms)), arms])
    held = np.diag([0.0, REACH_M**2, REACH_M**2])
    found = np.linalg.solve(rows.T @ rows + held, rows.T @ heights)
    found[1:] = np.clip(found[1:], -MAX_SLOPE, MAX_SLOPE)
    return np.asarray(found, dtype=np.float64)
