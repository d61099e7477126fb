"""Measure heights by plane sweep: at the right height all photos show a cell alike.

For every height that is tried, the photos are laid onto the level plane at that height (a
homography each) and compared in windows by normalised correlation, which light and exposure do
not change. This is the vertical line locus of photogrammetry, on a grid; roofs that are level
match exactly, whatever the angle from which they are seen.
"""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.change.epoch import Epoch
from detection.change.ground import find_ground
from detection.change.heights import Grid, HeightPatch, build_unseen, lay_grid
from detection.change.settings import ChangeSettings
from detection.change.smooth import Volume, smooth_volume
from detection.change.views import Camera, PhotoCache, choose_views
from detection.domain.geometry import FloatArray

Plane = NDArray[np.float32]
"""(rows, columns)."""
View = tuple[Plane, Camera]
PairGroups = list[list[tuple[int, int]]]

DIRECTIONS = 4
"""Groups of pairs of photos by the direction between them."""
FULL_GROUP = 3
"""Pairs from which on a group counts fully."""
MIN_BASE = 0.06
"""Smallest distance between two photos, over their height above the building."""
LEFT_OUT = 0.3
"""Share of the pairs of photos that does not count, the least alike."""
BLANK_LIKENESS = 0.5
"""Of two windows without texture."""
OUTSIDE = -1000.0
"""Grey value of what lies outside a photo."""
NOISE = 0.1
"""Variance of the likeness at a peak; with it, cells of rendered roofs miss by one standard
deviation as often as they should."""
RIVAL_M = 1.0
"""A second height counts as a rival of the best one from this distance."""
MAX_RIVAL = 0.9
"""Likeness of a rival, of that of the best height, up to which the best one is believed."""
THINNED = 4
"""Of so many cells each way one helps to find the ground: as dense as the model's points."""


def sweep_heights(
    epoch: Epoch,
    polygon_m: BaseGeometry,
    margin_m: float,
    range_m: tuple[float, float],
    settings: ChangeSettings,
    *,
    cache: PhotoCache | None = None,
) -> HeightPatch:
    """Return the heights of a footprint and the ground round it.

    ``range_m`` is the lowest and highest height that is tried. The grid depends on the footprint
    and the settings only. Where fewer than ``min_views`` photos show the place, nothing is seen.
    """
    grid = lay_grid(polygon_m, margin_m, settings.cell_m)
    indices = choose_views(epoch, _spread_points(polygon_m, range_m), settings)
    names = tuple(epoch.photos[index].photo_id for index in indices)
    cache = cache or PhotoCache(epoch, settings)
    views = [view for index in indices if (view := cache.read_gray(index)) is not None]
    if len(views) < settings.min_views:
        return build_unseen(grid, names)
    levels = _list_levels(range_m, settings.step_m)
    scores, texture = _score_levels(views, grid, levels, settings)
    heights, std_m, seen, blank = _pick_heights(scores, texture, levels, settings)
    known = np.vstack([epoch.model.points_m, grid.list_points(heights, _thin(seen))])
    ground = find_ground(known, polygon_m, settings.footprint_error_m)
    return HeightPatch(
        heights, std_m, seen, blank, grid.cell_m, grid.west_m, grid.north_m, names, ground
    )


def _list_levels(range_m: tuple[float, float], step_m: float) -> FloatArray:
    count = math.ceil((range_m[1] - range_m[0]) / step_m) + 1
    return np.asarray(range_m[0] + np.arange(count) * step_m, dtype=np.float64)


def _thin(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return one cell of every ``THINNED`` each way."""
    kept = np.zeros_like(cells)
    kept[::THINNED, ::THINNED] = cells[::THINNED, ::THINNED]
    return kept


def _spread_points(polygon_m: BaseGeometry, range_m: tuple[float, float]) -> FloatArray:
    """Return points of a footprint, at the middle of the heights that are tried."""
    inner = lay_grid(polygon_m, 0.0, max(polygon_m.length / 40, 0.1))
    east, north = np.meshgrid(*inner.list_centers())
    level = np.full(east.size, sum(range_m) / 2)
    return np.column_stack([east.ravel(), north.ravel(), level])


def _group_pairs(cameras: list[Camera], middle_m: FloatArray) -> PairGroups:
    """Return the pairs of views by the direction in which a wrong height moves them apart.

    A straight edge stays alike at any height between views that it moves along itself, so the
    directions have to count alike, however many photos a row of the flight has. Pairs that look
    from nearly the same direction say nothing of heights and are left out.
    """
    lines = np.array([camera.center_m for camera in cameras]) - middle_m
    slopes = lines[:, :2] / np.maximum(lines[:, 2:], 1.0)
    groups: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for one, other in combinations(range(len(cameras)), 2):
        east, north = slopes[one] - slopes[other]
        if math.hypot(east, north) >= MIN_BASE:
            turned = math.degrees(math.atan2(north, east)) + 90.0 / DIRECTIONS
            groups[int(turned % 180.0 // (180.0 / DIRECTIONS))].append((one, other))
    return list(groups.values())


def _score_levels(
    views: list[View],
    grid: Grid,
    levels: FloatArray,
    settings: ChangeSettings,
) -> tuple[Volume, Volume]:
    """Return how alike the photos are, ``(rows, columns, levels)``, and their texture there."""
    scores = np.empty((len(levels), grid.rows, grid.columns), dtype=np.float32)
    texture = np.empty_like(scores)
    middle = np.array([*grid.find_middle(), float(levels.mean())])
    groups = _group_pairs([camera for _, camera in views], middle)
    window = max(3, 2 * round(settings.window_m / grid.cell_m / 2) + 1)
    for number, level in enumerate(levels):
        laid = [_lay_down(gray, camera, grid, level) for gray, camera in views]
        scores[number], texture[number] = _compare(laid, groups, window, settings.min_texture)
    return _put_levels_last(scores), _put_levels_last(texture)


def _put_levels_last(volume: NDArray[np.float32]) -> Volume:
    return np.ascontiguousarray(np.moveaxis(volume, 0, 2))


def _lay_down(
    gray: NDArray[np.float32], camera: Camera, grid: Grid, level_m: float
) -> NDArray[np.float32]:
    """Return the photo on the level plane at ``level_m``, ``(rows, columns)``."""
    half = grid.cell_m / 2
    first = np.array([grid.west_m + half, grid.north_m - half, level_m]) - camera.center_m
    plane = np.column_stack([(grid.cell_m, 0.0, 0.0), (0.0, -grid.cell_m, 0.0), first])
    laid = cv2.warpPerspective(
        gray,
        camera.matrix @ plane,
        (grid.columns, grid.rows),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=OUTSIDE,
    )
    return np.asarray(laid, dtype=np.float32)


def _compare(
    laid: list[Plane], groups: PairGroups, window: int, min_texture: float
) -> tuple[Plane, Plane]:
    """Return how alike the photos of each cell are, and the strongest texture among them."""
    quiet = min_texture**2
    means = [_box(one, window) for one in laid]
    variances = [
        np.maximum(_box(one * one, window) - mean * mean, 0.0)
        for one, mean in zip(laid, means, strict=True)
    ]
    cut = [_box(np.asarray(one < OUTSIDE / 2, dtype=np.float32), window) > 0 for one in laid]
    total, weights = np.zeros_like(laid[0]), np.full_like(laid[0], 1e-6)
    for pairs in groups:
        kept = _BestMean(laid[0].shape, len(pairs))
        for one, other in pairs:
            together = _box(laid[one] * laid[other], window) - means[one] * means[other]
            # Windows that are both blank agree a little, a blank and a textured one not at all.
            together += BLANK_LIKENESS * quiet
            together /= (variances[one] + variances[other]) / 2 + quiet
            kept.add(together, cut[one] | cut[other])
        weight = np.minimum(kept.count / FULL_GROUP, 1.0)
        total += weight * kept.mean()
        weights += weight
    texture = np.max(
        [np.where(gone, 0.0, one) for one, gone in zip(variances, cut, strict=True)], 0
    )
    return total / weights, np.sqrt(texture)


class _BestMean:
    """The mean over pairs of photos without the least alike of each cell.

    A wall, a tree or the edge of a photo hides a cell from some of them.
    """

    def __init__(self, shape: tuple[int, ...], pairs: int) -> None:
        self.count = np.zeros(shape, dtype=np.float32)
        self._sum = np.zeros(shape, dtype=np.float32)
        self._lowest = [
            np.full(shape, np.inf, dtype=np.float32) for _ in range(round(LEFT_OUT * pairs))
        ]

    def add(self, likeness: Plane, missing: NDArray[np.bool_]) -> None:
        """Count one pair, where it is not missing."""
        if missing.any():
            self.count += ~missing
            self._sum += np.where(missing, 0.0, likeness)
            rest = np.where(missing, np.inf, likeness)
        else:
            self.count += 1.0
            self._sum += likeness
            rest = likeness
        for lowest in self._lowest:
            higher = np.maximum(lowest, rest)
            np.minimum(lowest, rest, out=lowest)
            rest = higher

    def mean(self) -> Plane:
        """Return the mean; 0 where all pairs are missing."""
        left_out = np.rint(LEFT_OUT * self.count)
        total = self._sum.copy()
        for rank, lowest in enumerate(self._lowest):
            total -= np.where(left_out > rank, lowest, 0.0)
        return np.asarray(total / np.maximum(self.count - left_out, 1.0), dtype=np.float32)


def _box(plane: Plane, window: int) -> Plane:
    blurred = cv2.blur(plane, (window, window), borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, dtype=np.float32)


def _pick_heights(
    scores: Volume,
    texture: Volume,
    levels: FloatArray,
    settings: ChangeSettings,
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return heights, their standard deviation, what is seen and what is blank."""
    costs = smooth_volume(np.asarray(1.0 - scores, dtype=np.float32))
    best = costs.argmin(axis=2)
    offset, curve = _fit_parabola(costs, best)
    at_best = np.take_along_axis(scores, best[..., None], axis=2)[..., 0]
    heights = levels[0] + (best + offset) * settings.step_m
    std = settings.step_m * np.sqrt(NOISE / np.maximum(curve, 1e-3))
    blank = np.take_along_axis(texture, best[..., None], axis=2)[..., 0] < settings.min_texture
    inner = (best > 0) & (best < len(levels) - 1)
    rival = _find_rival(scores, best, round(RIVAL_M / settings.step_m))
    seen = inner & (at_best >= settings.min_score) & (rival <= MAX_RIVAL * at_best)
    return np.where(seen, heights, np.nan), np.where(seen, std, np.nan), seen, blank & ~seen


def _find_rival(scores: Volume, best: NDArray[np.int64], reach: int) -> NDArray[np.float32]:
    """Return the highest score further than ``reach`` steps from the best height."""
    levels = np.arange(scores.shape[2])
    near = np.abs(levels - best[..., None]) <= reach
    return np.asarray(np.where(near, -1.0, scores).max(axis=2), dtype=np.float32)


def _fit_parabola(costs: Volume, best: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Return the lowest point of the parabola round the best step, in steps, and its bend."""
    last = costs.shape[2] - 1
    near = np.clip(best[..., None] + np.array([-1, 0, 1]), 0, last)
    below, middle, above = np.moveaxis(np.take_along_axis(costs, near, axis=2), 2, 0)
    curve = np.maximum(below - 2 * middle + above, 1e-6)
    offset = np.clip((below - above) / (2 * curve), -0.5, 0.5)
    return offset.astype(np.float64), curve.astype(np.float64)
