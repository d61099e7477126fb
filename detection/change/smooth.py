"""Smooth a volume of scores over a grid, so that weak cells take the height of their neighbours.

Semi-global matching (Hirschmüller, "Stereo Processing by Semiglobal Matching and Mutual
Information", PAMI 2008): along eight directions the cheapest path to each cell and height is
summed, where one step of height between neighbours costs little and a jump costs more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEP_PENALTY = 0.08
"""Of one step of height between neighbours, in units of correlation: roofs may slope."""
JUMP_PENALTY = 0.5
"""Of any larger one: walls are few."""

_DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))

Volume = NDArray[np.float32]
"""(rows, columns, heights)."""


def smooth_volume(costs: Volume) -> Volume:
    """Return the mean over directions of the cheapest path's cost; the same shape."""
    total = np.zeros_like(costs)
    for down, right in _DIRECTIONS:
        total += _sum_paths(costs, down, right)
    return np.asarray(total / len(_DIRECTIONS), dtype=np.float32)


def _sum_paths(costs: Volume, down: int, right: int) -> Volume:
    """Return the cost of the cheapest path in one direction to every cell and height."""
    if down == 0:  # along rows: the same sweep over the columns
        return np.swapaxes(_sum_paths(np.swapaxes(costs, 0, 1), right, 0), 0, 1)
    rows = costs.shape[0]
    order = range(rows) if down > 0 else range(rows - 1, -1, -1)
    out = np.empty_like(costs)
    before: Volume | None = None
    for row in order:
        out[row] = costs[row]
        if before is not None:
            out[row] += _shift(_continue_paths(before), right)
        before = out[row]
    return out


def _continue_paths(before: Volume) -> Volume:
    """Return what a path pays on top when it comes from the cells ``(columns, heights)``."""
    lowest = before.min(axis=1, keepdims=True)
    best = np.minimum(before, lowest + JUMP_PENALTY)
    np.minimum(best[:, 1:], before[:, :-1] + STEP_PENALTY, out=best[:, 1:])
    np.minimum(best[:, :-1], before[:, 1:] + STEP_PENALTY, out=best[:, :-1])
    return np.asarray(best - lowest)


def _shift(cells: Volume, right: int) -> Volume:
    """Return the cells one further right (or left); a path that enters from outside pays 0."""
    if right == 0:
        return cells
    moved = np.zeros_like(cells)
    if right > 0:
        moved[1:] = cells[:-1]
    else:
        moved[:-1] = cells[1:]
    return moved
