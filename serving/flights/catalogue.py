"""Create, find, list and count flights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from detection.domain.photo import FlightKind
from serving.db.tables import FlightRow, IngestFailureRow, PhotoRow, QueueTallyRow
from serving.flights.errors import FlightNotFoundError, PhotoNotFoundError


@dataclass(frozen=True, slots=True)
class Progress:
    """Exact counts of one flight.

    ``photos_done`` were processed, ``photos_failed`` could not be, ``photos_left_out`` need not be,
    as enough good photos show their ground; at the end the three together are ``photos_total``, the
    number of accepted photos.
    """

    photos_total: int = 0
    photos_done: int = 0
    photos_failed: int = 0
    candidates: int = 0
    photos_left_out: int = 0


def create_flight(
    session: Session,
    *,
    name: str,
    kind: FlightKind,
    site: str | None = None,
    views: int | None = None,
    created_by: int | None = None,
) -> FlightRow:
    """Add an empty flight in the state ``draft``; ``views`` None leaves it to the worker."""
    row = FlightRow(name=name, kind=kind.value, site=site, views=views, created_by=created_by)
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def get_flight(session: Session, flight_id: int) -> FlightRow:
    """Return a flight.

    Raises:
        FlightNotFoundError: there is none with this number.
    """
    row = session.get(FlightRow, flight_id)
    if row is None:
        raise FlightNotFoundError(flight_id)
    return row


def lock_flight(session: Session, flight_id: int, *, shared: bool = False) -> FlightRow:
    """Return a flight whose state stays as it is until the transaction ends.

    Raises:
        FlightNotFoundError: there is none with this number.
    """
    statement = select(FlightRow).where(FlightRow.id == flight_id)
    # "No key": rows that point at the flight (detections of another worker) need not wait.
    statement = statement.with_for_update(read=shared, key_share=not shared)
    row = session.scalar(statement.execution_options(populate_existing=True))
    if row is None:
        raise FlightNotFoundError(flight_id)
    return row


def try_lock_flight(session: Session, flight_id: int) -> FlightRow | None:
    """Return a flight as :func:`lock_flight` does; None where somebody holds it at the moment."""
    statement = select(FlightRow).where(FlightRow.id == flight_id)
    free = statement.with_for_update(key_share=True, skip_locked=True)
    return session.scalar(free.execution_options(populate_existing=True))


def list_flights(session: Session, *, limit: int, before_id: int | None = None) -> list[FlightRow]:
    """Return up to ``limit`` flights, newest first, older than ``before_id`` where given."""
    statement = select(FlightRow).order_by(FlightRow.id.desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(FlightRow.id < before_id)
    return list(session.scalars(statement))


def count_progress(session: Session, flight_ids: Iterable[int]) -> dict[int, Progress]:
    """Count photos and candidates of several flights at once."""
    ids = list(flight_ids)
    photos: dict[int, dict[str, int]] = {flight_id: {} for flight_id in ids}
    by_state = (
        select(PhotoRow.flight_id, PhotoRow.state, func.count())
        .where(PhotoRow.flight_id.in_(ids))
        .group_by(PhotoRow.flight_id, PhotoRow.state)
    )
    for flight_id, state, count in session.execute(by_state):
        photos[flight_id][state] = count
    candidates = count_candidates(session, ids)
    return {
        flight_id: Progress(
            photos_total=sum(counts.values()),
            photos_done=counts.get("done", 0),
            photos_failed=counts.get("failed", 0),
            photos_left_out=counts.get("left_out", 0),
            candidates=candidates.get(flight_id, 0),
        )
        for flight_id, counts in photos.items()
    }


def count_candidates(session: Session, flight_ids: Iterable[int]) -> dict[int, int]:
    """Return how many candidates flights have; those without any are left out.

    The database keeps tallies of them: to count a million rows takes seconds.
    """
    statement = (
        select(QueueTallyRow.flight_id, func.sum(QueueTallyRow.amount))
        .where(QueueTallyRow.flight_id.in_(list(flight_ids)))
        .group_by(QueueTallyRow.flight_id)
    )
    return {flight_id: int(number) for flight_id, number in session.execute(statement) if number}


def list_failures(session: Session, flight_id: int, *, limit: int = 500) -> list[IngestFailureRow]:
    """Return what could not be used of a flight, in the order it was met."""
    statement = select(IngestFailureRow).where(IngestFailureRow.flight_id == flight_id)
    return list(session.scalars(statement.order_by(IngestFailureRow.id).limit(limit)))


def count_warnings(session: Session, flight_id: int) -> dict[str, int]:
    """Return how many photos of a flight carry each warning code."""
    code = func.unnest(PhotoRow.warnings).label("code")
    rows = select(code).where(PhotoRow.flight_id == flight_id).subquery()
    counted = select(rows.c.code, func.count()).group_by(rows.c.code).order_by(rows.c.code)
    return dict(session.execute(counted).all())


def list_photos(
    session: Session, flight_id: int, *, limit: int, after_id: int | None = None
) -> list[PhotoRow]:
    """Return up to ``limit`` photos of a flight in the order of arrival."""
    statement = select(PhotoRow).where(PhotoRow.flight_id == flight_id)
    if after_id is not None:
        statement = statement.where(PhotoRow.id > after_id)
    return list(session.scalars(statement.order_by(PhotoRow.id).limit(limit)))


def get_photo(session: Session, photo_id: int) -> PhotoRow:
    """Return a photo.

    Raises:
        PhotoNotFoundError: there is none with this number.
    """
    row = session.get(PhotoRow, photo_id)
    if row is None:
        raise PhotoNotFoundError(photo_id)
    return row
