"""Layers as rows and back: a flight loads what lies near it, not a city's file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from pyproj import Transformer

from detection.layers.areas import Area
from detection.layers.buildings import Building
from detection.layers.covers import Cover
from detection.layers.key_places import KeyPlace
from detection.layers.layer import Layer, LayerWarning
from detection.terrain import Terrain
from serving.db.tables import LayerFeatureRow, LayerRow

MAX_ID_CHARS: Final = 200
MAX_NAME_CHARS: Final = 400
MAX_CRS_CHARS: Final = 80
FULL_TURN_DEG: Final = 360.0

Thing = Building | Cover | Area | KeyPlace
ThingLayer = Layer[Building] | Layer[Cover] | Layer[Area] | Layer[KeyPlace]


@dataclass(frozen=True, slots=True)
class Bounds:
    """A box in EPSG:4326 degrees. Across the antimeridian one side lies beyond 180."""

    west: float
    south: float
    east: float
    north: float


def bounds_of(row: LayerRow) -> Bounds:
    """Return the box that a layer fills."""
    return Bounds(row.west, row.south, row.east, row.north)


def values_from_layer(layer: ThingLayer) -> dict[str, object]:
    """Return the columns of ``layers`` that describe what was read."""
    return {
        "crs": _storable(layer.source.crs)[:MAX_CRS_CHARS],
        "fields": {_storable(ours): _storable(theirs) for ours, theirs in layer.source.fields},
        "warnings": [_plain_warning(warning) for warning in layer.warnings],
        "feature_count": len(layer),
        **_sides(*(float(side) for side in shapely.total_bounds(layer.geometries))),
    }


def values_from_terrain(terrain: Terrain) -> dict[str, object]:
    """Return the columns of ``layers`` for a ground model; its features are its cells."""
    rows, columns = terrain.heights.shape
    crs_from_cell = np.linalg.inv(np.vstack([terrain.cell_from_crs, [0.0, 0.0, 1.0]]))
    corners = np.array([(x, y, 1.0) for x in (0.0, columns) for y in (0.0, rows)])
    xs, ys, _ = crs_from_cell @ corners.T
    to_degrees = Transformer.from_crs(terrain.crs, "EPSG:4326", always_xy=True)
    west, south, east, north = to_degrees.transform_bounds(xs.min(), ys.min(), xs.max(), ys.max())
    return {
        "crs": terrain.crs.to_string()[:MAX_CRS_CHARS],
        "fields": {},
        "warnings": [],
        "feature_count": rows * columns,
        **_sides(west, south, east if east >= west else east + FULL_TURN_DEG, north),
    }


def values_from_feature(layer_id: int, ordinal: int, thing: Thing) -> dict[str, object]:
    """Return the columns of ``layer_features`` for one building, cover, area or key place."""
    match thing:
        case Building():
            own: tuple[str, float | None, int | None, float | None]
            own = (thing.building_id, thing.height_m, thing.storeys, None)
        case Cover():
            own = (thing.cover_id, None, None, thing.diameter_m)
        case Area():
            own = (thing.area_id, None, None, None)
        case KeyPlace():
            own = (thing.place_id, None, None, None)
    feature_id, height_m, storeys, diameter_m = own
    return {
        "layer_id": layer_id,
        "ordinal": ordinal,
        "feature_id": _storable(feature_id)[:MAX_ID_CHARS],
        "name": _storable(thing.name)[:MAX_NAME_CHARS] or None,
        **_sides(*(float(side) for side in thing.geometry.bounds)),
        "geometry": shapely.to_wkb(shapely.force_2d(thing.geometry)),
        "height_m": height_m,
        "storeys": storeys,
        "diameter_m": diameter_m,
        "properties": _plain(thing.properties),
    }


def building_from_row(row: LayerFeatureRow, building_id: str) -> Building:
    """Return a stored building under an id that is its own among all layers."""
    return Building(
        building_id=building_id,
        name=row.name or "",
        polygon=shapely.from_wkb(row.geometry),
        height_m=row.height_m,
        storeys=row.storeys,
        properties=row.properties,
    )


def cover_from_row(row: LayerFeatureRow, cover_id: str) -> Cover:
    """Return a stored cover under an id that is its own among all layers."""
    place = shapely.from_wkb(row.geometry)
    return Cover(
        cover_id=cover_id,
        name=row.name or "",
        lon=float(shapely.get_x(place)),
        lat=float(shapely.get_y(place)),
        diameter_m=row.diameter_m,
        properties=row.properties,
    )


def area_from_row(row: LayerFeatureRow, area_id: str, level: str) -> Area:
    """Return a stored area under an id that is its own among those of its level."""
    return Area(
        area_id=area_id,
        name=row.name or "",
        level=level,
        polygon=shapely.from_wkb(row.geometry),
        properties=row.properties,
    )


def key_place_from_row(row: LayerFeatureRow, place_id: str) -> KeyPlace:
    """Return a stored key place under an id that is its own among all layers."""
    return KeyPlace(
        place_id=place_id,
        name=row.name or "",
        shape=shapely.from_wkb(row.geometry),
        properties=row.properties,
    )


def warnings_from_row(row: LayerRow) -> list[LayerWarning]:
    """Return what was noted when a layer was read."""
    return [
        LayerWarning(str(entry["code"]), int(str(entry["count"])), str(entry["detail"]))
        for entry in row.warnings
    ]


def _sides(west: float, south: float, east: float, north: float) -> dict[str, object]:
    return {"west": west, "south": south, "east": east, "north": north}


def _plain_warning(warning: LayerWarning) -> dict[str, object]:
    return {"code": warning.code, "count": warning.count, "detail": _storable(warning.detail)}


def _plain(properties: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of a file as JSON can hold them."""
    return {_storable(str(name)): _plain_value(value) for name, value in properties.items()}


def _plain_value(value: object) -> object:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return _storable(str(value))


def _storable(text: str) -> str:
    """Return text without what PostgreSQL cannot store."""
    return text.replace("\x00", "")
