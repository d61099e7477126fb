"""Videos and tracks of a flight as rows: who belongs to whom, and the photos that come of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from sqlalchemy import delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from detection.domain.photo import IngestFailure, Photo
from detection.domain.quality import PhotoQuality
from serving.db.tables import FlightFileRow, FlightMediaRow, IngestFailureRow, PhotoRow
from serving.flights.photo_rows import photo_from_row, values_from_photo, values_from_quality
from serving.flights.uploads_files import OPEN_STATES, note_failure

VIDEO_TRACKS = ("srt", "gpx")
"""Kinds of tracks that belong to the video of the same name; of two the first goes before."""

PHOTO_TRACKS = ("mrk", "gpx")
JPEG = "image/jpeg"
MAX_NAME_CHARS = 400


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture out of a video, stored already."""

    photo: Photo
    quality: PhotoQuality
    size_bytes: int


def list_media(session: Session, flight_id: int, *kinds: str) -> list[FlightMediaRow]:
    """Return the media of a flight of the given kinds in the order of their names."""
    statement = select(FlightMediaRow).where(
        FlightMediaRow.flight_id == flight_id, FlightMediaRow.kind.in_(kinds)
    )
    return list(session.scalars(statement.order_by(FlightMediaRow.name, FlightMediaRow.id)))


def has_waiting_media(session: Session, flight_id: int) -> bool:
    """Whether something of a flight's videos and tracks still has to be done."""
    waiting = exists().where(
        FlightMediaRow.flight_id == flight_id, FlightMediaRow.state == "waiting"
    )
    return bool(session.scalar(select(waiting)))


def find_tracks_of(session: Session, video: FlightMediaRow) -> list[FlightMediaRow]:
    """Return the tracks with the name of a video, in the order in which they are believed."""
    found = list_media(session, video.flight_id, *VIDEO_TRACKS)
    tracks = [row for row in found if stem_of(row.name) == stem_of(video.name)]
    return sorted(tracks, key=lambda row: VIDEO_TRACKS.index(row.kind))


def find_videos_of(session: Session, track: FlightMediaRow) -> list[FlightMediaRow]:
    """Return the videos with the name of a track."""
    videos = list_media(session, track.flight_id, "video")
    return [row for row in videos if stem_of(row.name) == stem_of(track.name)]


def is_track_expected(session: Session, video: FlightMediaRow) -> bool:
    """Whether a track of a video was announced and is still on its way."""
    statement = select(FlightFileRow.path).where(
        FlightFileRow.flight_id == video.flight_id,
        FlightFileRow.kind.in_(VIDEO_TRACKS),
        FlightFileRow.state.in_(OPEN_STATES),
    )
    return any(stem_of(path) == stem_of(video.name) for path in session.scalars(statement))


def stem_of(name: str) -> str:
    """Return a name without its last ending: what a video and its track have in common.

    >>> stem_of("DCIM/DJI_0001.MP4")
    'DCIM/DJI_0001'
    """
    return str(PurePosixPath(name).with_suffix(""))


def store_frames(session: Session, video: FlightMediaRow, frames: Iterable[Frame]) -> None:
    """Make the frames of a video photos of its flight, instead of those it gave before.

    Frames of one video are the same in every run, so that doing it twice changes nothing.
    """
    kept = [_store_frame(session, video, frame) for frame in frames]
    # Frames that were chosen without the track, before it came; nobody has looked at them yet.
    session.execute(
        delete(PhotoRow).where(
            PhotoRow.flight_id == video.flight_id,
            PhotoRow.name.startswith(f"{video.name}/", autoescape=True),
            PhotoRow.sha256.not_in(kept),
        )
    )
    video.frames = len(kept)


def _store_frame(session: Session, video: FlightMediaRow, frame: Frame) -> str:
    values = (
        values_from_photo(frame.photo)
        | values_from_quality(frame.quality)
        | {
            "flight_id": video.flight_id,
            "name": frame.photo.photo_id,
            "size_bytes": frame.size_bytes,
            "media_type": JPEG,
        }
    )
    session.execute(
        insert(PhotoRow)
        .values(values)
        .on_conflict_do_update(constraint="photo_once_per_flight", set_=values)
    )
    return frame.photo.sha256


def end_medium(
    session: Session, medium: FlightMediaRow, failures: Sequence[IngestFailure], *, usable: bool
) -> None:
    """Write what became of a medium; its failures are listed instead of those of an earlier try."""
    names = {medium.name, *(failure.photo_id for failure in failures)}
    session.execute(
        delete(IngestFailureRow).where(
            IngestFailureRow.flight_id == medium.flight_id,
            IngestFailureRow.file_name.in_(names),
            IngestFailureRow.photo_id.is_(None),
        )
    )
    for failure in failures:
        note_failure(session, medium.flight_id, failure)
    medium.state = "done" if usable else "failed"
    medium.processed_at = datetime.now(UTC)
    first = failures[0] if failures else None
    medium.code = first.code if first else None
    medium.message = first.message if first else None
    medium.remedy = first.remedy if first else None
    # Whoever follows the list of files sees that it changed.
    files = update(FlightFileRow).where(FlightFileRow.media_id == medium.id)
    session.execute(files.values(changed_at=medium.processed_at))


def list_own_photos(session: Session, flight_id: int) -> list[tuple[PhotoRow, Photo]]:
    """Return the photos of a flight that are no frames of its videos, under their names."""
    videos = tuple(f"{row.name}/" for row in list_media(session, flight_id, "video"))
    rows = session.scalars(
        select(PhotoRow).where(PhotoRow.flight_id == flight_id).order_by(PhotoRow.name, PhotoRow.id)
    )
    return [
        (row, replace(photo_from_row(row, Path(row.name)), photo_id=row.name))
        for row in rows
        if not row.name.startswith(videos)
    ]


def update_photo(row: PhotoRow, photo: Photo) -> None:
    """Write to a row what a track has changed of its photo."""
    for column, value in values_from_photo(photo).items():
        setattr(row, column, value)
