"""Points that stand for buildings and covers: what must be visible for the thing to count as seen.

A roof is stood for by points along its edge and one inside, walls by points at half their height,
a cover by its middle. Buildings hide nothing here: that another stands in front is not known to a
flat layer of footprints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from detection.domain.geometry import FloatArray
from detection.layers.buildings import STOREY_M, Building
from detection.layers.covers import Cover
from detection.layers.layer import GeometryArray, as_geometry_array, project_geometries
from detection.needs import Needs
from detection.plane import LocalPlane

UNKNOWN_HEIGHT_M = 3 * STOREY_M
"""Of a building whose file says nothing: a self-built house."""

_MILLIMETRE_M = 0.001
_SPACING_M = 5.0
_MIN_POINTS, _MAX_POINTS = 4, 40
_UP = (0.0, 0.0, 1.0)
_STEP_M = 0.05


@dataclass(frozen=True, eq=False)
class SamplePoints:
    """``m`` points on things.

    ``owner`` (m,) is the number of the thing, ``places_m`` (m, 3) are east, north and the height
    above the ground there, ``normals`` (m, 3) point away from the surface, ``max_gsd_m`` (m,) is
    the coarsest pixel that will do.
    """

    owner: NDArray[np.intp]
    places_m: FloatArray
    normals: FloatArray
    max_gsd_m: FloatArray


def sample_roofs(
    buildings: Sequence[Building], polygons_m: GeometryArray, needs: Needs
) -> SamplePoints:
    """Return points on the roofs of buildings whose footprints are ``polygons_m``."""
    edge_owner, edge_m, _ = _walk_borders(polygons_m)
    inner = shapely.get_coordinates(shapely.point_on_surface(polygons_m))
    owner = np.concatenate([edge_owner, np.arange(len(polygons_m))])
    heights_m = np.array([one.likely_height_m or UNKNOWN_HEIGHT_M for one in buildings])
    places_m = np.column_stack([np.concatenate([edge_m, inner]), heights_m[owner]])
    max_gsd_m = needs.added_storey.max_gsd_mm * _MILLIMETRE_M
    return _build_points(owner, places_m, np.tile(_UP, (len(owner), 1)), max_gsd_m)


def sample_walls(
    buildings: Sequence[Building], polygons_m: GeometryArray, needs: Needs
) -> SamplePoints:
    """Return points at half height on the walls of buildings, with their outward normals."""
    owner, edge_m, normals = _walk_borders(polygons_m)
    heights_m = np.array([one.likely_height_m or UNKNOWN_HEIGHT_M for one in buildings])
    places_m = np.column_stack([edge_m, heights_m[owner] / 2])
    max_gsd_m = needs.facade_crack.max_seen_gsd_mm * _MILLIMETRE_M
    return _build_points(owner, places_m, normals, max_gsd_m)


def sample_covers(covers: Sequence[Cover], plane: LocalPlane, needs: Needs) -> SamplePoints:
    """Return the middles of covers."""
    lonlat = np.array([(one.lon, one.lat) for one in covers], dtype=np.float64).reshape(-1, 2)
    places_m = np.column_stack([plane.to_metres(lonlat), np.zeros(len(covers))])
    max_gsd_m = [needs.manhole.max_gsd_m(one.diameter_m) for one in covers]
    return SamplePoints(
        np.arange(len(covers)), places_m, np.tile(_UP, (len(covers), 1)), np.array(max_gsd_m)
    )


def project_buildings(buildings: Sequence[Building], plane: LocalPlane) -> GeometryArray:
    """Return the footprints in metres of ``plane``."""
    return project_geometries(as_geometry_array([one.polygon for one in buildings]), plane)


def _build_points(
    owner: NDArray[np.intp], places_m: FloatArray, normals: FloatArray, max_gsd_m: float
) -> SamplePoints:
    return SamplePoints(owner, places_m, normals, np.full(len(owner), max_gsd_m))


def _walk_borders(
    polygons_m: GeometryArray,
) -> tuple[NDArray[np.intp], FloatArray, FloatArray]:
    """Return owners ``(m,)``, places ``(m, 2)`` and outward normals ``(m, 3)`` along the borders.

    Every few metres of each outer ring; courtyards are left out, as no photo from outside shows
    their walls.
    """
    parts, part_owner = shapely.get_parts(shapely.orient_polygons(polygons_m), return_index=True)
    rings = shapely.get_exterior_ring(parts)
    lengths_m = shapely.length(rings)
    counts = np.clip(np.ceil(lengths_m / _SPACING_M), _MIN_POINTS, _MAX_POINTS).astype(np.intp)
    ring_of = np.repeat(np.arange(len(rings)), counts)
    number = np.arange(len(ring_of)) - np.repeat(np.cumsum(counts) - counts, counts)
    along_m = (number + 0.5) / counts[ring_of] * lengths_m[ring_of]
    before, here, after = (
        shapely.get_coordinates(
            shapely.line_interpolate_point(
                rings[ring_of], np.clip(along_m + step_m, 0.0, lengths_m[ring_of])
            )
        )
        for step_m in (-_STEP_M, 0.0, _STEP_M)
    )
    tangents = after - before
    tangents /= np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-12)
    # Outer rings run anticlockwise, so the outside is on the right hand.
    normals = np.column_stack([tangents[:, 1], -tangents[:, 0], np.zeros(len(tangents))])
    return part_owner[ring_of], here, normals
