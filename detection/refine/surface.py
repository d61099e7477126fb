"""The points of a sparse model to a raster of heights."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import cKDTree

from detection.domain.geometry import FloatArray
from detection.plane import LocalPlane
from detection.terrain.raster import TAKEOFF_ZERO, ZERO_TAG

CELL_M = 0.5
MAX_CELLS = 16_000_000
MAX_GAP_M = 5.0
"""A cell farther than this from every point keeps no height."""
MIN_POINTS = 50
_OUTLIER_NEIGHBOURS = 8
_OUTLIER_M = 3.0
NODATA = -9999.0


def write_surface(path: Path, points_m: FloatArray, plane: LocalPlane) -> bool:
    """Write heights above the take-off plane as a GeoTIFF in metres round ``plane``'s origin.

    ``points_m`` is ``(k, 3)``. Between points the surface is linear; points that stand more than
    three metres off the median of their neighbours are left out. False, and no file, where there
    are too few points.
    """
    kept = drop_outliers(points_m)
    if len(kept) < MIN_POINTS:
        return False
    heights, west_m, north_m, cell_m = grid_points(kept)
    crs = rasterio.CRS.from_proj4(
        f"+proj=aeqd +lat_0={plane.lat:.12f} +lon_0={plane.lon:.12f} +datum=WGS84 +units=m"
    )
    part = path.with_suffix(".part")
    with rasterio.open(
        part,
        "w",
        driver="GTiff",
        height=heights.shape[0],
        width=heights.shape[1],
        count=1,
        dtype="float32",
        crs=crs,
        transform=Affine(cell_m, 0.0, west_m, 0.0, -cell_m, north_m),
        nodata=NODATA,
        compress="deflate",
    ) as file:
        file.write(np.where(np.isnan(heights), NODATA, heights).astype(np.float32), 1)
        file.update_tags(**{ZERO_TAG: TAKEOFF_ZERO})
    part.replace(path)
    return True


def drop_outliers(points_m: FloatArray) -> FloatArray:
    """Return the points whose height is near the median of their neighbours'."""
    if len(points_m) <= _OUTLIER_NEIGHBOURS:
        return points_m
    level, heights = points_m[:, :2], points_m[:, 2]
    near = np.asarray(cKDTree(level).query(level, k=_OUTLIER_NEIGHBOURS + 1)[1])
    off = np.abs(heights - np.median(heights[near[:, 1:]], axis=1))
    return np.asarray(points_m[off <= _OUTLIER_M], dtype=np.float64)


def grid_points(points_m: FloatArray) -> tuple[FloatArray, float, float, float]:
    """Return heights ``(rows, columns)``, north first, and the west and north edge and cell, m."""
    low, high = points_m[:, :2].min(axis=0), points_m[:, :2].max(axis=0)
    width_m, height_m = (float(value) for value in high - low)
    cell_m = max(CELL_M, math.sqrt(width_m * height_m / MAX_CELLS))
    columns, rows = math.ceil(width_m / cell_m) + 1, math.ceil(height_m / cell_m) + 1
    east = low[0] + cell_m * (np.arange(columns) + 0.5)
    north = high[1] - cell_m * (np.arange(rows) + 0.5)
    mesh = np.stack(np.meshgrid(east, north), axis=-1)
    heights = LinearNDInterpolator(points_m[:, :2], points_m[:, 2])(mesh)
    distance, _ = cKDTree(points_m[:, :2]).query(mesh, distance_upper_bound=MAX_GAP_M)
    heights[~np.isfinite(distance)] = np.nan
    return np.asarray(heights, dtype=np.float64), float(low[0]), float(high[1]), cell_m
