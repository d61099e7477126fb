"""Look at one chunk of photos. A crash in the middle costs at most the photo it happened in."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from detection.calibration import CalibrationSet
from detection.domain.photo import FlightKind, IngestFailure, Photo
from detection.pipeline import PhotoResult, detect_photos
from serving.db.tables import FlightRow, PhotoRow
from serving.flights.catalogue import get_flight, lock_flight
from serving.flights.photo_rows import photo_from_row
from serving.flights.results import LookedAt, RunIdentity, lock_photos, store_failure
from serving.jobs.context import WorkerContext
from serving.jobs.flights import GROUP_FLIGHT
from serving.jobs.loading import LoadedModels
from serving.jobs.queue import SOON, defer
from serving.jobs.storing import store_behind
from serving.jobs.surroundings import know_surroundings
from serving.jobs.view_choice import look_at_stand_ins
from serving.learning.calibrations_in_force import load_calibrations

LOOK_AGAIN_S = 0.5
"""How often to ask whether the flight was cancelled."""

CRASH_MESSAGE = "Processing stopped {count} times while looking at this photo."
CRASH_REMEDY = "Try the failed photos again; if it happens again, report the photo."


class StoppingError(Exception):
    """The process is asked to end; the job goes back to the queue as it is."""


def detect_chunk(context: WorkerContext, flight_id: int, photo_ids: Sequence[int]) -> None:
    """Process what still waits of the chunk, then order grouping if it was the flight's last.

    Photos that were tried before are looked at one by one, so that a photo which ends the
    process is known by its count. A photo's result is stored whole or not at all.

    Raises:
        StoppingError: the process is asked to end before the chunk is done.
    """
    with context.sessions() as session:
        flight = get_flight(session, flight_id)
        waiting = _list_waiting(session, flight_id, photo_ids)
    models = context.models()  # a model promoted meanwhile looks at the next chunk
    fresh = [row.id for row in waiting if row.attempts == 0]
    for group in [fresh, *([row.id] for row in waiting if row.attempts > 0)]:
        _detect_together(context, models, flight, group)
        if context.stopping.is_set():
            raise StoppingError
    look_at_stand_ins(context, flight_id)
    with context.sessions.begin() as session:
        order_grouping_if_complete(session, flight_id)


def order_grouping_if_complete(session: Session, flight_id: int) -> None:
    """Write the grouping job once, when no photo of the flight waits any more.

    Only the last chunk locks the flight: the others shall not wait for a worker that groups it.
    """
    waiting = exists().where(PhotoRow.flight_id == flight_id, PhotoRow.state == "queued")
    if session.scalar(select(waiting)):
        return
    flight = lock_flight(session, flight_id)
    if flight.state != "processing" or flight.grouping_at is not None:
        return
    if not session.scalar(select(waiting)):  # begun anew meanwhile
        flight.grouping_at = datetime.now(UTC)
        defer(session, GROUP_FLIGHT, priority=SOON, flight_id=flight_id)


def _detect_together(
    context: WorkerContext,
    models: LoadedModels,
    flight: FlightRow,
    photo_ids: Sequence[int],
) -> None:
    photos = _begin(context, flight.id, photo_ids)
    # An error keeps the generator: photos that were made ready ahead go now, not with the error.
    with (
        store_behind(context.sessions) as store,
        closing(_look(context, models, flight, photos)) as looks,
    ):
        for each in looks:
            store(each)
    _return_attempts(context, [int(photo.photo_id) for photo in photos])


def _look(
    context: WorkerContext, models: LoadedModels, flight: FlightRow, photos: list[Photo]
) -> Generator[LookedAt, None, None]:
    calibrations = _know_calibrations(context, flight.id)
    for result in detect_photos(
        _while_wanted(context, flight, photos),
        models.detectors,
        models.settings,
        kind=FlightKind(flight.kind),
        surroundings=know_surroundings(context, flight.id) if photos else None,
        calibrations=calibrations,
    ):
        identity = models.identify(result.photo, calibrations)
        yield _looked_at(result, identity, flight.run)


def _know_calibrations(context: WorkerContext, flight_id: int) -> CalibrationSet:
    """Return the thresholds that people applied for cameras, as they are now."""
    with context.sessions() as session:
        return load_calibrations(session, get_flight(session, flight_id).site)


def _list_waiting(session: Session, flight_id: int, photo_ids: Sequence[int]) -> list[PhotoRow]:
    statement = select(PhotoRow).where(
        PhotoRow.flight_id == flight_id, PhotoRow.id.in_(photo_ids), PhotoRow.state == "queued"
    )
    return list(session.scalars(statement.order_by(PhotoRow.id)))


def _begin(context: WorkerContext, flight_id: int, photo_ids: Sequence[int]) -> list[Photo]:
    """Count the attempt of each waiting photo, then return those that have attempts left.

    The count is committed before the work: it is the only trace of a photo that kills us.
    """
    with context.sessions.begin() as session:
        photos = []
        for row in _list_waiting(session, flight_id, photo_ids):
            if row.attempts >= context.settings.max_photo_attempts:
                message = CRASH_MESSAGE.format(count=row.attempts)
                failure = IngestFailure(row.name, "processing_crashed", message, CRASH_REMEDY)
                store_failure(session, row.id, failure)
            else:
                row.attempts += 1
                photos.append(photo_from_row(row, context.store.path_of(row.sha256)))
        return photos


def _return_attempts(context: WorkerContext, photo_ids: list[int]) -> None:
    """Take back the count of photos that were left alone (cancelled, or asked to end)."""
    with context.sessions.begin() as session:
        left = PhotoRow.id.in_(photo_ids), PhotoRow.state == "queued", PhotoRow.attempts > 0
        locked = PhotoRow.id.in_(lock_photos(session, *left))
        session.execute(update(PhotoRow).where(locked).values(attempts=PhotoRow.attempts - 1))


def _while_wanted(
    context: WorkerContext, flight: FlightRow, photos: list[Photo]
) -> Iterator[Photo]:
    """Yield photos until the flight is cancelled or begun anew, or the process is to end."""
    next_look = 0.0
    for photo in photos:
        if context.stopping.is_set():
            return
        if time.monotonic() >= next_look:
            if not _is_wanted(context, flight):
                return
            next_look = time.monotonic() + LOOK_AGAIN_S
        yield photo


def _is_wanted(context: WorkerContext, flight: FlightRow) -> bool:
    wanted = exists().where(
        FlightRow.id == flight.id, FlightRow.run == flight.run, FlightRow.state == "processing"
    )
    with context.sessions() as session:
        return bool(session.scalar(select(wanted)))


def _looked_at(result: PhotoResult, run: RunIdentity, flight_run: int) -> LookedAt:
    photo_id = int(result.photo.photo_id)
    if result.failure is not None:
        return LookedAt(photo_id, failure=result.failure, flight_run=flight_run)
    return LookedAt(photo_id, result.detections, run, flight_run=flight_run)
