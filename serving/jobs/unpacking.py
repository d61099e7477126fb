"""Take the entries out of an archive, a few at a time, so that other files get their turn."""

from __future__ import annotations

import time
from zipfile import ZipFile

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.domain.errors import HazardLensError
from detection.domain.photo import IngestFailure
from serving.db.tables import FlightFileRow
from serving.flights.catalogue import lock_flight
from serving.flights.errors import FlightNotOpenError
from serving.flights.intake import accept_file, turn_away
from serving.flights.uploads_archive import (
    ArchiveError,
    Entry,
    EntryError,
    extract_entry,
    list_entries,
    open_archive,
)
from serving.flights.uploads_disk import UploadFolder, read_back
from serving.flights.uploads_files import find_or_add_files, refuse_file, set_state
from serving.jobs.context import WorkerContext
from serving.jobs.file_checks import check_file, folder_of
from serving.jobs.intake import order_unpacking
from serving.storage.objects import StagedFile

ENTRIES_AT_ONCE = 200
SECONDS_AT_ONCE = 10.0
"""So long other files wait at most; listing the archive anew costs a second per 5,000 entries."""


def unpack_some(context: WorkerContext, file_id: int) -> None:
    """Check the next entries of an archive, then order those after them.

    Its entries are files of the flight; one that is bad is refused alone. When none waits any
    more, the archive itself is in.

    Raises:
        DiskFullError: there is no room; the rest of the archive waits.
    """
    folder = folder_of(context)
    archive = _find_archive(context, file_id)
    if archive is None or archive.staged is None:
        return
    try:
        with open_archive(folder.path_of(archive.staged)) as opened:
            waiting = _list_waiting(context, archive, opened)
            until = time.monotonic() + SECONDS_AT_ONCE
            for row, entry in waiting[:ENTRIES_AT_ONCE]:
                if context.stopping.is_set() or time.monotonic() > until:
                    break
                _take_out(context, folder, opened, row, entry)
    except (ArchiveError, FlightNotOpenError) as error:
        _refuse_whole(context, archive, error)
        folder.remove(archive.staged)
        return
    _go_on(context, folder, archive)


def list_entry_ids(session: Session, archive_id: int) -> list[int]:
    """Return the entries of an archive that still wait; ``expected`` where their bytes got lost."""
    statement = select(FlightFileRow.id).where(
        FlightFileRow.archive_id == archive_id,
        FlightFileRow.state.in_(["expected", "checking"]),
    )
    return list(session.scalars(statement.order_by(FlightFileRow.id)))


def _refuse_whole(context: WorkerContext, archive: FlightFileRow, error: HazardLensError) -> None:
    """Refuse an archive and what still waits of it."""
    with context.sessions.begin() as session:
        for file_id in [*list_entry_ids(session, archive.id), archive.id]:
            row = session.get_one(FlightFileRow, file_id, with_for_update=True)
            if row.state in {"expected", "checking"}:
                failure = IngestFailure(row.path, error.code, error.message, error.remedy)
                turn_away(session, row, failure)


def _find_archive(context: WorkerContext, file_id: int) -> FlightFileRow | None:
    with context.sessions() as session:
        row = session.get(FlightFileRow, file_id)
        return row if row is not None and row.state == "checking" else None


def _list_waiting(
    context: WorkerContext, archive: FlightFileRow, opened: ZipFile
) -> list[tuple[FlightFileRow, Entry]]:
    """Return the entries that wait; the first time, the rows of all are written."""
    entries = list_entries(opened, archive.path, context.settings)
    with context.sessions.begin() as session:
        state = lock_flight(session, archive.flight_id).state
        if state != "draft":
            raise FlightNotOpenError(state)
        files = [entry.file for entry in entries]
        rows = find_or_add_files(session, archive.flight_id, files, archive_id=archive.id)
        for row, entry in zip(rows, entries, strict=True):
            if row.state != "expected":
                continue
            if entry.failure is not None:
                refuse_file(session, row, entry.failure)
            else:
                set_state(row, "checking")
        pairs = {row.id: (row, entry) for row, entry in zip(rows, entries, strict=True)}
        return [pair for pair in pairs.values() if pair[0].state == "checking"]


def _take_out(
    context: WorkerContext,
    folder: UploadFolder,
    opened: ZipFile,
    row: FlightFileRow,
    entry: Entry,
) -> None:
    name = f"entry-{row.id}"
    try:
        extract_entry(opened, entry.info, folder.path_of(name))
    except EntryError as error:
        with context.sessions.begin() as session:
            failure = IngestFailure(row.path, error.code, error.message, error.remedy)
            turn_away(session, session.get_one(FlightFileRow, row.id), failure)
        folder.remove(name)
        return
    with context.sessions.begin() as session:
        session.get_one(FlightFileRow, row.id).staged = name
    check_file(context, row.id)
    folder.remove(name)


def _go_on(context: WorkerContext, folder: UploadFolder, archive: FlightFileRow) -> None:
    path = folder.path_of(archive.staged or "")
    with context.sessions() as session:
        waits = bool(list_entry_ids(session, archive.id))
    stored = StagedFile(path, "", 0) if waits else read_back(path)
    with context.sessions.begin() as session:
        row = session.get_one(FlightFileRow, archive.id, with_for_update=True)
        if row.state != "checking":
            return
        if waits:
            order_unpacking(session, archive.id)
            return
        accept_file(row, stored)
    folder.remove(archive.staged)
