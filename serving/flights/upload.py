"""Take one file into a flight, or say by name why not."""

from __future__ import annotations

import logging
import re
import threading
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.errors import ConfigurationError
from detection.domain.photo import FlightKind, IngestFailure, Photo
from detection.domain.quality import PhotoQuality
from detection.domain.reasons import build_failure
from detection.ingest.decode import PhotoUnreadableError, decode_photo
from detection.ingest.exiftool import complete_photos, find_exiftool
from detection.ingest.flight import read_photo
from detection.ingest.quality import measure_quality
from detection.settings import load_settings
from serving.db.tables import IngestFailureRow, PhotoRow
from serving.flights.catalogue import get_flight, lock_flight
from serving.flights.errors import FlightNotOpenError
from serving.flights.photo_rows import values_from_photo, values_from_quality
from serving.storage.objects import FileTooLargeError, ObjectStore, StagedFile

logger = logging.getLogger(__name__)

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
            seen = _inspect(staged.path, name, kind)
            if isinstance(seen, IngestFailure):
                return _reject(sessions, flight_id, seen)
            photo, quality = seen
            return _accept(sessions, store, photo, staged, flight_id=flight_id, quality=quality)
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


def _inspect(path: Path, name: str, kind: FlightKind) -> tuple[Photo, PhotoQuality] | IngestFailure:
    """Read header and metadata, then decode every pixel: a truncated file is found now.

    So is a blurred or badly exposed one, while the spot can still be flown again.
    """
    photo = read_photo(path, name, kind=kind)
    if isinstance(photo, IngestFailure):
        return photo
    photo = _complete(photo, kind)
    try:
        with _decoding:
            return photo, measure_quality(decode_photo(photo))
    except PhotoUnreadableError as error:
        return error.failure


def _complete(photo: Photo, kind: FlightKind) -> Photo:
    """Ask ExifTool, where it is installed, for what the photo's own tags do not say."""
    try:
        program = find_exiftool(load_settings().exiftool)
    except ConfigurationError as error:
        logger.warning("photos are not completed: %s", error)  # a photo is worth more than tags
        return photo
    return complete_photos((photo,), program, kind)[0]


def _accept(
    sessions: sessionmaker[Session],
    store: ObjectStore,
    photo: Photo,
    staged: StagedFile,
    *,
    flight_id: int,
    quality: PhotoQuality,
) -> PhotoRow | IngestFailure:
    media_type = _media_type(staged.path)
    store.keep(staged)
    values = (
        values_from_photo(photo)
        | values_from_quality(quality)
        | {
            "flight_id": flight_id,
            "name": photo.photo_id,
            "size_bytes": staged.size_bytes,
            "media_type": media_type,
        }
    )
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
