"""Check files that are here whole and take them in. Each step may be done again after a crash.

The bytes of a file lie in the folder of uploads until they are in the store under their hash. The
hash is written down before they move, so that they are found again wherever a crash left them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from detection.domain.photo import FlightKind, IngestFailure
from detection.domain.reasons import build_failure
from serving.db.tables import FlightFileRow
from serving.flights.catalogue import get_flight
from serving.flights.errors import FlightNotOpenError
from serving.flights.intake import (
    PhotoSeen,
    accept_file,
    add_medium,
    add_photo,
    inspect_medium,
    inspect_photo,
    media_type_of,
    turn_away,
)
from serving.flights.uploads_disk import UploadFolder, read_back
from serving.flights.uploads_files import SHA256_CHARS, content_of, set_state
from serving.flights.uploads_kinds import FileKind
from serving.jobs.context import WorkerContext
from serving.jobs.intake import order_media, order_unpacking
from serving.storage.objects import StagedFile

logger = logging.getLogger(__name__)

CRASH_MESSAGE = "The check of this file broke off again and again."
CRASH_REMEDY = "Look at the file; if it is in order, report it."


@dataclass(frozen=True, slots=True)
class _Work:
    """A file to check; ``stored`` are its bytes, read back from the disk."""

    row: FlightFileRow
    flight_kind: FlightKind
    stored: StagedFile
    is_staged: bool


def check_file(context: WorkerContext, file_id: int) -> None:
    """Check one file and take it in, or refuse it by name. Nothing where that was done.

    Raises:
        DiskFullError: there is no room; the file waits.
    """
    folder = folder_of(context)
    work = _find_work(context, folder, file_id)
    if work is None:
        return
    failure = _compare(work)
    if failure is None and work.row.kind == FileKind.ARCHIVE:
        with context.sessions.begin() as session:
            order_unpacking(session, file_id)
        return
    if failure is not None:
        _turn_away(context, file_id, failure)
    elif work.row.kind == FileKind.PHOTO:
        _take_photo(context, work)
    else:
        _take_medium(context, work)
    if work.is_staged:
        folder.remove(work.row.staged)


def give_up_first(context: WorkerContext, file_ids: Sequence[int]) -> None:
    """Refuse the first file that still waits: it is the one at which the check breaks off."""
    with context.sessions.begin() as session:
        statement = select(FlightFileRow).where(
            FlightFileRow.id.in_(file_ids), FlightFileRow.state == "checking"
        )
        row = session.scalar(statement.order_by(FlightFileRow.id).limit(1).with_for_update())
        if row is not None:
            failure = IngestFailure(row.path, "processing_crashed", CRASH_MESSAGE, CRASH_REMEDY)
            turn_away(session, row, failure)


def list_waiting(context: WorkerContext, file_ids: Sequence[int]) -> list[int]:
    """Return those of the files that are still to be checked, in order."""
    with context.sessions() as session:
        statement = select(FlightFileRow.id).where(
            FlightFileRow.id.in_(file_ids), FlightFileRow.state == "checking"
        )
        return list(session.scalars(statement.order_by(FlightFileRow.id)))


def folder_of(context: WorkerContext) -> UploadFolder:
    """Return the folder in which files lie while they arrive."""
    return UploadFolder(context.settings.resolved_data_dir)


def _find_work(context: WorkerContext, folder: UploadFolder, file_id: int) -> _Work | None:
    """Return the file with its bytes; None where there is nothing to do.

    Where its bytes are nowhere, or the store's copy is not what its name says, the file is
    expected again: whoever has it is asked for it.
    """
    with context.sessions() as session:
        row = session.get(FlightFileRow, file_id)
        if row is None or row.state != "checking":
            return None
        kind = FlightKind(get_flight(session, row.flight_id).kind)
    staged = folder.path_of(row.staged) if row.staged else None
    if staged is not None and staged.is_file():
        stored = read_back(staged)
        _note_hash(context, file_id, stored)
        return _Work(row, kind, stored, is_staged=True)
    content = content_of(row)
    path = context.store.path_of(content) if content else None
    if path is not None and path.is_file():
        stored = read_back(path)
        if stored.sha256 == content:
            return _Work(row, kind, stored, is_staged=False)
        logger.error("the stored copy of %s is damaged", content)
    _expect_again(context, file_id)
    return None


def _note_hash(context: WorkerContext, file_id: int, stored: StagedFile) -> None:
    with context.sessions.begin() as session:
        row = session.get_one(FlightFileRow, file_id)
        row.sha256 = stored.sha256


def _expect_again(context: WorkerContext, file_id: int) -> None:
    with context.sessions.begin() as session:
        row = session.get_one(FlightFileRow, file_id, with_for_update=True)
        if row.state == "checking":
            logger.error("the bytes of %s are gone; it has to be sent again", row.path)
            set_state(row, "expected")
            row.staged = row.sha256 = None


def _compare(work: _Work) -> IngestFailure | None:
    """Return why the bytes are not those that were announced; None where they are."""
    row, stored = work.row, work.stored
    is_other = len(row.digest) == SHA256_CHARS and row.digest != stored.sha256
    if not is_other and stored.size_bytes == row.size_bytes:
        return None
    message = "The bytes that arrived are not those of the file on the card."
    return IngestFailure(row.path, "upload_damaged", message, "Send the file again.")


def _take_photo(context: WorkerContext, work: _Work) -> None:
    row, stored = work.row, work.stored
    seen = inspect_photo(stored.path, row.path, work.flight_kind)
    if isinstance(seen, IngestFailure):
        _turn_away(context, row.id, seen)
        return
    media_type = media_type_of(stored.path)
    _keep(context, work)
    try:
        _add_photo(context, row.id, seen, stored, media_type)
    except FlightNotOpenError as error:
        _turn_away(context, row.id, _not_open(row.path, error))


def _add_photo(
    context: WorkerContext, file_id: int, seen: PhotoSeen, stored: StagedFile, media_type: str
) -> None:
    with context.sessions.begin() as session:
        row = session.get_one(FlightFileRow, file_id)
        size_bytes = stored.size_bytes
        photo = add_photo(
            session, row.flight_id, seen, size_bytes=size_bytes, media_type=media_type
        )
        session.refresh(row, with_for_update=True)
        if row.state != "checking":
            session.rollback()  # what was refused meanwhile leaves no photo behind
            return
        if photo is None:
            turn_away(session, row, build_failure(row.path, "duplicate_photo"))
        else:
            accept_file(row, stored)
            row.photo_id = photo.id


def _take_medium(context: WorkerContext, work: _Work) -> None:
    row, stored = work.row, work.stored
    failure = inspect_medium(stored.path, row.path, FileKind(row.kind))
    if failure is not None:
        _turn_away(context, row.id, failure)
        return
    _keep(context, work)
    try:
        with context.sessions.begin() as session:
            locked = session.get_one(FlightFileRow, row.id)
            medium = add_medium(session, locked, stored)
            session.refresh(locked, with_for_update=True)
            if locked.state != "checking":
                session.rollback()
                return
            if medium is None:
                turn_away(session, locked, build_failure(row.path, "duplicate_photo"))
                return
            accept_file(locked, stored)
            locked.media_id = medium.id
            order_media(session, locked.flight_id, medium.id)
    except FlightNotOpenError as error:
        _turn_away(context, row.id, _not_open(row.path, error))


def _keep(context: WorkerContext, work: _Work) -> None:
    """Move the bytes into the store; a copy there that is damaged is replaced."""
    if not work.is_staged:
        return
    target = context.store.path_of(work.stored.sha256)
    if target.is_file() and read_back(target).sha256 != work.stored.sha256:
        logger.error("the stored copy of %s was damaged and is replaced", target.name)
        target.unlink()
    context.store.keep(work.stored)


def _turn_away(context: WorkerContext, file_id: int, failure: IngestFailure) -> None:
    with context.sessions.begin() as session:
        row = session.get_one(FlightFileRow, file_id, with_for_update=True)
        if row.state == "checking":
            turn_away(session, row, failure)


def _not_open(path: str, error: FlightNotOpenError) -> IngestFailure:
    return IngestFailure(path, error.code, error.message, error.remedy)
