"""What a sender is about to send, remembered, so that a receipt can say what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from detection.domain.photo import IngestFailure
from detection.domain.reasons import build_failure
from serving.db.tables import FlightFileRow
from serving.flights.catalogue import lock_flight
from serving.flights.errors import FlightNotOpenError, TransferTooLargeError, UnsupportedFileError
from serving.flights.uploads_files import (
    AnnouncedFile,
    content_of,
    find_holders,
    find_or_add_files,
    refuse_file,
    set_state,
)
from serving.flights.uploads_kinds import FileKind, kind_from_path, limit_bytes
from serving.settings import ServingSettings
from serving.storage.objects import ObjectStore

LIMITS_REMEDY = (
    "The limit is HAZARDLENS_MAX_UPLOAD_MB, for videos and ZIP archives HAZARDLENS_MAX_TRANSFER_MB."
)
UNSUPPORTED_REMEDY = "Send photos, videos, their SRT, MRK or GPX files, or a ZIP of these."


@dataclass(frozen=True, slots=True)
class Announcement:
    """The rows of the announced files in their order, and those whose content is here already."""

    rows: list[FlightFileRow]
    known: list[FlightFileRow]


def announce_files(
    session: Session,
    store: ObjectStore,
    settings: ServingSettings,
    flight_id: int,
    files: Sequence[AnnouncedFile],
) -> Announcement:
    """Remember what will be sent. What cannot be used is refused before a byte is sent.

    A file whose content any flight holds is not sent at all: its bytes are read back from the
    store and checked like all others.

    Raises:
        FlightNotFoundError: there is no such flight.
        FlightNotOpenError: it takes no more files.
    """
    flight = lock_flight(session, flight_id)
    if flight.state != "draft":
        raise FlightNotOpenError(flight.state)
    rows = find_or_add_files(session, flight_id, files)
    waiting = list({row.id: row for row in rows if row.state == "expected"}.values())
    for row in waiting:
        failure = judge_name_and_size(row.path, row.size_bytes, settings)
        if failure is not None:
            refuse_file(session, row, failure)
    still = [row for row in waiting if row.state == "expected"]
    known = _take_known(session, store, still)
    session.flush()
    return Announcement(rows, known)


def judge_name_and_size(
    path: str, size_bytes: int, settings: ServingSettings
) -> IngestFailure | None:
    """Return why a file cannot be used, as far as its name and size tell; None where it may be."""
    kind = kind_from_path(path)
    if kind is FileKind.OTHER:
        code, message = UnsupportedFileError.code, "Files of this kind are not used."
        return IngestFailure(path, code, message, UNSUPPORTED_REMEDY)
    if size_bytes == 0:
        return build_failure(path, "empty_file")
    limit = limit_bytes(
        kind,
        max_upload_bytes=settings.max_upload_bytes,
        max_transfer_bytes=settings.max_transfer_bytes,
    )
    return say_too_large(path, limit) if size_bytes > limit else None


def say_too_large(path: str, max_bytes: int) -> IngestFailure:
    """Return the refusal of a file that is larger than its kind may be."""
    return IngestFailure(
        path,
        TransferTooLargeError.code,
        f"The file is larger than {max_bytes // 1_000_000} MB.",
        LIMITS_REMEDY,
    )


def _take_known(
    session: Session, store: ObjectStore, rows: Sequence[FlightFileRow]
) -> list[FlightFileRow]:
    """Bring the files whose content is in the store to the check; returns them."""
    holders = find_holders(session, {sha for row in rows if (sha := content_of(row))})
    known = [
        row
        for row in rows
        if content_of(row) in holders and store.path_of(content_of(row)).is_file()
    ]
    for row in known:
        set_state(row, "checking")
    return known
