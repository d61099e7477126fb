"""How far the footprints of a layer lie off the buildings that the photos show.

Roofs stand above the ground round them. So the layer belongs where the points inside footprints
stand highest above those just outside: all shifts up to twelve metres are tried at once, by
correlation of rasters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.fft import irfft2, rfft2
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.transform import Affine
from scipy.ndimage import gaussian_filter, percentile_filter
from scipy.spatial import cKDTree
from shapely import unary_union
from shapely.geometry.base import BaseGeometry

from detection.change.errors import LayerMovedError
from detection.domain.geometry import FloatArray

REACH_M = 12.0
CELL_M = 0.5
MAX_CELLS = 4_000_000
RING_M = 2.5
"""Points so near outside a footprint are held against those inside."""
GROUND_CELL_M, GROUND_CELLS, GROUND_PERCENT = 3.0, 11, 10
"""The ground's height is the tenth percentile of heights within about fifteen metres."""
FULL_HEIGHT_M = 3.0
"""A point so high above the ground is a roof's; trees and towers count no more."""
MIN_POINTS = 60
MIN_CONTRAST = 0.25
"""Between inside and outside, of a full height, before photos say where buildings are."""
MIN_GAIN = 0.04
"""By which a shift must fit better than none before it is believed."""
MIN_BUILDINGS = 6
"""Fewer fit on other buildings than theirs by chance: they can refuse nothing."""
APART_M, MIN_LEAD = 4.0, 0.05
"""By so much the best shift must fit better than any that is so far from it."""
SHARP_M = 0.5
"""The contrasts are smoothed by this: points are few, and the layer's errors are so large."""
ALLOWED_M = 2.0
"""Beyond what the flight's own positions may be off."""
MAX_SIGMAS = 3.5
"""The positions may be off by so many standard deviations before the layer is refused: days on
which satellites stand badly come, and a flight whose layer is refused is lost whole."""


@dataclass(frozen=True, slots=True)
class LayerFit:
    """Where the layer fits best: how far it has to be moved, and the contrast there and as it is.

    The contrasts are differences, in [-1, 1], between the mean heights inside and outside;
    ``rival`` is the best of shifts far from this one.
    """

    east_m: float
    north_m: float
    contrast: float
    contrast_as_is: float
    rival: float

    @property
    def is_known(self) -> bool:
        """Whether the photos show where the buildings are."""
        return self.contrast >= MIN_CONTRAST

    @property
    def is_unique(self) -> bool:
        """Whether no shift far from this one fits nearly as well."""
        return self.contrast - self.rival >= MIN_LEAD

    @property
    def shift_m(self) -> tuple[float, float]:
        """The shift to use: none where another fits hardly better."""
        if not self.is_known or self.contrast - self.contrast_as_is < MIN_GAIN:
            return 0.0, 0.0
        return self.east_m, self.north_m


def check_layer(
    points_m: FloatArray, footprints: Sequence[BaseGeometry], position_std_m: float
) -> tuple[float, float]:
    """Return how far (east, north) the footprints must be moved to lie on the buildings.

    Positions of a flight are off as a whole by ``position_std_m`` (one standard deviation); what
    is more than 3.5 of those and 2 m is an error of the layer. Zero where photos cannot tell.

    Raises:
        LayerMovedError: the layer fits well, but far from where it is.
    """
    allowed_m = ALLOWED_M + MAX_SIGMAS * position_std_m
    fit = fit_layer(points_m, footprints)
    if fit is None:
        return 0.0, 0.0
    if math.hypot(*fit.shift_m) <= allowed_m:
        return fit.shift_m
    if len(footprints) >= MIN_BUILDINGS and fit.is_unique:
        raise LayerMovedError(*fit.shift_m)
    near = fit_layer(points_m, footprints, reach_m=allowed_m / math.sqrt(2.0))
    return near.shift_m if near else (0.0, 0.0)


def fit_layer(
    points_m: FloatArray, footprints: Sequence[BaseGeometry], reach_m: float = REACH_M
) -> LayerFit | None:
    """Return the best shift of footprints (metres of the points' plane); None with few points.

    Shifts up to ``reach_m`` east, west, north and south are tried.
    """
    inside = unary_union([*footprints])
    ring = inside.buffer(RING_M).difference(inside)
    raster = _Raster.around(inside.buffer(reach_m + RING_M))
    near = points_m[raster.holds(points_m)]
    if len(near) < MIN_POINTS:
        return None
    above = np.clip((near[:, 2] - _ground_below(near)) / FULL_HEIGHT_M, 0.0, 1.0)
    heights, counts = raster.add_up(near, above), raster.add_up(near, np.ones(len(near)))
    means = [
        _shift_sums(heights, mask) / np.maximum(_shift_sums(counts, mask), MIN_POINTS / 4)
        for mask in (raster.mask(inside), raster.mask(ring))
    ]
    contrast = gaussian_filter(means[0] - means[1], SHARP_M / raster.cell_m, mode="wrap")
    return _find_best(contrast, raster.cell_m, reach_m)


def _find_best(contrast: FloatArray, cell_m: float, reach_m: float) -> LayerFit:
    """Return the best of contrasts ``[east, north]`` by shift in cells, negative ones last."""
    steps = int(reach_m / cell_m)
    around = np.arange(-steps, steps + 1)
    window = contrast[np.ix_(around, around)]
    east, north = np.unravel_index(int(np.argmax(window)), window.shape)
    return LayerFit(
        float((around[east] + _find_peak(window[:, north], int(east))) * cell_m),
        float((around[north] + _find_peak(window[east], int(north))) * cell_m),
        float(window[east, north]),
        float(contrast[0, 0]),
        _find_rival(window, (int(east), int(north)), APART_M / cell_m),
    )


def _find_rival(window: FloatArray, best: tuple[int, int], apart: float) -> float:
    """Return the highest contrast farther than ``apart`` cells from the best."""
    east, north = np.indices(window.shape)
    far = np.hypot(east - best[0], north - best[1]) > apart
    return float(window[far].max()) if far.any() else -1.0


def _find_peak(values: FloatArray, best: int) -> float:
    """Return where the parabola through the best value and its neighbours peaks, in steps."""
    if not 0 < best < len(values) - 1:
        return 0.0
    before, middle, after = (float(value) for value in values[best - 1 : best + 2])
    bend = before - 2.0 * middle + after
    return 0.0 if bend >= 0.0 else (before - after) / (2.0 * bend)


@dataclass(frozen=True, slots=True)
class _Raster:
    """Cells ``[east, north]`` from a corner."""

    low: FloatArray
    shape: tuple[int, int]
    cell_m: float

    @classmethod
    def around(cls, area: BaseGeometry) -> _Raster:
        """Return the cells of an area's box, larger ones of a very large area."""
        west, south, east, north = area.bounds
        cell_m = max(CELL_M, math.sqrt((east - west) * (north - south) / MAX_CELLS))
        shape = (math.ceil((east - west) / cell_m), math.ceil((north - south) / cell_m))
        return cls(np.array([west, south]), shape, cell_m)

    def holds(self, points_m: FloatArray) -> NDArray[np.bool_]:
        """Return whether each point ``(k, 3)`` lies in a cell."""
        cells = (points_m[:, :2] - self.low) / self.cell_m
        return np.asarray(((cells >= 0) & (cells < self.shape)).all(axis=1))

    def add_up(self, points_m: FloatArray, values: FloatArray) -> FloatArray:
        """Return the sum of the values of the points in each cell."""
        total = np.zeros(self.shape)
        cells = ((points_m[:, :2] - self.low) / self.cell_m).astype(int)
        np.add.at(total, (cells[:, 0], cells[:, 1]), values)
        return total

    def mask(self, shape_m: BaseGeometry) -> FloatArray:
        """Return 1 in the cells whose middle lies in the shape."""
        to_plane = Affine(self.cell_m, 0.0, self.low[0], 0.0, self.cell_m, self.low[1])
        rows = rasterize([(shape_m, 1)], out_shape=self.shape[::-1], transform=to_plane)
        return np.asarray(rows.T, dtype=np.float64)


def _ground_below(points_m: FloatArray) -> FloatArray:
    """Return the height of the ground at each point."""
    low = points_m[:, :2].min(axis=0)
    size = (points_m[:, :2].max(axis=0) - low) / GROUND_CELL_M
    shape = (int(size[0]) + 1, int(size[1]) + 1)
    middles = np.moveaxis(np.indices(shape), 0, -1).reshape(-1, 2) * GROUND_CELL_M + low
    nearest = cKDTree(points_m[:, :2]).query(middles + GROUND_CELL_M / 2)[1]
    heights = points_m[nearest, 2].reshape(shape)
    ground = percentile_filter(heights, GROUND_PERCENT, size=GROUND_CELLS, mode="nearest")
    cells = ((points_m[:, :2] - low) / GROUND_CELL_M).astype(int)
    return np.asarray(ground[cells[:, 0], cells[:, 1]])


def _shift_sums(values: FloatArray, mask: FloatArray) -> FloatArray:
    """Return the sum of the values under the mask for every shift of the mask in cells."""
    return np.asarray(irfft2(rfft2(values) * np.conj(rfft2(mask)), s=values.shape))
