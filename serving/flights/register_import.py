"""Take a building register in: read it once, join its rows to buildings, keep what is mapped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

import shapely
from sqlalchemy import insert, select
from sqlalchemy.orm import Session, sessionmaker

from detection.layers.buildings import Building, BuildingLayer
from detection.layers.register import Register, RegisterProblem, RegisterRow, read_register
from detection.layers.register_join import JoinedRegister, join_register
from detection.layers.register_settings import RegisterSettings, load_register_settings
from serving.audit.log import SERVICE, Actor
from serving.db.tables import BuildingRegisterRow, LayerFeatureRow, LayerRow, RegisterEntryRow
from serving.flights.layers import LayerKind, get_layer
from serving.flights.register import find_current
from serving.flights.register_errors import (
    RegisterExistsError,
    RegisterLayerError,
    RegisterTooLargeError,
)
from serving.flights.register_files import open_register_file
from serving.flights.register_trail import record_new_register
from serving.storage.objects import FileTooLargeError, ObjectStore, StagedFile

ROWS_AT_ONCE: Final = 1000
MAX_TEXT: Final = 200

# A city's buildings take much memory while they are joined; imports come one after the other.
_reading = threading.Lock()


@dataclass(frozen=True, slots=True)
class RegisterOrder:
    """Whose register a file is to become.

    ``columns`` names columns of the file by role (`RegisterRow`), before those of the
    configuration; ``crs`` is None where coordinates are degrees of WGS 84 or CGCS2000.
    """

    layer_id: int
    name: str
    file_name: str = "register"
    crs: str | None = None
    columns: Mapping[str, str] | None = None
    created_by: int | None = None
    actor: Actor = SERVICE


@dataclass(frozen=True, slots=True)
class _Read:
    """A register as it was read; ``ordinals`` numbers the buildings of the layer by id."""

    register: Register
    joined: JoinedRegister
    ordinals: Mapping[str, int]

    def each_row(self) -> Iterator[tuple[RegisterRow, int | None]]:
        """Yield every row with its building's number; None where it stands for no building."""
        chosen = {row.line: (key, row) for key, row in self.joined.by_building.items()}
        for row in self.register.rows:
            building_id, standing = chosen.get(row.line, (None, row))
            yield standing, None if building_id is None else self.ordinals[building_id]


def import_register(
    sessions: sessionmaker[Session],
    store: ObjectStore,
    order: RegisterOrder,
    stream: BinaryIO,
    *,
    max_bytes: int,
    on_stored: Callable[[Session], object] | None = None,
) -> int:
    """Store what a file says of the buildings of a layer, all or nothing; returns its number.

    The file itself is not kept. The register that the layer had is replaced as a whole.
    ``on_stored`` is called in the same transaction, when the rows are there.

    Raises:
        LayerNotFoundError: there is no such layer.
        RegisterLayerError: the layer holds no buildings.
        RegisterTooLargeError: the file is larger than ``max_bytes``.
        RegisterFormatError: the content is no table.
        RegisterExistsError: the file is the layer's register already.
        HazardLensError: the table cannot be read, or has no column of a register.
    """
    try:
        with store.stage(stream, max_bytes=max_bytes, suffix=".upload") as staged:
            _require_new(sessions, order, staged.sha256)
            with _reading:
                read = _read(sessions, order, staged.path)
            with sessions.begin() as session:
                register_id = _store(session, order, staged, read)
                if on_stored is not None:
                    on_stored(session)
                return register_id
    except FileTooLargeError as error:
        message = f"The file is larger than {max_bytes // 1_000_000} MB."
        remedy = "Cut the register into parts; the limit is HAZARDLENS_MAX_UPLOAD_MB."
        raise RegisterTooLargeError(message, remedy=remedy) from error


def _require_new(sessions: sessionmaker[Session], order: RegisterOrder, sha256: str) -> None:
    with sessions() as session:
        _get_buildings(session, order.layer_id)
        current = find_current(session, order.layer_id)
        if current is not None and current.sha256 == sha256:
            raise RegisterExistsError(current.name)


def _get_buildings(session: Session, layer_id: int) -> LayerRow:
    layer = get_layer(session, layer_id)
    if layer.kind != LayerKind.BUILDINGS:
        raise RegisterLayerError(layer.name)
    return layer


def _read(sessions: sessionmaker[Session], order: RegisterOrder, path: Path) -> _Read:
    settings = _choose_columns(load_register_settings(), order.columns or {})
    with open_register_file(path, order.file_name) as opened:
        register = read_register(opened, crs=order.crs, settings=settings)
    with sessions() as session:
        numbered = dict(_each_building(session, order.layer_id))
    joined = join_register(register, BuildingLayer(tuple(numbered.values())))
    return _Read(register, joined, {one.building_id: key for key, one in numbered.items()})


def _choose_columns(settings: RegisterSettings, chosen: Mapping[str, str]) -> RegisterSettings:
    """Return settings in which the chosen names come first."""
    usual = settings.columns
    columns = {role: (name, *getattr(usual, role)) for role, name in chosen.items()}
    return settings.model_copy(update={"columns": usual.model_copy(update=columns)})


def _each_building(session: Session, layer_id: int) -> Iterator[tuple[int, Building]]:
    columns = LayerFeatureRow.ordinal, LayerFeatureRow.feature_id, LayerFeatureRow.geometry
    statement = select(*columns).where(LayerFeatureRow.layer_id == layer_id)
    for ordinal, feature_id, geometry in session.execute(statement).yield_per(ROWS_AT_ONCE):
        yield ordinal, Building(feature_id, "", shapely.from_wkb(geometry))


def _store(session: Session, order: RegisterOrder, staged: StagedFile, read: _Read) -> int:
    # Locked: of two imports at once the second replaces the first.
    session.execute(select(LayerRow.id).where(LayerRow.id == order.layer_id).with_for_update())
    _get_buildings(session, order.layer_id)
    earlier = find_current(session, order.layer_id)
    if earlier is not None:
        earlier.replaced_at = datetime.now(UTC)
        session.flush()
    row = _make_row(order, staged, read)
    session.add(row)
    session.flush()
    if earlier is not None:
        earlier.replaced_by = row.id
    values = (_values(row.id, *each) for each in read.each_row())
    while batch := list(islice(values, ROWS_AT_ONCE)):
        session.execute(insert(RegisterEntryRow), batch)
    record_new_register(session, order.actor, row, earlier)
    return row.id


def _make_row(order: RegisterOrder, staged: StagedFile, read: _Read) -> BuildingRegisterRow:
    return BuildingRegisterRow(
        layer_id=order.layer_id,
        name=order.name,
        file_name=order.file_name,
        sha256=staged.sha256,
        size_bytes=staged.size_bytes,
        fields=dict(read.register.columns),
        notes=[_note(problem) for problem in read.joined.problems],
        row_count=read.register.total_rows,
        joined_count=len(read.joined.by_building),
        created_by=order.created_by,
    )


def _values(register_id: int, row: RegisterRow, ordinal: int | None) -> dict[str, object]:
    return {
        "register_id": register_id,
        "ordinal": row.line,
        "feature_ordinal": ordinal,
        "building_no": _text(row.building_id),
        "permitted_storeys": row.permitted_storeys,
        "permitted_height_m": row.permitted_height_m,
        "permitted_area_m2": row.permitted_area_m2,
        "use": _text(row.use),
        "land_permit": _text(row.land_permit),
        "planning_permit": _text(row.planning_permit),
        "construction_permit": _text(row.construction_permit),
    }


def _note(problem: RegisterProblem) -> dict[str, object]:
    return {"code": problem.code, "count": problem.count, "lines": list(problem.lines)}


def _text(text: str) -> str | None:
    """Return text as it is stored: without what PostgreSQL cannot hold; none where it is empty."""
    return text.replace("\x00", "").strip()[:MAX_TEXT] or None
