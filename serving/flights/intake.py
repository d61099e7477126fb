"""Look at one file that has arrived whole, and take it into its flight or say why not.

Both ways in end here: a form with one photo, and transfers that go on where they broke off.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from detection.domain.errors import ConfigurationError
from detection.domain.photo import FlightKind, IngestFailure, Photo
from detection.domain.quality import PhotoQuality
from detection.domain.reasons import build_failure
from detection.ingest.decode import PhotoUnreadableError, decode_photo
from detection.ingest.exiftool import complete_photos, find_exiftool, lacks_tags
from detection.ingest.flight import read_photo
from detection.ingest.quality import measure_quality
from detection.ingest.video_file import UnreadableVideoError, read_video_head
from detection.settings import load_settings
from serving.db.tables import FlightFileRow, FlightMediaRow, PhotoRow
from serving.flights.catalogue import lock_flight
from serving.flights.errors import FlightNotOpenError
from serving.flights.photo_rows import values_from_photo, values_from_quality
from serving.flights.uploads_files import refuse_file, set_state
from serving.flights.uploads_kinds import FileKind
from serving.storage.objects import StagedFile

logger = logging.getLogger(__name__)

DECODED_AT_ONCE = 4
MEDIA_TYPES = (
    (b"\xff\xd8", "image/jpeg"),
    (b"\x89PNG", "image/png"),
    (b"II", "image/tiff"),
    (b"MM", "image/tiff"),
)

# A decoded photo takes up to 0.9 GB; many uploads at once wait here instead of filling the memory.
_decoding = threading.BoundedSemaphore(DECODED_AT_ONCE)

PhotoSeen = tuple[Photo, PhotoQuality]


def inspect_photo(path: Path, name: str, kind: FlightKind) -> PhotoSeen | IngestFailure:
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


def inspect_medium(path: Path, name: str, kind: FileKind) -> IngestFailure | None:
    """Return why a video or track cannot be used, as far as its beginning tells."""
    if kind is FileKind.VIDEO:
        try:
            read_video_head(path)
        except UnreadableVideoError:
            return build_failure(name, "unreadable_video")
        return None
    with path.open("rb") as stream:
        return build_failure(name, "unreadable_track") if b"\0" in stream.read(4096) else None


def add_photo(
    session: Session, flight_id: int, seen: PhotoSeen, *, size_bytes: int, media_type: str
) -> PhotoRow | None:
    """Write the row of a photo; None where its flight has the same photo already.

    Raises:
        FlightNotOpenError: the flight was submitted meanwhile.
    """
    photo, quality = seen
    values = (
        values_from_photo(photo)
        | values_from_quality(quality)
        | {
            "flight_id": flight_id,
            "name": photo.photo_id,
            "size_bytes": size_bytes,
            "media_type": media_type,
        }
    )
    lock_open_flight(session, flight_id)
    statement = insert(PhotoRow).values(values).on_conflict_do_nothing().returning(PhotoRow)
    return session.scalar(statement)


def add_medium(session: Session, row: FlightFileRow, stored: StagedFile) -> FlightMediaRow | None:
    """Write the row of a video or track; None where its flight has the same one already.

    Raises:
        FlightNotOpenError: the flight was submitted meanwhile.
    """
    values = {
        "flight_id": row.flight_id,
        "kind": row.kind,
        "name": row.path,
        "sha256": stored.sha256,
        "size_bytes": stored.size_bytes,
    }
    lock_open_flight(session, row.flight_id)
    statement = insert(FlightMediaRow).values(values).on_conflict_do_nothing()
    return session.scalar(statement.returning(FlightMediaRow))


def lock_open_flight(session: Session, flight_id: int) -> None:
    """Keep a flight open until the transaction ends; shared, so that files come in side by side.

    Raises:
        FlightNotOpenError: the flight was submitted meanwhile.
    """
    state = lock_flight(session, flight_id, shared=True).state
    if state != "draft":
        raise FlightNotOpenError(state)


def accept_file(row: FlightFileRow, stored: StagedFile) -> None:
    """Say of a file that it is in, and that its bytes were read back from the disk."""
    set_state(row, "accepted")
    row.sha256, row.verified_at, row.staged = stored.sha256, datetime.now(UTC), None


def turn_away(session: Session, row: FlightFileRow, failure: IngestFailure) -> None:
    """Refuse a file that has arrived; its bytes are not kept."""
    refuse_file(session, row, failure)
    row.staged = None


def media_type_of(path: Path) -> str:
    """Return the media type of a photo by its first bytes."""
    with path.open("rb") as stream:
        head = stream.read(4)
    known = (media for magic, media in MEDIA_TYPES if head.startswith(magic))
    return next(known, "application/octet-stream")


def _complete(photo: Photo, kind: FlightKind) -> Photo:
    """Ask ExifTool, where it is installed, for what the photo's own tags do not say."""
    if not lacks_tags(photo):
        return photo  # the settings are read from a file, which takes 13 ms
    try:
        program = find_exiftool(load_settings().exiftool)
    except ConfigurationError as error:
        logger.warning("photos are not completed: %s", error)  # a photo is worth more than tags
        return photo
    return complete_photos((photo,), program, kind)[0]
