"""Files that arrive: announce, acknowledge, order their check, leave out what did not come."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import BinaryIO

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.photo import IngestFailure
from serving.db.tables import FlightFileRow, UploadRow
from serving.flights.catalogue import lock_flight
from serving.flights.errors import FlightNotOpenError, UploadsOpenError
from serving.flights.upload import clean_file_name
from serving.flights.uploads import Transfer, acknowledge, expiry_from, transfer_from_row
from serving.flights.uploads_announce import announce_files, judge_name_and_size
from serving.flights.uploads_disk import READ_BYTES, StagedWriter, UploadFolder
from serving.flights.uploads_files import (
    OPEN_STATES,
    AnnouncedFile,
    find_or_add_files,
    refuse_file,
    set_state,
)
from serving.jobs.queue import MEDIA_QUEUE, UPLOADS_QUEUE, defer
from serving.settings import ServingSettings
from serving.storage.objects import ObjectStore

CHECK_FILES = "hazardlens.check_files"
UNPACK_ARCHIVE = "hazardlens.unpack_archive"
INGEST_MEDIA = "hazardlens.ingest_media"

CHECKED_TOGETHER = 16
TOKEN_BYTES = 8


def announce(
    session: Session,
    store: ObjectStore,
    settings: ServingSettings,
    flight_id: int,
    files: Sequence[AnnouncedFile],
) -> list[FlightFileRow]:
    """Remember what will be sent; what is known by its hash is taken in without being sent.

    Raises:
        FlightNotFoundError: there is no such flight.
        FlightNotOpenError: it takes no more files.
    """
    announced = announce_files(session, store, settings, flight_id, files)
    order_check(session, [row.id for row in announced.known])
    return announced.rows


def order_check(session: Session, file_ids: Sequence[int], *, wait_s: int = 0) -> None:
    """Order files that are here whole to be checked, in the transaction of ``session``."""
    for start in range(0, len(file_ids), CHECKED_TOGETHER):
        ids = list(file_ids[start : start + CHECKED_TOGETHER])
        defer(session, CHECK_FILES, lane=UPLOADS_QUEUE, wait_s=wait_s, file_ids=ids)


def order_unpacking(session: Session, file_id: int, *, wait_s: int = 0) -> None:
    """Order the next entries of an archive to be taken out."""
    defer(session, UNPACK_ARCHIVE, lane=UPLOADS_QUEUE, wait_s=wait_s, file_id=file_id)


def order_media(session: Session, flight_id: int, media_id: int) -> None:
    """Order a video or track to be read, in a lane that holds up no photo."""
    defer(session, INGEST_MEDIA, lane=MEDIA_QUEUE, flight_id=flight_id, media_id=media_id)


def acknowledge_bytes(
    sessions: sessionmaker[Session],
    settings: ServingSettings,
    folder: UploadFolder,
    transfer: Transfer,
    offset_bytes: int,
) -> Transfer:
    """Write down how many bytes are on disk; the last one orders the check, in one transaction.

    Raises:
        UploadNotFoundError: the transfer was ended meanwhile.
    """
    with sessions.begin() as session:
        expires_at = expiry_from(settings)
        if acknowledge(session, transfer, offset_bytes, expires_at=expires_at):
            order_check(session, [transfer.file_id])
        return transfer_from_row(session.get_one(UploadRow, transfer.upload_id), folder)


def take_file(
    sessions: sessionmaker[Session],
    settings: ServingSettings,
    *,
    flight_id: int,
    path: str,
    stream: BinaryIO,
) -> int:
    """Copy a file that this machine can read into a flight and order its check; its number.

    Copied again, the same file is the same file: nothing is taken twice.

    Raises:
        FlightNotFoundError: there is no such flight.
        FlightNotOpenError: it takes no more files.
        DiskFullError: there is no room for it.
    """
    folder = UploadFolder(settings.resolved_data_dir)
    name = f"copy-{secrets.token_hex(TOKEN_BYTES)}"
    size_bytes, sha256 = _copy(folder, name, stream)
    file = AnnouncedFile(clean_file_name(path), size_bytes, sha256)
    with sessions.begin() as session:
        flight = lock_flight(session, flight_id)
        if flight.state != "draft":
            folder.remove(name)
            raise FlightNotOpenError(flight.state)
        (row,) = find_or_add_files(session, flight_id, [file])
        failure = judge_name_and_size(file.path, size_bytes, settings)
        is_here = row.state in {"checking", "accepted"}
        if failure is not None and not is_here:
            refuse_file(session, row, failure)
        elif not is_here:
            row.staged = name
            set_state(row, "checking")
            order_check(session, [row.id])
    if row.staged != name:
        folder.remove(name)
    return row.id


def close_files(session: Session, flight_id: int, *, leave_out_open: bool) -> int:
    """Refuse every file that is not in yet, by name; returns how many there were.

    The caller holds the lock of the flight, so that none comes in meanwhile.

    Raises:
        UploadsOpenError: there are some, and they are not to be left out.
    """
    uploads = select(UploadRow).where(
        UploadRow.flight_id == flight_id, UploadRow.completed_at.is_(None)
    )
    session.scalars(uploads.with_for_update()).all()  # before the files, as a transfer locks them
    files = select(FlightFileRow).where(
        FlightFileRow.flight_id == flight_id, FlightFileRow.state.in_(OPEN_STATES)
    )
    rows = session.scalars(files.with_for_update()).all()
    if rows and not leave_out_open:
        raise UploadsOpenError(len(rows))
    for row in rows:
        refuse_file(session, row, _left_out(row.path))
        row.staged = None
    session.execute(
        delete(UploadRow).where(UploadRow.flight_id == flight_id, UploadRow.completed_at.is_(None))
    )
    return len(rows)


def _left_out(path: str) -> IngestFailure:
    message = "The flight was submitted without this file."
    return IngestFailure(path, "left_out", message, "Send it with another flight of the place.")


def _copy(folder: UploadFolder, name: str, stream: BinaryIO) -> tuple[int, str]:
    digest = hashlib.sha256()
    size_bytes = 0
    try:
        with StagedWriter(folder.path_of(name), 0) as writer:
            while block := stream.read(READ_BYTES):
                digest.update(block)
                writer.write(block)
                size_bytes += len(block)
            writer.sync()
    except BaseException:
        folder.remove(name)
        raise
    return size_bytes, digest.hexdigest()
