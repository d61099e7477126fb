"""A terrain as one camera sees it: heights in metres round it, and where rays meet them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from detection.domain.geometry import FloatArray

_STEPS_PER_CELL = 2
_MAX_STEPS = 1000
_HALVINGS = 24
_MARGIN_M = 1.0
_RAYS_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class TerrainView:
    """A terrain in metres round one camera.

    ``heights`` ``(rows, columns)`` belong to the middles of cells; ``zero_m`` of them is the
    height of the take-off, ``bounds_m`` are the lowest and highest above that. ``cell`` (2,) is
    the (column, row) of the camera, ``axes`` (2, 2) how the cell changes per metre east (first
    row) and north. That a map is taken as straight over a kilometre costs 5 cm at most.
    """

    heights: FloatArray
    zero_m: float
    bounds_m: tuple[float, float]
    cell: FloatArray
    axes: FloatArray

    def heights_at(self, metres: FloatArray) -> FloatArray:
        """Return heights above the take-off at ``(..., 2)`` metres; NaN outside the model."""
        heights = self.heights
        rows, columns = heights.shape
        position = self.cell + metres @ self.axes - 0.5  # from the middle of the first cell
        x, y = np.nan_to_num(position[..., 0], nan=-1.0), np.nan_to_num(position[..., 1], nan=-1.0)
        inside = (x >= 0) & (x <= columns - 1) & (y >= 0) & (y <= rows - 1)
        left = np.clip(x, 0, max(columns - 2, 0)).astype(np.intp)
        top = np.clip(y, 0, max(rows - 2, 0)).astype(np.intp)
        right, bottom = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
        across, down = x - left, y - top
        upper = heights[top, left] * (1 - across) + heights[top, right] * across
        lower = heights[bottom, left] * (1 - across) + heights[bottom, right] * across
        found = upper * (1 - down) + lower * down - self.zero_m
        return np.asarray(np.where(inside, found, np.nan))

    def meet_rays(self, origins: FloatArray, rays: FloatArray, max_range_m: float) -> FloatArray:
        """Return the first meeting point ``(n, 3)`` of each ray; NaN where there is none.

        ``origins`` ``(n, 3)`` are east, north and height above the take-off, ``rays`` ``(n, 3)``
        directions of any length. A ray that starts below the ground ends where it starts; one
        that leaves the model or is longer than ``max_range_m`` does not end.
        """
        met = [
            self._meet(origins[start:][:_RAYS_AT_ONCE], rays[start:][:_RAYS_AT_ONCE], max_range_m)
            for start in range(0, len(rays), _RAYS_AT_ONCE)
        ]
        return np.concatenate([*met, np.empty((0, 3))])

    def _meet(self, origins: FloatArray, rays: FloatArray, max_range_m: float) -> FloatArray:
        """March in steps of half a cell to the first point below ground, then halve the step."""
        directions = rays / np.linalg.norm(rays, axis=1, keepdims=True)
        along = self._lay_steps(origins, directions, max_range_m)
        above = self._heights_over_ground(origins, directions, along)
        is_under = above <= 0
        index, under = np.arange(len(rays)), np.argmax(is_under, axis=1)
        before = np.maximum(under - 1, 0)
        # A ray that comes out of a hole in the model below ground has missed where it went in.
        is_met = is_under.any(axis=1) & ((above[index, before] > 0) | (under == 0))
        low, high = along[index, before], along[index, under]
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            is_over = self._heights_over_ground(origins, directions, middle[:, None])[:, 0] > 0
            low, high = np.where(is_over, middle, low), np.where(is_over, high, middle)
        met = origins + directions * high[:, None]
        return np.asarray(np.where(is_met[:, None], met, np.nan))

    def _lay_steps(
        self, origins: FloatArray, directions: FloatArray, max_range_m: float
    ) -> FloatArray:
        """Return distances ``(n, steps)`` from above the highest ground to below the lowest."""
        lowest_m, highest_m = self.bounds_m
        with np.errstate(divide="ignore", invalid="ignore"):
            per_metre_down = np.where(directions[:, 2] < 0, -1 / directions[:, 2], np.inf)
            first = np.fmax(origins[:, 2] - highest_m - _MARGIN_M, 0.0) * per_metre_down
            last = (origins[:, 2] - lowest_m + _MARGIN_M) * per_metre_down
        # Up, or level: 0 x inf is no number, and the ray is looked along from its start.
        first = np.clip(np.nan_to_num(first, nan=0.0), 0.0, max_range_m)
        last = np.clip(np.nan_to_num(last, nan=max_range_m), first, max_range_m)
        over_ground_m = np.hypot(directions[:, 0], directions[:, 1]) * (last - first)
        cell_m = 1.0 / float(np.linalg.norm(self.axes, axis=1).max())
        longest_m = float(np.nanmax(over_ground_m, initial=0.0))
        steps = min(_MAX_STEPS, math.ceil(_STEPS_PER_CELL * longest_m / cell_m) + 2)
        return np.asarray(first[:, None] + (last - first)[:, None] * np.linspace(0, 1, steps))

    def _heights_over_ground(
        self, origins: FloatArray, directions: FloatArray, along: FloatArray
    ) -> FloatArray:
        """Return how high rays are above the ground at distances ``(n, steps)``, same shape."""
        points = origins[:, None] + directions[:, None] * along[..., None]
        return np.asarray(points[..., 2] - self.heights_at(points[..., :2]))
