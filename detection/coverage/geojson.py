"""``footprints.geojson`` and ``refly.geojson`` (RFC 7946): WGS 84, longitude first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from detection.coverage.coverage import Coverage
from detection.coverage.refly import ReflyItem, ReflySpot
from detection.layers.layer import unwrap_lonlat

COORDINATE_DECIMALS = 7
"""About a centimetre; more digits would claim what no photo knows."""

_HALF_TURN_DEG, _TURN_DEG = 180.0, 360.0


def build_footprints_geojson(coverage: Coverage) -> dict[str, object]:
    """Return one feature for each photo; ``geometry: null`` where its ground is not known."""
    flags = {one.photo_id: list(one.codes) for one in coverage.flags}
    features = [
        {
            "type": "Feature",
            "id": one.photo_id,
            "geometry": geometry_document(polygon_from_ring(one.ring)),
            "properties": {
                "gsd_m": None if one.gsd_m is None else round(one.gsd_m, 5),
                "error_m": round(one.error_m, 2),
                "is_cut": one.is_cut,
                "refused": one.refused,
                "flags": flags.get(one.photo_id, []),
            },
        }
        for one in coverage.footprints
    ]
    return {"type": "FeatureCollection", "features": features}


def build_refly_geojson(spots: Sequence[ReflySpot]) -> dict[str, object]:
    """Return the spots as polygons, each followed by its items in their own shape."""
    features: list[dict[str, object]] = []
    for spot in spots:
        properties = {
            "kind": "spot",
            "spot": spot.number,
            "items": [one.item_id for one in spot.items],
            "max_height_m": spot.max_height_m,
        }
        features.append(_build_feature(spot.polygon, properties))
        features += [
            _build_feature(one.geometry, _item_properties(one, spot.number)) for one in spot.items
        ]
    return {"type": "FeatureCollection", "features": features}


def _item_properties(item: ReflyItem, spot: int) -> dict[str, object]:
    return {
        "kind": item.kind,
        "spot": spot,
        "id": item.item_id,
        "name": item.name,
        "reason": item.reason.value,
        "max_height_m": item.max_height_m,
    }


def _build_feature(geometry: BaseGeometry, properties: dict[str, object]) -> dict[str, object]:
    return {
        "type": "Feature",
        "geometry": geometry_document(geometry),
        "properties": properties,
    }


def geometry_document(geometry: BaseGeometry) -> dict[str, object] | None:
    """Return a shape as GeoJSON, cut at the antimeridian; None where it is empty."""
    if geometry.is_empty:
        return None
    whole = cut_for_export(geometry)
    outlined = shapely.orient_polygons(whole)
    rounded = shapely.transform(outlined, lambda xy: np.round(xy, COORDINATE_DECIMALS))
    return dict(mapping(rounded))


def polygon_from_ring(ring: Sequence[tuple[float, float]]) -> shapely.Polygon:
    """Return a footprint's polygon, longitudes running on across the antimeridian."""
    corners = np.array(ring, dtype=np.float64).reshape(-1, 2)
    return shapely.Polygon(unwrap_lonlat(corners, corners[0, 0]) if len(corners) else None)


def cut_for_export(geometry: BaseGeometry) -> BaseGeometry:
    """Return a shape whose longitudes run on beyond 180 as parts within [-180, 180]."""
    west, _, east, _ = geometry.bounds
    if west >= -_HALF_TURN_DEG and east <= _HALF_TURN_DEG:
        return geometry
    whole = shapely.make_valid(geometry)  # round a pole degrees make a knot of it
    return shapely.union_all(
        [_cut_turn(whole, turn_deg) for turn_deg in (-_TURN_DEG, 0.0, _TURN_DEG)]
    )


def _cut_turn(geometry: BaseGeometry, turn_deg: float) -> BaseGeometry:
    """Return the part of a shape in the turn round ``turn_deg``, moved back to [-180, 180]."""
    window = shapely.box(turn_deg - _HALF_TURN_DEG, -90.0, turn_deg + _HALF_TURN_DEG, 90.0)
    return shapely.transform(
        shapely.intersection(geometry, window), lambda xy: xy - np.array([turn_deg, 0.0])
    )
