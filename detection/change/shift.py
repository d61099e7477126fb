"""The shift between two surfaces whose positions may differ by metres: correlation of heights."""

from __future__ import annotations

import numpy as np
from numpy.fft import irfft2, rfft2
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from detection.domain.geometry import FloatArray

CELL_M = 1.0
NEIGHBOURS = 3
MAX_GAP_M = 2.5
"""A cell has the mean height of the three points nearest, none where one is farther off."""
LOCAL_M = 8.0
"""Heights are taken against their surroundings of this sigma, so that no tilt or bend matters."""
CLIP_M = 4.0
"""Heights above their surroundings count up to this: one tall tree must not decide."""
MIN_CELLS = 400


def find_shift(target: FloatArray, source: FloatArray, reach_m: float) -> FloatArray | None:
    """Return the shift ``(3,)`` of ``source`` ``(k, 3)`` that lays it best on ``target``.

    The shift in the plane is that of the highest masked correlation (Padfield 2012) of heights
    against their surroundings, to a metre; that in height is the median difference there. None
    where fewer than 400 cells are seen by both.
    """
    low = np.minimum(target.min(axis=0), source.min(axis=0))[:2] - reach_m
    high = np.maximum(target.max(axis=0), source.max(axis=0))[:2] + reach_m
    before, after = grid_heights(target, low, high), grid_heights(source, low, high)
    score, cells = _correlate(_stand_out(before), _stand_out(after))
    steps = int(reach_m / CELL_M)
    around = np.r_[0 : steps + 1, -steps:0]
    near = np.ix_(around, around)
    usable = np.where(cells[near] >= MIN_CELLS, score[near], -np.inf)
    if not np.isfinite(usable).any():
        return None
    at = np.unravel_index(int(np.argmax(usable)), usable.shape)
    steps_east, steps_north = int(around[at[0]]), int(around[at[1]])
    up = np.nanmedian(before - np.roll(after, (steps_east, steps_north), axis=(0, 1)))
    return np.array([steps_east * CELL_M, steps_north * CELL_M, float(up)])


def grid_heights(points_m: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return heights (columns eastward, rows northward) between two corners, NaN far off."""
    axes = [np.arange(low[i], high[i], CELL_M) for i in range(2)]
    mesh = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    distances, near = cKDTree(points_m[:, :2]).query(mesh, k=NEIGHBOURS)
    heights = points_m[np.asarray(near), 2].mean(axis=-1)
    heights[np.asarray(distances)[..., -1] > MAX_GAP_M] = np.nan
    return np.asarray(heights)


def _stand_out(heights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return clipped heights against the mean round them, 0 where unknown, and what is known."""
    known = np.isfinite(heights).astype(np.float64)
    total = gaussian_filter(np.where(known > 0, heights, 0.0), LOCAL_M / CELL_M)
    share = np.maximum(gaussian_filter(known, LOCAL_M / CELL_M), 1e-6)
    above = np.clip(np.where(known > 0, heights - total / share, 0.0), -CLIP_M, CLIP_M)
    return above, known


def _correlate(
    before: tuple[FloatArray, FloatArray], after: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, NDArray[np.float64]]:
    """Return the correlation for every shift of ``after`` in cells, and the cells it rests on."""

    def cross(one: FloatArray, other: FloatArray) -> FloatArray:
        return np.asarray(irfft2(rfft2(one) * np.conj(rfft2(other)), s=one.shape))

    (first, seen), (second, seen_too) = before, after
    cells = np.maximum(cross(seen, seen_too), 1.0)
    mean, mean_too = cross(first, seen_too) / cells, cross(seen, second) / cells
    spread = cross(first**2, seen_too) / cells - mean**2
    spread_too = cross(seen, second**2) / cells - mean_too**2
    together = cross(first, second) / cells - mean * mean_too
    return together / np.sqrt(np.maximum(spread * spread_too, 1e-6)), cells
