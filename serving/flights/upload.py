"""Take one photo from a form into a flight, or say by name why not."""

from __future__ import annotations

import re
from typing import BinaryIO

from sqlalchemy.orm import Session, sessionmaker

from detection.domain.photo import FlightKind, IngestFailure
from detection.domain.reasons import build_failure
from serving.db.tables import FlightFileRow, PhotoRow
from serving.flights.catalogue import get_flight, lock_flight
from serving.flights.errors import FlightNotOpenError
from serving.flights.intake import (
    PhotoSeen,
    accept_file,
    add_photo,
    inspect_photo,
    media_type_of,
)
from serving.flights.uploads_files import (
    AnnouncedFile,
    find_or_add_files,
    note_failure,
    refuse_file,
)
from serving.storage.objects import FileTooLargeError, ObjectStore, StagedFile

MAX_NAME_CHARS = 400
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def receive_photo(
    sessions: sessionmaker[Session],
    store: ObjectStore,
    *,
    flight_id: int,
    file_name: str,
    stream: BinaryIO,
    max_bytes: int,
) -> PhotoRow | IngestFailure:
    """Store one uploaded file and its row; a file that is no use becomes a row of failures.

    The photo is decoded once here, so that a broken file is named while the card is still at
    hand. When this returns a photo, its bytes and its row are on disk.

    Raises:
        FlightNotFoundError: there is no such flight.
        FlightNotOpenError: the flight was submitted already.
    """
    name = clean_file_name(file_name)
    with sessions() as session:
        flight = get_flight(session, flight_id)
        if flight.state != "draft":
            raise FlightNotOpenError(flight.state)
        kind = FlightKind(flight.kind)
    try:
        with store.stage(stream, max_bytes=max_bytes, suffix=".upload") as staged:
            seen = inspect_photo(staged.path, name, kind)
            if isinstance(seen, IngestFailure):
                return _reject(sessions, flight_id, seen, staged)
            return _accept(sessions, store, flight_id, seen, staged)
    except FileTooLargeError:
        failure = _too_many_bytes(name, max_bytes)
        with sessions.begin() as session:
            note_failure(session, flight_id, failure)
        return failure


def clean_file_name(file_name: str) -> str:
    """Return a name for display: relative, with forward slashes, without tricks.

    >>> clean_file_name("../C:/DCIM/100MEDIA/DJI_0001.JPG")
    'DCIM/100MEDIA/DJI_0001.JPG'
    """
    text = UNPRINTABLE.sub("", file_name.replace("\\", "/"))
    parts = [part.strip() for part in text.split("/")]
    kept = [part for part in parts if part not in {"", ".", ".."} and not part.endswith(":")]
    return "/".join(kept)[-MAX_NAME_CHARS:].lstrip("/") or "photo"


def _accept(
    sessions: sessionmaker[Session],
    store: ObjectStore,
    flight_id: int,
    seen: PhotoSeen,
    staged: StagedFile,
) -> PhotoRow | IngestFailure:
    media_type = media_type_of(staged.path)
    store.keep(staged)
    with sessions.begin() as session:
        row = add_photo(
            session, flight_id, seen, size_bytes=staged.size_bytes, media_type=media_type
        )
        if row is not None:
            # Not earlier: an exclusive lock before would make photos come in one by one.
            file = _find_file(session, flight_id, row.name, staged)
            accept_file(file, staged)
            file.photo_id = row.id
            return row
    failure = build_failure(seen[0].photo_id, "duplicate_photo")
    return _reject(sessions, flight_id, failure, staged)


def _reject(
    sessions: sessionmaker[Session], flight_id: int, failure: IngestFailure, staged: StagedFile
) -> IngestFailure:
    with sessions.begin() as session:
        lock_flight(session, flight_id)
        file = _find_file(session, flight_id, failure.photo_id, staged)
        if file.state == "accepted":  # the same form once more: what is in stays in
            note_failure(session, flight_id, failure)
        else:
            refuse_file(session, file, failure)
    return failure


def _find_file(session: Session, flight_id: int, name: str, staged: StagedFile) -> FlightFileRow:
    sent = AnnouncedFile(name, staged.size_bytes, staged.sha256)
    return find_or_add_files(session, flight_id, [sent])[0]


def _too_many_bytes(name: str, max_bytes: int) -> IngestFailure:
    return IngestFailure(
        name,
        "file_too_large",
        f"The file is larger than {max_bytes // 1_000_000} MB.",
        "Upload single photos; the limit is HAZARDLENS_MAX_UPLOAD_MB.",
    )
