"""Shapes as they come to shapes that can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from detection.layers.layer import GeometryArray

POLYGON_TYPES = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
POINT_TYPES = (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT)


@dataclass(frozen=True, slots=True)
class MendedShapes:
    """Usable shapes ``(m,)``, the row of the file that each is from, and how many were mended."""

    shapes: GeometryArray
    rows: NDArray[np.intp]
    mended: int


def mend_polygons(shapes: GeometryArray) -> MendedShapes:
    """Keep polygons, mended where they cross themselves; what is nothing afterwards is left out.

    A line that closes on itself is taken as the border of a polygon, as surveyors draw them.
    """
    closed = _close_lines(shapes)
    usable = np.isin(shapely.get_type_id(closed), POLYGON_TYPES) & ~shapely.is_empty(closed)
    rows = np.flatnonzero(usable)
    kept = closed[rows]
    is_broken = ~shapely.is_valid(kept)
    kept[is_broken] = [_polygon_part(one) for one in shapely.make_valid(kept[is_broken])]
    has_area = shapely.area(kept) > 0
    mended = int(np.count_nonzero(is_broken & has_area))
    return MendedShapes(kept[has_area], rows[has_area], mended)


def keep_points(shapes: GeometryArray) -> MendedShapes:
    """Keep points; a polygon or line stands for its middle (a cover drawn as a circle)."""
    is_there = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    rows = np.flatnonzero(is_there)
    kept = np.asarray(shapely.centroid(shapes[rows]), dtype=object)
    has_place = ~shapely.is_empty(kept)
    return MendedShapes(kept[has_place], rows[has_place], 0)


def keep_places(shapes: GeometryArray) -> MendedShapes:
    """Keep polygons, mended, and points; a line stands for its middle."""
    points, polygons = keep_points(shapes), mend_polygons(shapes)
    kept = shapes.copy()
    kept[points.rows] = points.shapes
    kept[polygons.rows] = polygons.shapes
    rows = np.union1d(points.rows, polygons.rows)
    return MendedShapes(kept[rows], rows, polygons.mended)


def has_finite_coordinates(shapes: GeometryArray) -> NDArray[np.bool_]:
    """Tell for each shape ``(n,)`` whether all its coordinates are numbers; a missing one is."""
    coordinates, owners = shapely.get_coordinates(shapes, return_index=True)
    finite = np.ones(len(shapes), dtype=bool)
    finite[owners[~np.isfinite(coordinates).all(axis=1)]] = False
    return finite


def _close_lines(shapes: GeometryArray) -> GeometryArray:
    closed = shapes.copy()
    lines = (shapely.get_type_id(shapes) == shapely.GeometryType.LINESTRING) & shapely.is_closed(
        shapes
    )
    lines &= shapely.get_num_points(shapes) >= 4  # noqa: PLR2004 - a triangle and its first corner again
    closed[lines] = [shapely.Polygon(one.coords) for one in shapes[lines]]
    return closed


def _polygon_part(shape: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of what mending made; lines and points that it left are dropped."""
    parts = [one for one in shapely.get_parts(shape) if shapely.get_type_id(one) in POLYGON_TYPES]
    return shapely.union_all(parts) if parts else shapely.Polygon()
