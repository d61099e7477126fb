"""How much of the ground two flights both show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_fill_holes

from detection.change.epoch import Epoch
from detection.change.errors import NoOverlapError, SmallOverlapError
from detection.domain.geometry import FloatArray

CELL_M = 5.0
MIN_POINTS = 2
"""Points in a cell before it counts as seen: single ones stray to the horizon."""
MAX_CELLS = 4_000_000
MIN_SHARE = 0.3
"""Of the smaller flight that must lie in the other: with less, ground for co-registration lacks."""
GOOD_SHARE = 0.6
"""With less a person is told: many buildings are then seen by one flight only."""


def check_overlap(base: Epoch, new: Epoch) -> float:
    """Return the share of the smaller flight's ground that lies in the other's.

    Both are on one plane; metres of difference between their positions do not matter here.

    Raises:
        NoOverlapError: they share nothing.
        SmallOverlapError: they share too little.
    """
    points = [epoch.model.points_m[:, :2] for epoch in (base, new)]
    low = np.min([np.percentile(one, 0.5, axis=0) for one in points], axis=0) - 4 * CELL_M
    high = np.max([np.percentile(one, 99.5, axis=0) for one in points], axis=0) + 4 * CELL_M
    cell_m = max(CELL_M, float(np.sqrt(np.prod(high - low) / MAX_CELLS)))
    first, second = (_find_ground(one, low, high, cell_m) for one in points)
    shared, smaller = int((first & second).sum()), min(int(first.sum()), int(second.sum()))
    if not shared:
        middles = [np.median(one, axis=0) for one in points]
        raise NoOverlapError(float(np.linalg.norm(middles[1] - middles[0])))
    if shared < MIN_SHARE * smaller:
        raise SmallOverlapError(shared / smaller, MIN_SHARE)
    return shared / smaller


def _find_ground(
    level_m: FloatArray, low: FloatArray, high: FloatArray, cell_m: float
) -> NDArray[np.bool_]:
    """Return the cells that a flight shows, with the gaps between its points closed."""
    inside = level_m[((level_m >= low) & (level_m < high)).all(axis=1)]
    edges = [np.arange(low[i], high[i] + cell_m, cell_m) for i in range(2)]
    counts, *_ = np.histogram2d(inside[:, 0], inside[:, 1], bins=(edges[0], edges[1]))
    seen = binary_closing(counts >= MIN_POINTS, iterations=2)
    return np.asarray(binary_fill_holes(seen), dtype=np.bool_)
