"""Files of buildings, areas and covers to layers in EPSG:4326 (GeoJSON, Shapefile, GeoPackage)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from detection.domain.errors import LayerEmptyError
from detection.domain.geometry import FloatArray
from detection.layers.areas import Area, AreaLayer
from detection.layers.buildings import Building, BuildingLayer
from detection.layers.covers import Cover, CoverLayer
from detection.layers.crs import LayerCrs, choose_crs, convert_to_wgs84
from detection.layers.fields import (
    FieldChoice,
    diameter_from_value,
    find_fields,
    height_from_value,
    list_properties,
    storeys_from_value,
    text_from_value,
)
from detection.layers.key_places import KeyPlace, KeyPlaceLayer
from detection.layers.layer import (
    GeometryArray,
    LayerSource,
    LayerWarning,
    find_middle,
    unwrap_lonlat,
)
from detection.layers.mend import (
    MendedShapes,
    has_finite_coordinates,
    keep_places,
    keep_points,
    mend_polygons,
)
from detection.layers.table import VectorTable, read_table

__all__ = ["FieldChoice", "read_areas", "read_buildings", "read_covers", "read_key_places"]


@dataclass(frozen=True, slots=True)
class _Rows:
    """The usable rows of a file: shapes in EPSG:4326, ids, and access to their fields."""

    shapes: GeometryArray
    rows: NDArray[np.intp]
    ids: tuple[str, ...]
    columns: Mapping[str, NDArray[np.generic]]
    fields: Mapping[str, str]
    source: LayerSource
    warnings: tuple[LayerWarning, ...]

    def value(self, role: str, index: int) -> object:
        column = self.fields.get(role)
        return None if column is None else self.columns[column][self.rows[index]]

    def text(self, role: str, index: int) -> str:
        return text_from_value(self.value(role, index))

    def properties(self, index: int) -> dict[str, object]:
        return list_properties(self.columns, int(self.rows[index]))


def read_buildings(
    path: Path, *, crs: str | None = None, fields: FieldChoice | None = None
) -> BuildingLayer:
    """Read building footprints; ``crs`` declares the coordinate system, whatever the file says.

    Raises:
        LayerError: see `read_table`; one of its kinds names a missing or wrong coordinate
            system, a field that is not there, or a file without a polygon.
    """
    rows = _read_rows(path, crs, fields, mend_polygons)
    buildings = tuple(
        Building(
            building_id=feature_id,
            name=rows.text("name", index),
            polygon=rows.shapes[index],
            height_m=height_from_value(rows.value("height", index)),
            storeys=storeys_from_value(rows.value("storeys", index)),
            properties=rows.properties(index),
        )
        for index, feature_id in enumerate(rows.ids)
    )
    return BuildingLayer(buildings, rows.source, rows.warnings)


def read_areas(
    path: Path,
    *,
    crs: str | None = None,
    level: str | None = None,
    fields: FieldChoice | None = None,
) -> AreaLayer:
    """Read administrative areas, all of one ``level`` where it is given; else see the file's.

    Raises:
        LayerError: as `read_buildings`.
    """
    rows = _read_rows(path, crs, fields, mend_polygons)
    areas = tuple(
        Area(
            area_id=feature_id,
            name=rows.text("name", index),
            level=rows.text("level", index) if level is None else level,
            polygon=rows.shapes[index],
            properties=rows.properties(index),
        )
        for index, feature_id in enumerate(rows.ids)
    )
    return AreaLayer(areas, rows.source, rows.warnings)


def read_covers(
    path: Path, *, crs: str | None = None, fields: FieldChoice | None = None
) -> CoverLayer:
    """Read a cover inventory: points, or outlines that stand for their middles.

    Raises:
        LayerError: as `read_buildings`, for a file without a place.
    """
    rows = _read_rows(path, crs, fields, keep_points)
    covers = tuple(
        Cover(
            cover_id=feature_id,
            name=rows.text("name", index),
            lon=float(rows.shapes[index].x),
            lat=float(rows.shapes[index].y),
            diameter_m=diameter_from_value(rows.value("diameter", index)),
            properties=rows.properties(index),
        )
        for index, feature_id in enumerate(rows.ids)
    )
    return CoverLayer(covers, rows.source, rows.warnings)


def read_key_places(
    path: Path, *, crs: str | None = None, fields: FieldChoice | None = None
) -> KeyPlaceLayer:
    """Read key places: points, or the grounds of schools, markets and the like.

    Raises:
        LayerError: as `read_buildings`, for a file without a place.
    """
    rows = _read_rows(path, crs, fields, keep_places)
    places = tuple(
        KeyPlace(
            place_id=feature_id,
            name=rows.text("name", index),
            shape=rows.shapes[index],
            properties=rows.properties(index),
        )
        for index, feature_id in enumerate(rows.ids)
    )
    return KeyPlaceLayer(places, rows.source, rows.warnings)


def _read_rows(
    path: Path,
    declared: str | None,
    choice: FieldChoice | None,
    mend: Callable[[GeometryArray], MendedShapes],
) -> _Rows:
    table = read_table(path)
    fields = find_fields(table.columns, choice)
    crs = choose_crs(declared, table.crs, path.name)
    shapes = table.shapes.copy()
    shapes[~has_finite_coordinates(shapes)] = None
    mended = mend(_convert_shapes(shapes, crs))
    if not len(mended.shapes):
        message = f"{path.name} holds nothing that can be used: {len(shapes)} rows."
        raise LayerEmptyError(message, remedy="Check that it is the right layer, with shapes.")
    ids, repeated = _list_ids(table, mended.rows, fields.get("feature_id"))
    counts = {
        "layer_shapes_mended": mended.mended,
        "layer_shapes_left_out": len(shapes) - len(mended.shapes),
        "layer_ids_repeated": repeated,
        "layer_without_ids": 0 if "feature_id" in fields else len(ids),
        "layer_datum_inexact": 0 if crs.is_exact else len(ids),
    }
    warnings = tuple(LayerWarning(code, count) for code, count in counts.items() if count)
    source = LayerSource(path.name, crs.name, tuple(fields.items()))
    return _Rows(mended.shapes, mended.rows, ids, table.columns, fields, source, warnings)


def _convert_shapes(shapes: GeometryArray, crs: LayerCrs) -> GeometryArray:
    """Return shapes in EPSG:4326, longitudes within 180 degrees of the middle of them all."""
    if not len(shapely.get_coordinates(shapes)):
        return shapes
    degrees = shapely.transform(shapes, lambda xy: convert_to_wgs84(xy, crs))
    middle_lon, _ = find_middle(shapely.get_coordinates(degrees))

    def unwrap(lonlat: FloatArray) -> FloatArray:
        return unwrap_lonlat(lonlat, middle_lon)

    return np.asarray(shapely.transform(degrees, unwrap), dtype=object)


def _list_ids(
    table: VectorTable, rows: NDArray[np.intp], column: str | None
) -> tuple[tuple[str, ...], int]:
    """Return an id for every row, each once, and how many had to be made different.

    A row without an id is called after its number in the file.
    """
    next_number: dict[str, int] = {}
    ids: list[str] = []
    repeated = 0
    for row in rows:
        own = "" if column is None else text_from_value(table.columns[column][row])
        own = own or f"row-{int(row) + 1}"
        free = own
        while free in next_number:  # numbers go on where the last of this id ended
            free = f"{own}#{next_number[own]}"
            next_number[own] += 1
        repeated += free != own
        next_number[free] = 2
        ids.append(free)
    return tuple(ids), repeated
