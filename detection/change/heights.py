"""The heights of one building and its surroundings as one flight shows them, on a grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from detection.change.ground import Ground
from detection.domain.geometry import FloatArray

MAX_CELLS = 250_000
"""Some 125 m by 125 m of cells of 0.25 m; a hundred heights of each take 100 MB."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of ``cell_m`` round a footprint; row 0 is the northernmost."""

    rows: int
    columns: int
    cell_m: float
    west_m: float
    north_m: float

    def list_centers(self) -> tuple[FloatArray, FloatArray]:
        """Return east ``(columns,)`` and north ``(rows,)`` metres of the cells' middles."""
        east = self.west_m + (np.arange(self.columns) + 0.5) * self.cell_m
        north = self.north_m - (np.arange(self.rows) + 0.5) * self.cell_m
        return np.asarray(east, np.float64), np.asarray(north, np.float64)

    def list_points(self, heights: FloatArray, cells: NDArray[np.bool_]) -> FloatArray:
        """Return the cells' middles at their heights, ``(n, 3)``."""
        east, north = np.meshgrid(*self.list_centers())
        return np.column_stack([east[cells], north[cells], heights[cells]])

    def find_middle(self) -> tuple[float, float]:
        """Return east and north metres of the middle."""
        half = self.cell_m / 2
        return self.west_m + self.columns * half, self.north_m - self.rows * half

    def rasterize(self, shape_m: BaseGeometry) -> NDArray[np.bool_]:
        """Return ``(rows, columns)``: whether a cell's middle lies in the shape."""
        east, north = np.meshgrid(*self.list_centers())
        return np.asarray(shapely.contains_xy(shape_m, east, north), dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class HeightPatch:
    """Heights on a grid of cells round one building, in metres of the epoch's plane.

    ``heights`` and ``std_m`` ``(rows, columns)`` are NaN where ``seen`` is False; the heights
    share one unknown zero with the epoch. The middle of a cell lies at ``west_m + (column + 0.5)
    * cell_m`` and ``north_m - (row + 0.5) * cell_m``. ``blank`` are cells in which the photos
    show too little to compare. ``views`` are the photos used, the steepest first; ``ground`` is
    the ground at the building's foot, None where too little of it is seen.
    """

    heights: FloatArray
    std_m: FloatArray
    seen: NDArray[np.bool_]
    blank: NDArray[np.bool_]
    cell_m: float
    west_m: float
    north_m: float
    views: tuple[str, ...]
    ground: Ground | None = None

    @property
    def grid(self) -> Grid:
        """Where the cells lie."""
        rows, columns = self.heights.shape
        return Grid(rows, columns, self.cell_m, self.west_m, self.north_m)


def fill_heights(patch: HeightPatch, reach_m: float = math.inf) -> FloatArray:
    """Return the heights, each unseen cell with that of the nearest seen one within ``reach_m``."""
    if not patch.seen.any():
        return patch.heights.copy()
    distance, (rows, columns) = ndimage.distance_transform_edt(~patch.seen, return_indices=True)
    filled = patch.heights[rows, columns]
    return np.where(distance * patch.cell_m <= reach_m, filled, np.nan)


def lay_grid(polygon_m: BaseGeometry, margin_m: float, cell_m: float) -> Grid:
    """Return the grid round a footprint: the same for every epoch.

    Cells of very large buildings are larger, so that memory stays bounded.
    """
    west, south, east, north = polygon_m.buffer(margin_m).bounds
    cell_m = max(cell_m, math.sqrt((east - west) * (north - south) / MAX_CELLS))
    return Grid(
        rows=max(1, math.ceil((north - south) / cell_m)),
        columns=max(1, math.ceil((east - west) / cell_m)),
        cell_m=cell_m,
        west_m=west,
        north_m=north,
    )


def build_unseen(grid: Grid, views: tuple[str, ...] = ()) -> HeightPatch:
    """Return a patch of which nothing is seen."""
    shape = (grid.rows, grid.columns)
    nothing = np.full(shape, np.nan)
    seen = np.zeros(shape, dtype=np.bool_)
    return HeightPatch(nothing, nothing, seen, seen, grid.cell_m, grid.west_m, grid.north_m, views)
