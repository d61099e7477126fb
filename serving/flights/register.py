"""Building registers in use, and what they permit the buildings near a place to be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime

from sqlalchemy import Integer, and_, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from serving.db.tables import BuildingRegisterRow, LayerFeatureRow, LayerRow, RegisterEntryRow
from serving.flights.building_card import card_from_row
from serving.flights.layer_rows import Bounds
from serving.flights.layers import list_buildings
from serving.flights.register_errors import RegisterNotFoundError

IS_CURRENT = and_(
    BuildingRegisterRow.replaced_at.is_(None), BuildingRegisterRow.deleted_at.is_(None)
)


@dataclass(frozen=True, slots=True)
class Permitted:
    """What a building is permitted to be, as the register of its layer or the layer itself says.

    ``building_id`` is its id among the buildings that `serving.flights.layers.load_buildings`
    returns; ``ordinal`` its number within its layer. ``register_id`` is None where a field of the
    layer says it, not a register. None where it is not said.
    """

    building_id: str
    layer_id: int
    ordinal: int
    register_id: int | None = None
    storeys: int | None = None
    area_m2: float | None = None
    height_m: float | None = None
    use: str | None = None
    land_permit: str | None = None
    planning_permit: str | None = None
    construction_permit: str | None = None


def list_registers(session: Session) -> list[BuildingRegisterRow]:
    """Return the registers in use, those of layers in use, newest first."""
    statement = (
        select(BuildingRegisterRow)
        .join(LayerRow, LayerRow.id == BuildingRegisterRow.layer_id)
        .where(IS_CURRENT, LayerRow.deleted_at.is_(None))
    )
    return list(session.scalars(statement.order_by(BuildingRegisterRow.id.desc())))


def list_earlier(session: Session, layer_id: int) -> list[BuildingRegisterRow]:
    """Return the registers of a layer that are in use no more, the latest first."""
    statement = select(BuildingRegisterRow).where(
        BuildingRegisterRow.layer_id == layer_id, ~IS_CURRENT
    )
    return list(session.scalars(statement.order_by(BuildingRegisterRow.id.desc())))


def get_register(session: Session, register_id: int) -> BuildingRegisterRow:
    """Return a register in use.

    Raises:
        RegisterNotFoundError: there is none with this number, or it is in use no more.
    """
    row = session.get(BuildingRegisterRow, register_id)
    if row is None or row.replaced_at is not None or row.deleted_at is not None:
        raise RegisterNotFoundError(register_id)
    return row


def find_current(session: Session, layer_id: int) -> BuildingRegisterRow | None:
    """Return the register of a layer that is in use."""
    wanted = select(BuildingRegisterRow).where(BuildingRegisterRow.layer_id == layer_id, IS_CURRENT)
    return session.scalar(wanted)


def delete_register(session: Session, register_id: int, *, deleted_by: int) -> BuildingRegisterRow:
    """Take a register out of use. Its rows stay: what was found with it can still be explained.

    Raises:
        RegisterNotFoundError: there is none with this number, or it is in use no more.
    """
    row = get_register(session, register_id)
    row.deleted_at = datetime.now(UTC)
    row.deleted_by = deleted_by
    return row


def list_entries(
    session: Session, register_id: int, *, without_building: bool, limit: int, after: int = 0
) -> list[RegisterEntryRow]:
    """Return up to ``limit`` rows of a register in the order of the file, after a row's number."""
    statement = select(RegisterEntryRow).where(
        RegisterEntryRow.register_id == register_id, RegisterEntryRow.ordinal > after
    )
    if without_building:
        statement = statement.where(RegisterEntryRow.feature_ordinal.is_(None))
    return list(session.scalars(statement.order_by(RegisterEntryRow.ordinal).limit(limit)))


def count_strays(session: Session, register_id: int) -> int:
    """Return how many rows of a register belong to no building, or repeat one."""
    statement = select(func.count()).where(
        RegisterEntryRow.register_id == register_id, RegisterEntryRow.feature_ordinal.is_(None)
    )
    return session.scalars(statement).one()


def load_permitted(session: Session, near: Bounds | None) -> dict[str, Permitted]:
    """Return what the buildings near a place are permitted to be, by their id; everywhere if None.

    Buildings of which neither a register nor their layer says anything are left out.
    """
    placed = [(row, building_id) for row, building_id in list_buildings(session, near)]
    entries = _entries_of(session, [row for row, _ in placed])
    found = {
        building_id: _permitted(row, building_id, entries.get((row.layer_id, row.ordinal)))
        for row, building_id in placed
    }
    return {building_id: each for building_id, each in found.items() if each is not None}


def find_permitted(session: Session, feature: LayerFeatureRow) -> Permitted | None:
    """Return what one building is permitted to be; None where nothing is said of it."""
    statement = (
        select(RegisterEntryRow)
        .join(BuildingRegisterRow)
        .where(
            IS_CURRENT,
            BuildingRegisterRow.layer_id == feature.layer_id,
            RegisterEntryRow.feature_ordinal == feature.ordinal,
        )
    )
    return _permitted(feature, feature.feature_id, session.scalar(statement.limit(1)))


def hash_permitted(permitted: Mapping[str, Permitted]) -> str:
    """Return the SHA-256 of what buildings were checked against, in hexadecimal digits."""
    plain = [astuple(permitted[building_id]) for building_id in sorted(permitted)]
    return hashlib.sha256(json.dumps(plain, ensure_ascii=False).encode()).hexdigest()


def _entries_of(
    session: Session, features: Iterable[LayerFeatureRow]
) -> dict[tuple[int, int], RegisterEntryRow]:
    """Return the rows of buildings by layer and number; a register may hold a whole city."""
    names = {(row.layer_id, row.ordinal) for row in features}
    ordinals = sorted({ordinal for _, ordinal in names})  # one parameter, however many there are
    statement = (
        select(BuildingRegisterRow.layer_id, RegisterEntryRow)
        .join(BuildingRegisterRow, BuildingRegisterRow.id == RegisterEntryRow.register_id)
        .where(
            IS_CURRENT,
            BuildingRegisterRow.layer_id.in_({layer_id for layer_id, _ in names}),
            RegisterEntryRow.feature_ordinal == any_(literal(ordinals, ARRAY(Integer))),
        )
    )
    return {
        (layer_id, entry.feature_ordinal): entry
        for layer_id, entry in session.execute(statement)
        if entry.feature_ordinal is not None
    }


def _permitted(
    feature: LayerFeatureRow, building_id: str, entry: RegisterEntryRow | None
) -> Permitted | None:
    """Return what the register says, or else the layer; an empty answer is none."""
    card = card_from_row(feature)
    if entry is None:
        if card.permitted_storeys is None:
            return None
        return Permitted(
            building_id,
            feature.layer_id,
            feature.ordinal,
            storeys=card.permitted_storeys,
            use=card.use,
        )
    return Permitted(
        building_id,
        feature.layer_id,
        feature.ordinal,
        register_id=entry.register_id,
        storeys=entry.permitted_storeys or card.permitted_storeys,
        area_m2=entry.permitted_area_m2,
        height_m=entry.permitted_height_m,
        use=entry.use or card.use,
        land_permit=entry.land_permit,
        planning_permit=entry.planning_permit,
        construction_permit=entry.construction_permit,
    )
