"""Rows to answers: building registers and what they say."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.api.register_schemas import RegisterAnswer, RegisterEntry, RegisterNote
from serving.db.tables import (
    BuildingRegisterRow,
    LayerFeatureRow,
    LayerRow,
    RegisterEntryRow,
    UserRow,
)


def view_registers(session: Session, rows: Sequence[BuildingRegisterRow]) -> list[RegisterAnswer]:
    """Return registers with the names of their layers and of those who imported them."""
    layers = _find_layers(session, {row.layer_id for row in rows})
    people = _find_people(session, {row.created_by for row in rows if row.created_by is not None})
    return [
        _view_register(row, layers[row.layer_id], people.get(row.created_by or 0)) for row in rows
    ]


def view_register(session: Session, row: BuildingRegisterRow) -> RegisterAnswer:
    """Return a register with the name of its layer and of who imported it."""
    return view_registers(session, [row])[0]


def view_entries(
    session: Session, register: BuildingRegisterRow, rows: Sequence[RegisterEntryRow]
) -> list[RegisterEntry]:
    """Return rows of a register with the ids of their buildings."""
    wanted = {row.feature_ordinal for row in rows if row.feature_ordinal is not None}
    found = session.execute(
        select(LayerFeatureRow.ordinal, LayerFeatureRow.feature_id).where(
            LayerFeatureRow.layer_id == register.layer_id, LayerFeatureRow.ordinal.in_(wanted)
        )
    )
    building_ids: dict[int | None, str] = dict(found.all())
    return [_view_entry(row, building_ids.get(row.feature_ordinal)) for row in rows]


def _find_layers(session: Session, layer_ids: set[int]) -> dict[int, LayerRow]:
    rows = session.scalars(select(LayerRow).where(LayerRow.id.in_(layer_ids)))
    return {row.id: row for row in rows}


def _find_people(session: Session, user_ids: set[int]) -> dict[int, str]:
    found = session.execute(select(UserRow.id, UserRow.username).where(UserRow.id.in_(user_ids)))
    return dict(found.all())


def _view_register(
    row: BuildingRegisterRow, layer: LayerRow, created_by: str | None
) -> RegisterAnswer:
    return RegisterAnswer(
        id=row.id,
        layer_id=row.layer_id,
        layer_name=layer.name,
        name=row.name,
        file_name=row.file_name,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        fields=row.fields,
        notes=[RegisterNote.model_validate(note) for note in row.notes],
        row_count=row.row_count,
        joined_count=row.joined_count,
        building_count=layer.feature_count,
        created_by=created_by,
        created_at=row.created_at,
    )


def _view_entry(row: RegisterEntryRow, building_id: str | None) -> RegisterEntry:
    return RegisterEntry(
        line=row.ordinal,
        building_no=row.building_no,
        building_id=building_id,
        permitted_storeys=row.permitted_storeys,
        permitted_height_m=row.permitted_height_m,
        permitted_area_m2=row.permitted_area_m2,
        use=row.use,
        land_permit=row.land_permit,
        planning_permit=row.planning_permit,
        construction_permit=row.construction_permit,
    )
