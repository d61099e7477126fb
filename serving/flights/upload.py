"""Take one file into a flight, or say by name why not."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.photo import FlightKind, IngestFailure, Photo
from detection.domain.reasons import build_failure
from detection.ingest.decode import PhotoUnreadableError, decode_photo
from detection.ingest.flight import read_photo
from serving.db.tables import IngestFailureRow, PhotoRow
from serving.flights.catalogue import get_flight, lock_flight
from serving.flights.errors import FlightNotOpenError
from serving.flights.photo_rows import values_from_photo
from serving.storage.objects import FileTooLargeError, ObjectStore, StagedFile

MAX_NAME_CHARS = 400
DECODED_AT_ONCE = 4
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
MEDIA_TYPES = (
    (b"\xff\xd8", "image/jpeg"),
    (b"\x89PNG", "image/png"),
    (b"II", "image/tiff"),
    (b"MM", "image/tiff"),
)

# A decoded photo takes up to 0.9 GB; many uploads at once wait here instead of filling the memory.
_decoding = threading.BoundedSemaphore(DECODED_AT_ONCE)


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
        _require_open(flight.state)
        kind = FlightKind(flight.kind)
    try:
        with store.stage(stream, max_bytes=max_bytes, suffix=".upload") as staged:
            photo = _inspect(staged.path, name, kind)
            if isinstance(photo, Photo):
                return _accept(sessions, store, flight_id, photo, staged)
            return _reject(sessions, flight_id, photo)
    except FileTooLargeError:
        return _reject(sessions, flight_id, _too_many_bytes(name, max_bytes))


def clean_file_name(file_name: str) -> str:
    """Return a name for display: relative, with forward slashes, without tricks.

    >>> clean_file_name("../C:/DCIM/100MEDIA/DJI_0001.JPG")
    'DCIM/100MEDIA/DJI_0001.JPG'
    """
    text = UNPRINTABLE.sub("", file_name.replace("\\", "/"))
    parts = [part.strip() for part in text.split("/")]
    kept = [part for part in parts if part not in {"", ".", ".."} and not part.endswith(":")]
    return "/".join(kept)[-MAX_NAME_CHARS:].lstrip("/") or "photo"


def _require_open(state: str) -> None:
    if state != "draft":
        raise FlightNotOpenError(state)


def _inspect(path: Path, name: str, kind: FlightKind) -> Photo | IngestFailure:
    """Read header and metadata, then decode every pixel: a truncated file is found now."""
    photo = read_photo(path, name, kind=kind)
    if isinstance(photo, IngestFailure):
        return photo
    try:
        with _decoding:
            decode_photo(photo)
    except PhotoUnreadableError as error:
        return error.failure
    return photo


def _accept(
    sessions: sessionmaker[Session],
    store: ObjectStore,
    flight_id: int,
    photo: Photo,
    staged: StagedFile,
) -> PhotoRow | IngestFailure:
    media_type = _media_type(staged.path)
    store.keep(staged)
    values = values_from_photo(photo) | {
        "flight_id": flight_id,
        "name": photo.photo_id,
        "size_bytes": staged.size_bytes,
        "media_type": media_type,
    }
    with sessions.begin() as session:
        # Shared, so that uploads run side by side but none slips in after the submit.
        _require_open(lock_flight(session, flight_id, shared=True).state)
        statement = insert(PhotoRow).values(values).on_conflict_do_nothing().returning(PhotoRow)
        row = session.scalar(statement)
    if row is None:
        return _reject(sessions, flight_id, build_failure(photo.photo_id, "duplicate_photo"))
    return row


def _reject(
    sessions: sessionmaker[Session], flight_id: int, failure: IngestFailure
) -> IngestFailure:
    values = {
        "flight_id": flight_id,
        "file_name": failure.photo_id,
        "code": failure.code,
        "message": failure.message,
        "remedy": failure.remedy,
    }
    with sessions.begin() as session:
        session.execute(insert(IngestFailureRow).values(values).on_conflict_do_nothing())
    return failure


def _too_many_bytes(name: str, max_bytes: int) -> IngestFailure:
    return IngestFailure(
        name,
        "file_too_large",
        f"The file is larger than {max_bytes // 1_000_000} MB.",
        "Upload single photos; the limit is HAZARDLENS_MAX_UPLOAD_MB.",
    )


def _media_type(path: Path) -> str:
    with path.open("rb") as stream:
        head = stream.read(4)
    known = (media for magic, media in MEDIA_TYPES if head.startswith(magic))
    return next(known, "application/octet-stream")
