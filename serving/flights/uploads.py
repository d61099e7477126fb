"""Transfers that go on where they broke off: begin, find, acknowledge, end, sweep."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from serving.db.tables import FlightFileRow, FlightRow, UploadRow
from serving.flights.catalogue import get_flight, lock_flight
from serving.flights.errors import (
    FileAlreadyHereError,
    FlightNotOpenError,
    TransferTooLargeError,
    UnsupportedFileError,
    UploadNotFoundError,
    WrongOffsetError,
)
from serving.flights.uploads_announce import judge_name_and_size
from serving.flights.uploads_disk import UploadFolder
from serving.flights.uploads_files import (
    AnnouncedFile,
    find_or_add_files,
    forget_failures,
    set_state,
)
from serving.settings import ServingSettings

ID_BYTES = 16
REFUSED_AT_ONCE = {error.code: error for error in (UnsupportedFileError, TransferTooLargeError)}
"""An empty file is taken: its bytes are all here, and the check names it."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer as a request sees it; ``offset_bytes`` are on disk for certain."""

    upload_id: str
    flight_id: int
    file_id: int
    length_bytes: int
    offset_bytes: int
    expires_at: datetime
    is_complete: bool


def begin_upload(
    session: Session,
    folder: UploadFolder,
    settings: ServingSettings,
    flight_id: int,
    file: AnnouncedFile,
    *,
    created_by: int | None = None,
) -> Transfer:
    """Return a transfer for a file: the one that is open, or a new one.

    A file that was refused before is tried again.

    Raises:
        FlightNotFoundError: there is no such flight.
        FlightNotOpenError: it takes no more files.
        FileAlreadyHereError: all its bytes are here.
        UnsupportedFileError: no flight uses such files.
        TransferTooLargeError: it is larger than its kind may be.
        DiskFullError: there is no room for it.
    """
    failure = judge_name_and_size(file.path, file.size_bytes, settings)
    if failure is not None and failure.code in REFUSED_AT_ONCE:
        raise REFUSED_AT_ONCE[failure.code](failure.message, remedy=failure.remedy)
    flight = lock_flight(session, flight_id)
    if flight.state != "draft":
        raise FlightNotOpenError(flight.state)
    (row,) = find_or_add_files(session, flight_id, [file])
    if row.state in {"checking", "accepted"}:
        raise FileAlreadyHereError(row.path)
    upload = _find_open(session, row.id)
    if upload is None:
        folder.check_room(file.size_bytes)
        upload = _add(session, row, created_by)
    upload.expires_at = expiry_from(settings)  # an old one that was not swept yet lives on
    if row.state != "transferring":
        forget_failures(session, row)
        set_state(row, "transferring")
        row.sha256 = row.verified_at = None
    row.staged = upload.id
    session.flush()
    return transfer_from_row(upload, folder)


def get_transfer(session: Session, folder: UploadFolder, upload_id: str) -> Transfer:
    """Return a transfer with an offset that the disk bears out.

    Raises:
        UploadNotFoundError: there is none, or it expired.
    """
    row = session.get(UploadRow, upload_id)
    if row is None or row.expires_at < datetime.now(UTC):
        raise UploadNotFoundError
    return transfer_from_row(row, folder)


def require_open(session: Session, flight_id: int) -> FlightRow:
    """Return a flight that takes files.

    Raises:
        FlightNotFoundError: there is no such flight.
        FlightNotOpenError: it takes no more files.
    """
    flight = get_flight(session, flight_id)
    if flight.state != "draft":
        raise FlightNotOpenError(flight.state)
    return flight


def acknowledge(
    session: Session, transfer: Transfer, offset_bytes: int, *, expires_at: datetime
) -> bool:
    """Write down that the bytes up to an offset are on disk; True where that completes the file.

    Raises:
        UploadNotFoundError: the transfer was ended meanwhile.
    """
    statement = select(UploadRow).where(UploadRow.id == transfer.upload_id).with_for_update()
    row = session.scalar(statement)
    if row is None:
        raise UploadNotFoundError
    if row.completed_at is not None:
        raise WrongOffsetError(row.offset_bytes)
    row.offset_bytes, row.expires_at = offset_bytes, expires_at
    if offset_bytes < row.length_bytes:
        return False
    row.completed_at = datetime.now(UTC)
    file = session.get_one(FlightFileRow, row.file_id, with_for_update=True)
    if file.state != "transferring":  # left out meanwhile
        return False
    set_state(file, "checking")
    return True


def end_upload(session: Session, folder: UploadFolder, upload_id: str) -> FlightFileRow:
    """Forget an open transfer and its bytes; its file is expected again.

    Raises:
        UploadNotFoundError: there is none.
        FileAlreadyHereError: it is complete.
    """
    statement = select(UploadRow).where(UploadRow.id == upload_id).with_for_update()
    row = session.scalar(statement)
    if row is None:
        raise UploadNotFoundError
    file = session.get_one(FlightFileRow, row.file_id, with_for_update=True)
    if row.completed_at is not None:
        raise FileAlreadyHereError(file.path)
    session.delete(row)
    if file.state == "transferring":
        set_state(file, "expected")
        file.staged = None
    session.flush()
    folder.remove(upload_id)
    return file


def sweep_uploads(session: Session, folder: UploadFolder) -> int:
    """Forget transfers that expired and files that nobody knows; returns how many files went.

    Their files stay announced, so a receipt names them as missing.
    """
    expired = select(UploadRow).where(UploadRow.expires_at < datetime.now(UTC))
    rows = session.scalars(expired.with_for_update(skip_locked=True)).all()
    for row in rows:
        if row.completed_at is None:
            session.execute(
                update(FlightFileRow)
                .where(FlightFileRow.id == row.file_id, FlightFileRow.state == "transferring")
                .values(state="expected", staged=None, changed_at=datetime.now(UTC))
            )
    session.execute(delete(UploadRow).where(UploadRow.id.in_([row.id for row in rows])))
    stale = folder.list_stale()
    wanted = select(FlightFileRow.staged).where(
        FlightFileRow.staged.in_(stale), FlightFileRow.state.in_(["transferring", "checking"])
    )
    leftovers = set(stale) - set(session.scalars(wanted))
    for name in leftovers:
        folder.remove(name)
    return len(leftovers)


def expiry_from(settings: ServingSettings) -> datetime:
    """Return when a transfer that was written to now will be forgotten."""
    return datetime.now(UTC) + timedelta(hours=settings.upload_expiry_h)


def transfer_from_row(row: UploadRow, folder: UploadFolder) -> Transfer:
    """Return the transfer; never more bytes than the disk holds, whatever was written down."""
    is_complete = row.completed_at is not None
    held = row.offset_bytes if is_complete else min(row.offset_bytes, folder.size_of(row.id))
    return Transfer(
        row.id, row.flight_id, row.file_id, row.length_bytes, held, row.expires_at, is_complete
    )


def _find_open(session: Session, file_id: int) -> UploadRow | None:
    return session.scalar(
        select(UploadRow).where(UploadRow.file_id == file_id, UploadRow.completed_at.is_(None))
    )


def _add(session: Session, file: FlightFileRow, created_by: int | None) -> UploadRow:
    row = UploadRow(
        id=secrets.token_hex(ID_BYTES),
        flight_id=file.flight_id,
        file_id=file.id,
        length_bytes=file.size_bytes,
        offset_bytes=0,
        created_by=created_by,
    )
    session.add(row)
    return row
