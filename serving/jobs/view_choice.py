"""Before a flight is looked at: leave out photos whose ground enough good photos show."""

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
from serving.jobs.chunk import know_surroundings
from serving.jobs.context import WorkerContext

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
        wanted = flight.views
    settings = context.models().settings
    if wanted is None or settings.exhaustive:
        wanted = settings.views
    left_out = _choose(context, flight_id, wanted) if wanted else []
    with context.sessions.begin() as session:
        if not _is_untouched(session, lock_flight(session, flight_id)):
            return 0  # begun anew or cancelled meanwhile
        for start in range(0, len(left_out), ROWS_AT_ONCE):
            some = PhotoRow.id.in_(left_out[start : start + ROWS_AT_ONCE])
            waiting = PhotoRow.id.in_(lock_photos(session, some, PhotoRow.state == "queued"))
            session.execute(update(PhotoRow).where(waiting).values(state="left_out"))
    return len(left_out)


def _is_untouched(session: Session, flight: FlightRow) -> bool:
    """Whether a flight is about to be looked at for the first time."""
    touched = exists().where(PhotoRow.flight_id == flight.id, PhotoRow.state != "queued")
    is_first = flight.state == "queued" and flight.run == 1
    return is_first and not session.scalar(select(touched))


def _choose(context: WorkerContext, flight_id: int, wanted: int) -> list[int]:
    """Return the numbers of the photos that ``wanted`` good views leave over."""
    with context.sessions() as session:
        statement = select(PhotoRow).where(PhotoRow.flight_id == flight_id).order_by(PhotoRow.id)
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
