"""Outlines as shapes: how far apart they are, and several made one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.domain.geometry import BBox, Polygon

POLYGON_DECIMALS = 1
"""Of corners in photo pixels; more digits would claim what no mask knows."""

MIN_HOLE_PX2 = 64.0
"""A larger hole stays open: a net of cracks around bricks is not the bricks."""

MIN_CORNERS = 3
"""Fewer enclose nothing."""

BLUR_PX = 8.0
"""Two cells of a mask: so far a band around a crack may be too wide, in pixels of the model."""

SeenOutline = tuple[Sequence[Polygon], float]
"""An outline in photo pixels, and the scale of its tile: model pixels per photo pixel."""

_GRID_PX = 10.0**-POLYGON_DECIMALS


def build_shape(polygons: Iterable[Polygon]) -> BaseGeometry:
    """Return the area of an outline; rings that cross themselves are mended."""
    return shapely.union_all(_mend_rings(polygons))


def find_near_pairs(
    outlines: Sequence[Sequence[Polygon]], distance_px: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of all pairs, both ways and with themselves, at most so far apart.

    Rings are taken as they are: how far they lie from each other does not need them mended.
    """
    shapes = np.array(
        [shapely.MultiPolygon(_build_rings(polygons)) for polygons in outlines], dtype=object
    )
    first, second = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=distance_px)
    return first, second


def _build_rings(polygons: Iterable[Polygon]) -> list[shapely.Polygon]:
    rings = [ring for ring in polygons if len(ring) >= MIN_CORNERS]
    if not rings:
        return []
    numbers = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    lines = shapely.linearrings(np.concatenate(rings), indices=numbers)
    built: list[shapely.Polygon] = np.asarray(shapely.polygons(lines)).tolist()
    return built


def _mend_rings(polygons: Iterable[Polygon]) -> list[BaseGeometry]:
    return [one if one.is_valid else shapely.make_valid(one) for one in _build_rings(polygons)]


def join_polygons(outlines: Iterable[SeenOutline], box: BBox) -> tuple[Polygon, ...]:
    """Return the union of outlines of one thing, inside of ``box``.

    What was seen finest stands; a coarser outline only adds what lies well beside it. Rings that
    touch become one. A ring with a hole is cut in two through the hole, so that rings alone
    describe it.
    """
    levels: defaultdict[float, list[BaseGeometry]] = defaultdict(list)
    for polygons, scale in outlines:
        levels[scale] += _mend_rings(polygons)
    union: BaseGeometry = shapely.Polygon()
    for scale in sorted(levels, reverse=True):
        added = levels[scale]
        if not union.is_empty:
            added = [union, *_leave_out(shapely.union_all(added), union, BLUR_PX / scale)]
        union = shapely.union_all(added, grid_size=_GRID_PX)
    low, high = box.xyxy[:2], box.xyxy[2:]
    rings = []
    for piece in _list_pieces(shapely.normalize(union)):
        for part in _open_holes(piece):
            corners = np.clip(
                np.round(np.array(part.exterior.coords)[:-1], POLYGON_DECIMALS), low, high
            )
            rings.append(tuple((float(x), float(y)) for x, y in corners))
    return tuple(sorted(rings))


def _leave_out(coarse: BaseGeometry, fine: BaseGeometry, blur_px: float) -> list[shapely.Polygon]:
    """Return the parts of a coarse outline that its blur does not explain by the fine one."""
    rest = coarse.difference(fine.buffer(blur_px))
    return [one for one in _list_pieces(rest) if one.area >= blur_px**2]


def _list_pieces(shape: BaseGeometry) -> list[shapely.Polygon]:
    """Return the areas of a shape; lines and points that a union left over are dropped."""
    parts = shapely.get_parts(shape, return_index=False)
    flat = [inner for part in parts for inner in shapely.get_parts(part)]
    return [one for one in flat if isinstance(one, shapely.Polygon) and not one.is_empty]


def _open_holes(piece: shapely.Polygon) -> list[shapely.Polygon]:
    """Return a piece cut in two through its most central hole, and so on until none is left."""
    x_min, y_min, x_max, y_max = piece.bounds
    holes = [hole for hole in piece.interiors if shapely.Polygon(hole).area >= MIN_HOLE_PX2]
    cuts = [round((hole.bounds[0] + hole.bounds[2]) / 2, POLYGON_DECIMALS) for hole in holes]
    if not cuts:
        return [piece]
    cut_x = min(cuts, key=lambda x: (abs(2 * x - x_min - x_max), x))
    halves = (
        shapely.intersection(piece, shapely.box(*sides), grid_size=_GRID_PX)
        for sides in ((x_min, y_min, cut_x, y_max), (cut_x, y_min, x_max, y_max))
    )
    return [part for half in halves for one in _list_pieces(half) for part in _open_holes(one)]
