"""补飞清单: what to fly again, gathered into spots that a controller can fly one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.coverage.coverage import Coverage, SeenState, TargetKind
from detection.coverage.views import find_flight_plane
from detection.layers.layer import (
    GeometryArray,
    as_geometry_array,
    project_geometries,
    unproject_geometry,
)
from detection.plane import LocalPlane

MARGIN_M = 15.0
"""Ground round a target that is flown too: the error of a position, and a view from the side."""

GAP = "gap"
"""The kind of an item that is a hole in an area; the others are those of `TargetKind`."""

CELL_M = 200.0
_MAX_CELLS = 400
"""Longest side of a piece of a spot that is cut up, unless it would be very many pieces."""

_MANY_PARTS = 8
"""A part that holds less of a gap than this share, and little at all, is not flown for it."""

_FULL = 0.6
_MAX_HOLES_M2 = 2500.0
"""A polygon that fills so much of its oriented box, with no larger holes, is flown as one."""

_SIMPLIFY_M = 0.5


@dataclass(frozen=True, slots=True)
class ReflyItem:
    """One thing to look at again.

    ``kind`` is ``building``, ``cover`` or ``gap``, ``reason`` a `SeenState`. ``max_height_m`` is
    the height above it from which, straight down, a pixel is just fine enough; None where the
    camera is not known.
    """

    kind: str
    item_id: str
    name: str
    reason: SeenState
    geometry: BaseGeometry
    max_height_m: float | None


@dataclass(frozen=True, slots=True)
class ReflySpot:
    """Neighbouring items in one polygon (EPSG:4326); ``max_height_m`` is that of the strictest."""

    number: int
    polygon: BaseGeometry
    items: tuple[ReflyItem, ...]
    max_height_m: float | None


def list_refly(coverage: Coverage) -> tuple[ReflySpot, ...]:
    """Return the spots to fly again, from north to south; empty where all was seen."""
    items = [*_list_targets(coverage), *_list_gaps(coverage)]
    if not items:
        return ()
    plane = _find_plane(items)
    shapes_m = project_geometries(as_geometry_array([one.geometry for one in items]), plane)
    wanted_m = shapely.union_all(shapely.buffer(shapes_m, MARGIN_M, quad_segs=2))
    parts = [part for one in shapely.get_parts(wanted_m).tolist() for part in _split_large(one)]
    parts.sort(key=lambda one: (-one.centroid.y, one.centroid.x))
    members: list[list[ReflyItem]] = [[] for _ in parts]
    for item, part in zip(*_find_members(items, shapes_m, parts), strict=True):
        members[part].append(items[item])
    full = [(part, inside) for part, inside in zip(parts, members, strict=True) if inside]
    return tuple(
        ReflySpot(number, _outline(part, plane), tuple(inside), _find_lowest(inside))
        for number, (part, inside) in enumerate(full, start=1)
    )


def _split_large(part_m: shapely.Polygon) -> list[shapely.Polygon]:
    """Cut a polygon that is large and thin or has holes along a grid; else return it whole.

    The missed border of an area is a ring: as one polygon a controller would fly all of it.
    """
    west, south, east, north = part_m.bounds
    cell_m = max(CELL_M, math.sqrt((east - west) * (north - south) / _MAX_CELLS))
    columns, rows = math.ceil((east - west) / cell_m), math.ceil((north - south) / cell_m)
    holes_m2 = shapely.Polygon(part_m.exterior).area - part_m.area
    is_full = part_m.area > _FULL * shapely.oriented_envelope(part_m).area
    if columns * rows == 1 or (is_full and holes_m2 < _MAX_HOLES_M2):
        return [part_m]
    cells = [
        shapely.box(
            west + column * cell_m,
            south + row * cell_m,
            west + (column + 1) * cell_m,
            south + (row + 1) * cell_m,
        )
        for column in range(columns)
        for row in range(rows)
    ]
    pieces = shapely.get_parts(shapely.intersection(part_m, cells)).tolist()
    return [one for one in pieces if isinstance(one, shapely.Polygon) and not one.is_empty]


def _find_members(
    items: Sequence[ReflyItem], shapes_m: GeometryArray, parts: Sequence[shapely.Polygon]
) -> NDArray[np.intp]:
    """Return pairs ``(2, k)`` of item and part: a target in one part, a gap in all it fills."""
    is_gap = np.array([one.kind == GAP for one in items])
    places_m = np.where(is_gap, shapes_m, shapely.point_on_surface(shapes_m))
    item, part = shapely.STRtree(parts).query(places_m, "intersects")
    shared = shapely.intersection(shapes_m[item], np.take(as_geometry_array(parts), part))
    least_m2 = np.minimum(MARGIN_M**2, shapely.area(shapes_m[item]) / _MANY_PARTS)
    is_wanted = ~is_gap[item] | (shapely.area(shared) > least_m2)
    # A target on the very border of two parts belongs to the first.
    _, first = np.unique(np.where(is_gap[item], -1 - np.arange(len(item)), item), return_index=True)
    kept = np.intersect1d(first, np.flatnonzero(is_wanted))
    return np.stack([item[kept], part[kept]])


def _outline(part_m: shapely.Polygon, plane: LocalPlane) -> BaseGeometry:
    outer = shapely.Polygon(part_m.exterior)
    return unproject_geometry(outer.simplify(_SIMPLIFY_M), plane)


def _list_targets(coverage: Coverage) -> list[ReflyItem]:
    return [
        ReflyItem(
            one.kind.value,
            one.target_id,
            one.name,
            one.state,
            one.geometry,
            _height_for(one.max_gsd_m, coverage.focal_px),
        )
        for one in coverage.targets
        if one.state is not SeenState.SEEN
    ]


def _list_gaps(coverage: Coverage) -> list[ReflyItem]:
    """Return the holes in the areas; they are flown as for buildings."""
    max_gsd_m = next(one.max_gsd_m for one in coverage.needs_met if one.key == "added_storey")
    return [
        ReflyItem(
            GAP,
            f"{area.area_id}-{number}",
            area.name,
            SeenState.NOT_SEEN,
            gap,
            _height_for(max_gsd_m, coverage.focal_px),
        )
        for area in coverage.areas
        for number, gap in enumerate(area.gaps, start=1)
    ]


def _height_for(max_gsd_m: float, focal_px: float | None) -> float | None:
    """Return whole metres; straight down, height = pixel on the ground * focal length."""
    return None if focal_px is None else float(math.floor(max_gsd_m * focal_px))


def _find_plane(items: Sequence[ReflyItem]) -> LocalPlane:
    corners = [shapely.get_coordinates(one.geometry)[:1] for one in items]
    return find_flight_plane(np.concatenate(corners))


def _find_lowest(items: Sequence[ReflyItem]) -> float | None:
    heights_m = [one.max_height_m for one in items if one.max_height_m is not None]
    return min(heights_m, default=None)


def count_kinds(spots: Sequence[ReflySpot]) -> dict[str, int]:
    """Return how many buildings, covers and gaps are on the list, each counted once."""
    kinds = [kind for kind, _ in {(one.kind, one.item_id) for spot in spots for one in spot.items}]
    return {kind: kinds.count(kind) for kind in (*(one.value for one in TargetKind), GAP)}
