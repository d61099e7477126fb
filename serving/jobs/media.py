"""Videos become photos, tracks give photos their places; before anybody looks for hazards."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from sqlalchemy import exists, select, text, update
from sqlalchemy.orm import Session

from detection.domain.errors import EmptyFlightError
from detection.domain.photo import Flight, FlightKind, IngestFailure, Photo
from detection.ingest.decode import decode_photo
from detection.ingest.quality import measure_quality
from detection.ingest.sidecars import apply_sidecars
from detection.ingest.video import VideoOptions, add_videos
from serving.db.tables import FlightMediaRow, PhotoRow
from serving.flights.catalogue import get_flight, lock_flight
from serving.flights.media import (
    MAX_NAME_CHARS,
    PHOTO_TRACKS,
    VIDEO_TRACKS,
    Frame,
    end_medium,
    find_tracks_of,
    find_videos_of,
    is_track_expected,
    list_media,
    list_own_photos,
    store_frames,
    update_photo,
)
from serving.jobs.context import WorkerContext
from serving.jobs.flights import PLAN_FLIGHT, fail_flight, order_coverage
from serving.jobs.queue import SOON, defer

logger = logging.getLogger(__name__)

OPEN = frozenset({"draft", "queued"})
"""States of a flight in which its media may still become photos."""

TELL_EVERY = 20
"""After so many frames the row says how far a video is."""


def ingest_media(context: WorkerContext, flight_id: int, media_id: int) -> None:
    """Do with a medium that has come in what can be done before the flight is submitted.

    A video whose track is still on its way waits for it; a track has its video looked at again.
    Tracks of photos wait until all photos are there.
    """
    with context.sessions() as session:
        medium = session.get(FlightMediaRow, media_id)
        if medium is None or get_flight(session, flight_id).state != "draft":
            return
        if medium.kind == "video":
            videos = [] if is_track_expected(session, medium) else [medium]
        else:
            videos = find_videos_of(session, medium) if medium.kind in VIDEO_TRACKS else []
    for video in videos:
        ingest_video(context, video.id)


def settle_media(context: WorkerContext, flight_id: int) -> None:
    """Do everything that is left of a submitted flight's media, then have it looked at.

    Tracks first, so that the photos are on the map within a minute, however long the videos are.
    """
    apply_tracks(context, flight_id)
    with context.sessions.begin() as session:
        if _has_photos(session, flight_id):
            order_coverage(session, flight_id)
        videos = [row for row in list_media(session, flight_id, "video") if row.state == "waiting"]
    for video in videos:
        ingest_video(context, video.id)
    with context.sessions.begin() as session:
        _end_tracks(session, flight_id)
        if lock_flight(session, flight_id).state != "queued":
            return  # cancelled meanwhile
        if not _has_photos(session, flight_id):
            message = "No video of the flight gave a photo that can be used."
            fail_flight(session, flight_id, EmptyFlightError(message, remedy="See its files."))
            return
        if videos:
            order_coverage(session, flight_id)
        defer(session, PLAN_FLIGHT, priority=SOON, flight_id=flight_id)


def ingest_video(context: WorkerContext, media_id: int) -> None:
    """Make the frames of a video photos of its flight, with the places of its track.

    Nothing is written where a track came meanwhile: its own job does it again, with the track.
    """
    with context.sessions() as session:
        video = session.get_one(FlightMediaRow, media_id)
        flight = get_flight(session, video.flight_id)
        tracks = find_tracks_of(session, video)
        options = VideoOptions(near=_find_place(session, flight.id), kind=FlightKind(flight.kind))
    if flight.state not in OPEN:
        return
    with _work_folder(context, f"media-{media_id}") as folder:
        names = _lay_out(context, folder, [video, *tracks])
        link = next(iter(names))
        keeper = _FrameKeeper(context, video)
        empty = Flight(flight.name, options.kind, (), ())
        frames_at = folder / "frames"
        found = add_videos(empty, [(link, folder / link)], frames_at, options, on_frame=keeper.keep)
    failures = [replace(one, photo_id=names[one.photo_id]) for one in found.failures]
    with context.sessions.begin() as session:
        if lock_flight(session, flight.id).state not in OPEN:
            return
        row = session.get_one(FlightMediaRow, media_id)
        if [one.id for one in find_tracks_of(session, row)] != [one.id for one in tracks]:
            return
        store_frames(session, row, keeper.frames)
        end_medium(session, row, failures, usable=bool(keeper.frames))
    logger.info("flight %d: %d frames of %s", flight.id, len(keeper.frames), video.name)


def apply_tracks(context: WorkerContext, flight_id: int) -> None:
    """Give a flight's photos the places of the tracks beside them, where these fit."""
    with context.sessions() as session:
        tracks = [
            row for row in list_media(session, flight_id, *PHOTO_TRACKS) if row.state == "waiting"
        ]
    with _work_folder(context, f"tracks-{flight_id}") as folder:
        files = [(row.name, _link(context, row, folder)) for row in tracks]
        with context.sessions.begin() as session:
            if not tracks or lock_flight(session, flight_id).state not in OPEN:
                return
            photos = list_own_photos(session, flight_id)
            placed, unused = apply_sidecars([photo for _, photo in photos], files)
            for (row, before), after in zip(photos, placed, strict=True):
                if after != before:
                    update_photo(row, after)
            for track in tracks:
                own = [failure for failure in unused if failure.photo_id == track.name]
                medium = session.get_one(FlightMediaRow, track.id)
                end_medium(session, medium, own, usable=not own)


def give_up_media(context: WorkerContext, flight_id: int) -> None:
    """Call media that could not be worked on failed, so that the rest of the flight goes on."""
    with context.sessions.begin() as session:
        for row in list_media(session, flight_id, "video", *PHOTO_TRACKS, *VIDEO_TRACKS):
            if row.state == "waiting":
                end_medium(session, row, [_crashed(row)], usable=False)


def _crashed(row: FlightMediaRow) -> IngestFailure:
    message = "Processing stopped again and again while looking at this file."
    return IngestFailure(row.name, "processing_crashed", message, "Report the file.")


class _FrameKeeper:
    """Stores frames as they come, so that a long video does not lie on the disk twice."""

    def __init__(self, context: WorkerContext, video: FlightMediaRow) -> None:
        self._context = context
        self._video = video
        self.frames: list[Frame] = []

    def keep(self, photo: Photo) -> None:
        """Store one frame under the name of its video."""
        quality = measure_quality(decode_photo(photo))
        size_bytes = photo.path.stat().st_size
        store = self._context.store
        with (
            photo.path.open("rb") as stream,
            store.stage(stream, max_bytes=size_bytes, suffix=".jpg") as staged,
        ):
            store.keep(staged)
        photo.path.unlink()
        name = f"{self._video.name}/{photo.path.name}"[-MAX_NAME_CHARS:]
        self.frames.append(Frame(replace(photo, photo_id=name), quality, size_bytes))
        if len(self.frames) % TELL_EVERY == 0:
            self._tell()

    def _tell(self) -> None:
        """Write to the row of the video how many frames there are so far."""
        row = update(FlightMediaRow).where(FlightMediaRow.id == self._video.id)
        with self._context.sessions.begin() as session:
            session.execute(row.values(frames=len(self.frames)))


def _end_tracks(session: Session, flight_id: int) -> None:
    """Subtitles are used with their video; those without one are kept and said to be done."""
    for row in list_media(session, flight_id, *VIDEO_TRACKS):
        if row.state == "waiting":
            end_medium(session, row, [], usable=True)


def _find_place(session: Session, flight_id: int) -> tuple[float, float] | None:
    """Return where a photo of the flight was taken: it tells the order of some coordinates."""
    statement = select(PhotoRow.lon, PhotoRow.lat).where(
        PhotoRow.flight_id == flight_id, PhotoRow.lon.is_not(None), PhotoRow.lat.is_not(None)
    )
    row = session.execute(statement.order_by(PhotoRow.id).limit(1)).first()
    return None if row is None else (float(row.lon), float(row.lat))


def _has_photos(session: Session, flight_id: int) -> bool:
    return bool(session.scalar(select(exists().where(PhotoRow.flight_id == flight_id))))


@contextmanager
def _work_folder(context: WorkerContext, name: str) -> Iterator[Path]:
    """Yield a folder of this piece of work, without what a killed run left in it.

    Another worker on the same piece waits until the block ends; the lock goes with its connection,
    so that nobody waits for one that was killed.
    """
    folder = context.settings.resolved_data_dir / "work" / name
    lock = text("select pg_advisory_xact_lock(hashtextextended(:name, 0))")
    with context.sessions.begin() as session:
        session.execute(lock, {"name": name})
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _link(context: WorkerContext, track: FlightMediaRow, folder: Path) -> Path:
    """Link a stored track under a name with its ending, by which its reader is chosen."""
    link = folder / f"{track.id}{PurePosixPath(track.name).suffix.lower()}"
    link.symlink_to(context.store.path_of(track.sha256))
    return link


def _lay_out(
    context: WorkerContext, folder: Path, media: Sequence[FlightMediaRow]
) -> dict[str, str]:
    """Link stored files under one stem, as readers expect them; return whose each link is.

    Of two with the same ending the first is linked.
    """
    names: dict[str, str] = {}
    for row in media:
        link = f"medium{PurePosixPath(row.name).suffix.lower()}"
        if link not in names:
            names[link] = row.name
            (folder / link).symlink_to(context.store.path_of(row.sha256))
    return names
