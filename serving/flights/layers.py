"""Imported layers: list, find, delete, and load what lies near a place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from math import cos, radians
from typing import Final

import numpy as np
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from detection.georeference.surroundings import Surroundings
from detection.layers.areas import AreaLayer
from detection.layers.buildings import BuildingLayer
from detection.layers.covers import CoverLayer
from detection.layers.key_places import KeyPlaceLayer
from detection.layers.layer import find_middle, unwrap_lonlat
from detection.terrain import Terrain
from serving.db.tables import LayerFeatureRow, LayerRow, PhotoRow
from serving.flights.errors import LayerNotFoundError
from serving.flights.layer_rows import (
    FULL_TURN_DEG,
    Bounds,
    area_from_row,
    building_from_row,
    cover_from_row,
    key_place_from_row,
)
from serving.storage.objects import ObjectStore

NEAR_M: Final = 2000.0
"""What a photo of a flight can show lies within this distance of where it was taken."""

BUILDING_NEAR_M: Final = 500.0
"""The building of a candidate is within its error of it; the next town's is not."""

_METRES_PER_DEGREE: Final = 111_320.0
_SEAM_DEG: Final = 170.0


class LayerKind(StrEnum):
    """What a layer holds."""

    BUILDINGS = "buildings"
    COVERS = "covers"
    AREAS = "areas"
    TERRAIN = "terrain"
    KEY_PLACES = "key_places"


class AreaLevel(StrEnum):
    """Which areas: the administrative ones from large to small, or what was to be flown."""

    DISTRICT = "district"
    STREET = "street"
    COMMUNITY = "community"
    GRID = "grid"
    SURVEY = "survey"


ADMINISTRATIVE: Final = tuple(level for level in AreaLevel if level is not AreaLevel.SURVEY)


Side = LayerRow | LayerFeatureRow


def list_layers(session: Session) -> list[LayerRow]:
    """Return the layers that are in use, newest first."""
    statement = select(LayerRow).where(LayerRow.deleted_at.is_(None))
    return list(session.scalars(statement.order_by(LayerRow.id.desc())))


def get_layer(session: Session, layer_id: int) -> LayerRow:
    """Return a layer that is in use.

    Raises:
        LayerNotFoundError: there is none with this number, or it was deleted.
    """
    row = session.get(LayerRow, layer_id)
    if row is None or row.deleted_at is not None:
        raise LayerNotFoundError(layer_id)
    return row


def delete_layer(session: Session, layer_id: int, *, deleted_by: int) -> LayerRow:
    """Take a layer out of use. Its rows stay: what was found with it can still be explained.

    Raises:
        LayerNotFoundError: there is none with this number, or it was deleted before.
    """
    row = get_layer(session, layer_id)
    row.deleted_at = datetime.now(UTC)
    row.deleted_by = deleted_by
    return row


def near_flight(session: Session, flight_id: int, margin_m: float = NEAR_M) -> Bounds | None:
    """Return the box of a flight's photos with a margin; None where none has a position."""
    statement = select(PhotoRow.lon, PhotoRow.lat).where(
        PhotoRow.flight_id == flight_id, PhotoRow.lon.is_not(None), PhotoRow.lat.is_not(None)
    )
    places = np.array([tuple(row) for row in session.execute(statement)], dtype=np.float64)
    if not len(places):
        return None
    unwrapped = unwrap_lonlat(places, find_middle(places)[0])
    (west, south), (east, north) = unwrapped.min(axis=0), unwrapped.max(axis=0)
    return grow_bounds(Bounds(float(west), float(south), float(east), float(north)), margin_m)


def grow_bounds(bounds: Bounds, margin_m: float) -> Bounds:
    """Return a box with a margin on every side."""
    north_deg = margin_m / _METRES_PER_DEGREE
    east_deg = north_deg / max(0.05, cos(radians((bounds.south + bounds.north) / 2)))
    return Bounds(
        bounds.west - east_deg,
        bounds.south - north_deg,
        bounds.east + east_deg,
        bounds.north + north_deg,
    )


def layers_near(
    session: Session, near: Bounds | None, *kinds: LayerKind, levels: Iterable[AreaLevel] = ()
) -> list[LayerRow]:
    """Return the layers in use that reach into ``near`` (anywhere, where None), oldest first."""
    statement = select(LayerRow).where(LayerRow.deleted_at.is_(None), LayerRow.kind.in_(kinds))
    wanted = list(levels)
    if wanted:
        statement = statement.where(LayerRow.level.in_(wanted))
    if near is not None:
        statement = statement.where(_meets(LayerRow, near))
    return list(session.scalars(statement.order_by(LayerRow.id)))


def load_surroundings(session: Session, store: ObjectStore, near: Bounds | None) -> Surroundings:
    """Return terrain, buildings and administrative areas near a place; all, where None.

    Raises:
        InvalidInputError: the file of the terrain is damaged.
    """
    return Surroundings(
        terrain=load_terrain(session, store, near),
        buildings=load_buildings(session, near),
        areas=load_areas(session, near, ADMINISTRATIVE),
    )


def load_terrain(session: Session, store: ObjectStore, near: Bounds | None) -> Terrain | None:
    """Return the newest ground model that holds the middle of a place.

    Raises:
        InvalidInputError: its file is damaged.
    """
    middle = None if near is None else _middle(near)
    rows = layers_near(session, middle, LayerKind.TERRAIN)
    if not rows:
        return None
    box = None if near is None else (near.west, near.south, near.east, near.north)
    return Terrain.open(store.path_of(rows[-1].sha256), near=box)


def load_buildings(session: Session, near: Bounds | None) -> BuildingLayer | None:
    """Return the buildings near a place, of all layers; None where there is no such layer."""
    layers = layers_near(session, near, LayerKind.BUILDINGS)
    found = _features(session, layers, near)
    buildings = tuple(building_from_row(row, own_id) for row, own_id in found)
    return BuildingLayer(buildings) if layers else None


def list_buildings(session: Session, near: Bounds | None) -> Iterator[tuple[LayerFeatureRow, str]]:
    """Yield the rows of the buildings near a place with the ids of `load_buildings`."""
    yield from _features(session, layers_near(session, near, LayerKind.BUILDINGS), near)


def load_covers(session: Session, near: Bounds | None) -> CoverLayer | None:
    """Return the inventory of covers near a place; None where there is no such layer."""
    layers = layers_near(session, near, LayerKind.COVERS)
    found = _features(session, layers, near)
    return (
        CoverLayer(tuple(cover_from_row(row, own_id) for row, own_id in found)) if layers else None
    )


def load_areas(
    session: Session, near: Bounds | None, levels: Iterable[AreaLevel]
) -> AreaLayer | None:
    """Return the areas of some levels near a place; None where there is no such layer."""
    layers = layers_near(session, near, LayerKind.AREAS, levels=levels)
    level_of = {row.id: row.level for row in layers}
    found = _features(session, layers, near)
    areas = tuple(area_from_row(row, own_id, level_of[row.layer_id]) for row, own_id in found)
    return AreaLayer(areas) if layers else None


def load_key_places(session: Session, near: Bounds | None) -> KeyPlaceLayer | None:
    """Return the key places near a place, of all layers; None where there is no such layer."""
    layers = layers_near(session, near, LayerKind.KEY_PLACES)
    found = _features(session, layers, near)
    places = tuple(key_place_from_row(row, own_id) for row, own_id in found)
    return KeyPlaceLayer(places) if places else None


def list_features(
    session: Session, layer_id: int, near: Bounds | None, limit: int
) -> list[LayerFeatureRow]:
    """Return up to ``limit`` features of a layer that reach into ``near``, in their order."""
    statement = select(LayerFeatureRow).where(LayerFeatureRow.layer_id == layer_id)
    if near is not None:
        statement = statement.where(_meets(LayerFeatureRow, near))
    return list(session.scalars(statement.order_by(LayerFeatureRow.ordinal).limit(limit)))


def find_building(session: Session, building_id: str, near: Bounds) -> LayerFeatureRow | None:
    """Return a building of the layer that it came from, deleted layers included.

    Only ``near`` its place: other files number their buildings in the same way.
    """
    own_id, _, source = building_id.rpartition("@")
    layer, _, ordinal = source.partition(".")
    is_ours = bool(own_id) and layer.isdecimal() and ordinal.isdecimal()
    wanted = (
        (LayerRow.id == int(layer)) & (LayerFeatureRow.ordinal == int(ordinal))
        if is_ours
        else LayerFeatureRow.feature_id == building_id
    )
    return session.scalar(
        select(LayerFeatureRow)
        .join(LayerRow, LayerRow.id == LayerFeatureRow.layer_id)
        .where(LayerRow.kind == LayerKind.BUILDINGS, wanted, _meets(LayerFeatureRow, near))
        .order_by(LayerRow.deleted_at.is_not(None), LayerRow.id, LayerFeatureRow.ordinal)
        .limit(1)
    )


def find_building_at(
    session: Session, building_id: str, lon: float, lat: float
) -> LayerFeatureRow | None:
    """Return the building of something that was found at a place."""
    near = grow_bounds(Bounds(lon, lat, lon, lat), BUILDING_NEAR_M)
    return find_building(session, building_id, near)


def _middle(near: Bounds) -> Bounds:
    lon, lat = (near.west + near.east) / 2, (near.south + near.north) / 2
    return Bounds(lon, lat, lon, lat)


def _features(
    session: Session,
    layers: Iterable[LayerRow],
    near: Bounds | None,
) -> Iterator[tuple[LayerFeatureRow, str]]:
    """Yield the features of several layers, each with an id that no other of its level has."""
    taken: set[tuple[str, str]] = set()
    for layer in layers:
        statement = select(LayerFeatureRow).where(LayerFeatureRow.layer_id == layer.id)
        if near is not None:
            statement = statement.where(_meets(LayerFeatureRow, near))
        for row in session.scalars(statement.order_by(LayerFeatureRow.ordinal)):
            is_free = (layer.level, row.feature_id) not in taken
            feature_id = row.feature_id if is_free else f"{row.feature_id}@{layer.id}.{row.ordinal}"
            taken.add((layer.level, feature_id))
            yield row, feature_id


def _meets(table: type[Side], near: Bounds) -> ColumnElement[bool]:
    """Return the condition that the sides of a row meet a box, by any name of its longitudes."""
    beyond_seam = max(abs(near.west), abs(near.east)) > _SEAM_DEG
    shifts = (-FULL_TURN_DEG, 0.0, FULL_TURN_DEG) if beyond_seam else (0.0,)
    return or_(
        *(
            (table.west <= near.east + shift)
            & (table.east >= near.west + shift)
            & (table.south <= near.north)
            & (table.north >= near.south)
            for shift in shifts
        )
    )
