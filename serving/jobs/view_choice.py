"""Which photos of a flight are looked at: enough good ones of all ground, and what stands in."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from detection.coverage.footprint import compute_footprints
from detection.coverage.photo_flags import is_usable
from detection.domain.errors import HazardLensError
from detection.needs import load_needs
from detection.terrain import Terrain
from detection.views import choose_views
from serving.db.tables import FlightRow, PhotoRow
from serving.flights.catalogue import get_flight, lock_flight
from serving.flights.photo_rows import photo_from_row, quality_from_row
from serving.flights.results import lock_photos
from serving.jobs.chunking import order_chunks
from serving.jobs.context import WorkerContext
from serving.jobs.surroundings import know_surroundings

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 5000


def leave_out_photos(context: WorkerContext, flight_id: int) -> int:
    """Mark the photos of a new flight that need not be looked at; returns how many they are.

    Their number hangs on the flight's wish, or without one on the worker's setting. A flight that
    is processed anew is looked at whole: what an earlier run saw in a photo must not stand beside
    what this one says of its neighbours. The choice is made once: with other settings or another
    ground model a photo that is tried again would be left out for one that was left out before.
    """
    with context.sessions() as session:
        flight = get_flight(session, flight_id)
        if not _is_untouched(session, flight):
            return 0
    wanted = _find_wanted(context, flight)
    left_out = _choose(context, flight_id, wanted) if wanted else []
    with context.sessions.begin() as session:
        if not _is_untouched(session, lock_flight(session, flight_id)):
            return 0  # begun anew or cancelled meanwhile
        for start in range(0, len(left_out), ROWS_AT_ONCE):
            some = PhotoRow.id.in_(left_out[start : start + ROWS_AT_ONCE])
            waiting = PhotoRow.id.in_(lock_photos(session, some, PhotoRow.state == "queued"))
            session.execute(update(PhotoRow).where(waiting).values(state="left_out"))
    return len(left_out)


def look_at_stand_ins(context: WorkerContext, flight_id: int) -> int:
    """Have photos looked at that were left out for some that failed; returns how many they are.

    A photo that was to stand for others and cannot be read shows nothing of their ground. Only
    when no photo of the flight waits any more, so that the choice is made once over all failures.
    """
    with context.sessions() as session:
        flight = get_flight(session, flight_id)
        if not _lacks_views(session, flight):
            return 0
    enough = _choose(context, flight_id, _find_wanted(context, flight))
    with context.sessions.begin() as session:
        flight = lock_flight(session, flight_id)
        if not _lacks_views(session, flight):
            return 0  # another worker was here, or the flight was begun anew
        own = PhotoRow.flight_id == flight_id, PhotoRow.state == "left_out"
        left_out = set(session.scalars(select(PhotoRow.id).where(*own)))
        ids = sorted(left_out - set(enough))
        for start in range(0, len(ids), ROWS_AT_ONCE):
            some = PhotoRow.id.in_(ids[start : start + ROWS_AT_ONCE])
            waiting = PhotoRow.id.in_(lock_photos(session, some, PhotoRow.state == "left_out"))
            session.execute(update(PhotoRow).where(waiting).values(state="queued"))
        if ids:
            order_chunks(session, flight_id, context.settings.chunk_photos)
    return len(ids)


def _lacks_views(session: Session, flight: FlightRow) -> bool:
    """Whether all photos were looked at, some failed, and others were left out."""
    if flight.state != "processing" or flight.grouping_at is not None:
        return False
    states = select(PhotoRow.state).where(PhotoRow.flight_id == flight.id).distinct()
    found = set(session.scalars(states))
    return "queued" not in found and {"failed", "left_out"} <= found


def _find_wanted(context: WorkerContext, flight: FlightRow) -> int:
    """Return how many good views the flight, or else the worker, wants; 0: all photos."""
    settings = context.models().settings
    return settings.views if flight.views is None or settings.exhaustive else flight.views


def _is_untouched(session: Session, flight: FlightRow) -> bool:
    """Whether a flight is about to be looked at for the first time."""
    touched = exists().where(PhotoRow.flight_id == flight.id, PhotoRow.state != "queued")
    is_first = flight.state == "queued" and flight.run == 1
    return is_first and not session.scalar(select(touched))


def _choose(context: WorkerContext, flight_id: int, wanted: int) -> list[int]:
    """Return the numbers of the photos that ``wanted`` good views leave over.

    Photos that failed are no views and are not among them.
    """
    with context.sessions() as session:
        statement = (
            select(PhotoRow)
            .where(PhotoRow.flight_id == flight_id, PhotoRow.state != "failed")
            .order_by(PhotoRow.id)
        )
        rows = session.scalars(statement).all()
        photos = [photo_from_row(row, context.store.path_of(row.sha256)) for row in rows]
        qualities = [quality_from_row(row) for row in rows]
    footprints = [
        replace(one, quality=quality)
        for one, quality in zip(
            compute_footprints(photos, _know_terrain(context, flight_id)), qualities, strict=True
        )
    ]
    needs = load_needs()

    def judge(asked: Sequence[int]) -> list[bool]:
        return [is_usable(footprints[index], needs) for index in asked]

    choice = choose_views(footprints, wanted, judge)
    rest = zip(photos, choice.chosen, strict=True)
    return [int(photo.photo_id) for photo, is_chosen in rest if not is_chosen]


def _know_terrain(context: WorkerContext, flight_id: int) -> Terrain | None:
    """Return the ground model near the flight; flat ground where it cannot be read."""
    try:
        return know_surroundings(context, flight_id).terrain
    except HazardLensError as error:
        logger.warning("flight %d: photos are chosen over flat ground: %s", flight_id, error)
        return None
