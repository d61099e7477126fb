"""Take a file in as a layer: look at it, read it once, keep its features as rows."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlalchemy.orm import Session, sessionmaker

from detection.layers.read import (
    FieldChoice,
    read_areas,
    read_buildings,
    read_covers,
    read_key_places,
)
from detection.terrain import Terrain
from serving.audit.log import SERVICE, Actor
from serving.db.tables import LayerFeatureRow, LayerRow
from serving.flights.errors import LayerExistsError, LayerFileTooLargeError
from serving.flights.layer_files import open_layer_file
from serving.flights.layer_rows import (
    Thing,
    ThingLayer,
    values_from_feature,
    values_from_layer,
    values_from_terrain,
)
from serving.flights.layers import AreaLevel, LayerKind
from serving.flights.trail import record_new_layer
from serving.storage.objects import FileTooLargeError, ObjectStore, StagedFile

ROWS_AT_ONCE: Final = 1000

# A city's buildings take a gigabyte while they are read; imports come one after the other.
_reading = threading.Lock()


@dataclass(frozen=True, slots=True)
class LayerOrder:
    """What somebody wants a file to be. ``crs`` is None where the file says it itself."""

    kind: LayerKind
    name: str
    file_name: str = "layer"
    level: AreaLevel | None = None
    crs: str | None = None
    fields: FieldChoice | None = None
    created_by: int | None = None
    actor: Actor = SERVICE

    @property
    def level_word(self) -> str:
        """The level as it is stored."""
        return self.level.value if self.level else ""


def import_layer(
    sessions: sessionmaker[Session],
    store: ObjectStore,
    order: LayerOrder,
    stream: BinaryIO,
    *,
    max_bytes: int,
) -> LayerRow:
    """Store a file and its features, all or nothing.

    Raises:
        LayerFileTooLargeError: the file is larger than ``max_bytes``.
        LayerFormatError: the content is none that a layer can be read from.
        LayerExistsError: the file is a layer of this kind already.
        HazardLensError: the content has no coordinate system, or cannot be read.
    """
    try:
        with store.stage(stream, max_bytes=max_bytes, suffix=".upload") as staged:
            _require_new(sessions, order, staged.sha256)
            with _reading:
                read = _read(staged.path, order)
            store.keep(staged)
            with sessions.begin() as session:
                return _store(session, order, staged, read)
    except FileTooLargeError as error:
        message = f"The file is larger than {max_bytes // 1_000_000} MB."
        remedy = "Cut the layer into parts; the limit is HAZARDLENS_MAX_UPLOAD_MB."
        raise LayerFileTooLargeError(message, remedy=remedy) from error


def _read(path: Path, order: LayerOrder) -> ThingLayer | Terrain:
    is_terrain = order.kind is LayerKind.TERRAIN
    with open_layer_file(path, order.file_name, is_terrain=is_terrain) as opened:
        match order.kind:
            case LayerKind.BUILDINGS:
                return read_buildings(opened, crs=order.crs, fields=order.fields)
            case LayerKind.COVERS:
                return read_covers(opened, crs=order.crs, fields=order.fields)
            case LayerKind.AREAS:
                return read_areas(
                    opened, crs=order.crs, level=order.level_word, fields=order.fields
                )
            case LayerKind.KEY_PLACES:
                return read_key_places(opened, crs=order.crs, fields=order.fields)
            case LayerKind.TERRAIN:
                return Terrain.open(opened)


def _require_new(sessions: sessionmaker[Session], order: LayerOrder, sha256: str) -> None:
    """Refuse a known file before it is read; the unique index does so again at the end."""
    known = select(LayerRow.name).where(
        LayerRow.kind == order.kind.value,
        LayerRow.level == order.level_word,
        LayerRow.sha256 == sha256,
        LayerRow.deleted_at.is_(None),
    )
    with sessions() as session:
        name = session.scalar(known)
    if name is not None:
        raise LayerExistsError(name)


def _store(
    session: Session, order: LayerOrder, staged: StagedFile, read: ThingLayer | Terrain
) -> LayerRow:
    seen = values_from_terrain(read) if isinstance(read, Terrain) else values_from_layer(read)
    values = {
        "kind": order.kind.value,
        "level": order.level_word,
        "name": order.name,
        "file_name": order.file_name,
        "sha256": staged.sha256,
        "size_bytes": staged.size_bytes,
        "created_by": order.created_by,
        **seen,
    }
    statement = insert_once(LayerRow).values(values).on_conflict_do_nothing().returning(LayerRow)
    row = session.scalar(statement)
    if row is None:
        raise LayerExistsError(order.name)
    if not isinstance(read, Terrain):
        things: Sequence[Thing] = read.features
        numbered = enumerate(things)
        rows = (values_from_feature(row.id, number, thing) for number, thing in numbered)
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            session.execute(insert(LayerFeatureRow), batch)
    record_new_layer(session, order.actor, row)
    return row
