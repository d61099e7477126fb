"""Footprints against layers: 覆盖率, and what was not seen or not seen well enough.

A building counts by its roof, for that is what a survey from above must show (added storeys); the
part of its walls seen finely enough for cracks is told beside it. Without an area, what lies in
the convex hull of ground covered together should have been seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.coverage.areas import measure_areas
from detection.coverage.coverage import (
    Coverage,
    NeedMet,
    PhotoFlags,
    SeenState,
    TargetCoverage,
    TargetKind,
)
from detection.coverage.footprint import Footprint
from detection.coverage.photo_flags import list_flags
from detection.coverage.targets import (
    SamplePoints,
    project_buildings,
    sample_covers,
    sample_roofs,
    sample_walls,
)
from detection.coverage.union import cover_ground
from detection.coverage.views import FlightView, PointViews, build_flight_view, count_views
from detection.domain.geometry import FloatArray
from detection.layers.areas import AreaLayer
from detection.layers.buildings import BuildingLayer
from detection.layers.covers import CoverLayer
from detection.layers.layer import project_geometries, unproject_geometry
from detection.needs import Needs, load_needs
from detection.terrain import Terrain

_MILLIMETRE_M = 0.001
_JOIN_M = 200.0
"""Covered ground further apart than this is not one mission."""


def measure_coverage(
    footprints: Sequence[Footprint],
    *,
    buildings: BuildingLayer | None = None,
    covers: CoverLayer | None = None,
    area: AreaLayer | None = None,
    needs: Needs | None = None,
    terrain: Terrain | None = None,
) -> Coverage:
    """Return what a flight saw of the layers given.

    ``area`` is what was to be flown; targets outside it do not count. ``needs`` are those of
    ``configs/coverage.yaml`` unless given. ``terrain`` is the one of the footprints.
    """
    needs = needs or load_needs()
    flight = build_flight_view(footprints, needs)
    covered_m = shapely.Polygon() if flight is None else cover_ground(flight, needs)
    targets: list[TargetCoverage] = []
    areas = measure_areas(area, flight, covered_m, needs)
    if flight is not None:
        zone_m = _find_zone(area, flight, covered_m)
        if buildings is not None:
            targets += _measure_buildings(buildings, zone_m, flight, needs, terrain)
        if covers is not None:
            targets += _measure_covers(covers, zone_m, flight, needs, terrain)
    return Coverage(
        footprints=tuple(footprints),
        covered=covered_m if flight is None else unproject_geometry(covered_m, flight.plane),
        targets=tuple(targets),
        areas=areas,
        flags=tuple(
            PhotoFlags(one.photo_id, list_flags(one, needs, with_covers=covers is not None))
            for one in footprints
        ),
        needs_met=_count_needs(footprints, needs),
        focal_px=None if flight is None else float(np.median(flight.cameras.focal_px)),
    )


def _find_zone(area: AreaLayer | None, flight: FlightView, covered_m: BaseGeometry) -> BaseGeometry:
    """Return what should have been seen, metres of the flight's plane.

    Without an area the hull of each part of the covered ground that stands alone: one photo with
    a wrong place does not stretch it.
    """
    if area is not None:
        zone_m = shapely.union_all(project_geometries(area.geometries, flight.plane))
    else:
        parts = shapely.get_parts(shapely.buffer(covered_m, _JOIN_M / 2))
        zone_m = shapely.union_all(shapely.convex_hull(shapely.intersection(covered_m, parts)))
    shapely.prepare(zone_m)
    return zone_m


def _measure_buildings(
    layer: BuildingLayer,
    zone_m: BaseGeometry,
    flight: FlightView,
    needs: Needs,
    terrain: Terrain | None,
) -> list[TargetCoverage]:
    near = [layer.buildings[i] for i in layer.query_near(_border_degrees(zone_m, flight))]
    polygons_m = project_buildings(near, flight.plane)
    inside = np.flatnonzero(shapely.contains(zone_m, shapely.point_on_surface(polygons_m)))
    chosen, polygons_m = [near[i] for i in inside], polygons_m[inside]
    if not chosen:
        return []
    roofs, walls = (sample(chosen, polygons_m, needs) for sample in (sample_roofs, sample_walls))
    roof_views, wall_views = (
        count_views(points, flight, needs, terrain) for points in (roofs, walls)
    )
    seen = _judge(roofs, roof_views, len(chosen), needs)
    walls_share, _, walls_gsd_m = _sum_up(walls, wall_views, len(chosen), needs)
    return [
        TargetCoverage(
            TargetKind.BUILDING,
            one.building_id,
            one.name,
            one.polygon,
            *seen[i],
            max_gsd_m=needs.added_storey.max_gsd_mm * _MILLIMETRE_M,
            walls_share=float(walls_share[i]),
            walls_gsd_m=_known(walls_gsd_m[i]),
        )
        for i, one in enumerate(chosen)
    ]


def _measure_covers(
    layer: CoverLayer,
    zone_m: BaseGeometry,
    flight: FlightView,
    needs: Needs,
    terrain: Terrain | None,
) -> list[TargetCoverage]:
    near = [layer.covers[i] for i in layer.query_near(_border_degrees(zone_m, flight))]
    places_m = sample_covers(near, flight.plane, needs).places_m
    inside = shapely.contains_xy(zone_m, places_m[:, 0], places_m[:, 1])
    chosen = [one for one, is_inside in zip(near, inside, strict=True) if is_inside]
    if not chosen:
        return []
    points = sample_covers(chosen, flight.plane, needs)
    seen = _judge(points, count_views(points, flight, needs, terrain), len(chosen), needs)
    return [
        TargetCoverage(
            TargetKind.COVER,
            one.cover_id,
            one.name,
            one.geometry,
            *seen[i],
            max_gsd_m=needs.manhole.max_gsd_m(one.diameter_m),
        )
        for i, one in enumerate(chosen)
    ]


def _border_degrees(zone_m: BaseGeometry, flight: FlightView) -> FloatArray:
    """Return the corners of a zone's box in degrees; the flight's middle if it is empty."""
    if zone_m.is_empty:
        return np.array([[flight.plane.lon, flight.plane.lat]])
    west, south, east, north = zone_m.bounds
    corners = [(west, south), (east, south), (east, north), (west, north)]
    return flight.plane.to_lonlat(np.array(corners))


def _judge(
    points: SamplePoints, views: PointViews, things: int, needs: Needs
) -> list[tuple[SeenState, float, int, float | None]]:
    """Return state, share, views and finest pixel of each thing."""
    share, most, gsd_m = _sum_up(points, views, things, needs)
    enough, good, fine, shown = (
        part >= needs.target.min_share
        for part in (
            share,
            _mean_by_owner(views.good > 0, points, things),
            _mean_by_owner(views.is_fine, points, things),
            _mean_by_owner(views.is_shown, points, things),
        )
    )
    is_met = np.isfinite(gsd_m)
    # Seen well but too seldom is seen in part, whatever poorer photos show besides.
    conditions = [enough, good, fine, shown, is_met]
    names = [
        SeenState.SEEN,
        SeenState.PARTLY_SEEN,
        SeenState.POOR_PHOTO,
        SeenState.TOO_COARSE,
        SeenState.PARTLY_SEEN,
    ]
    states = np.select(conditions, [one.value for one in names], SeenState.NOT_SEEN.value)
    return [
        (SeenState(states[i]), float(share[i]), int(most[i]), _known(gsd_m[i]))
        for i in range(things)
    ]


def _sum_up(
    points: SamplePoints, views: PointViews, things: int, needs: Needs
) -> tuple[FloatArray, NDArray[np.int64], FloatArray]:
    """Return the share of good points, the most good views and the finest pixel of each thing."""
    share = _mean_by_owner(views.good >= needs.target.min_views, points, things)
    most = np.zeros(things, dtype=np.int64)
    np.maximum.at(most, points.owner, views.good)
    gsd_m = np.full(things, np.inf)
    np.minimum.at(gsd_m, points.owner, views.gsd_m)
    return share, most, gsd_m


def _mean_by_owner(values: NDArray[np.bool_], points: SamplePoints, things: int) -> FloatArray:
    counts = np.bincount(points.owner, minlength=things)
    return np.asarray(np.bincount(points.owner, weights=values, minlength=things) / counts)


def _known(gsd_m: float) -> float | None:
    return float(gsd_m) if np.isfinite(gsd_m) else None


def _count_needs(footprints: Sequence[Footprint], needs: Needs) -> tuple[NeedMet, ...]:
    limits_m = {
        "manhole_state": needs.manhole.max_gsd_m(),
        "added_storey": needs.added_storey.max_gsd_mm * _MILLIMETRE_M,
        "crack_seen": needs.facade_crack.max_seen_gsd_mm * _MILLIMETRE_M,
        "crack_width": needs.facade_crack.max_gsd_mm * _MILLIMETRE_M,
    }
    found = [one.gsd_m for one in footprints if one.gsd_m is not None]
    return tuple(
        NeedMet(key, limit_m, sum(gsd_m <= limit_m for gsd_m in found))
        for key, limit_m in limits_m.items()
    )
