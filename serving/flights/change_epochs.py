"""Which flight is the baseline of a place, what was there before (存量), what came since (新增)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, text
from sqlalchemy.orm import Session

from detection.domain.photo import FlightKind, Photo
from detection.plane import LocalPlane
from serving.db.origin import is_new, is_stock
from serving.db.tables import (
    CandidateRow,
    FlightEpochRow,
    FlightRow,
    PhotoRow,
)
from serving.flights.catalogue import count_candidates
from serving.flights.change_ground import lay_ground, share_shown
from serving.flights.layer_rows import Bounds
from serving.flights.layers import near_flight
from serving.flights.photo_rows import photo_from_row

Origin = Literal["new", "stock"]

LEAST_OVERLAP: Final = 0.6
"""A flight belongs to a baseline that shows this share of its ground; else it is one itself."""

LOCK_KEY: Final = 0x4841_5A45  # "HAZE": two flights of one place are never both its first
NEAR_M: Final = 300.0
DAY_CHARS: Final = len("2026-11-22")


@dataclass(frozen=True, slots=True)
class FlightEpoch:
    """Where a flight stands in the history of its place.

    ``overlap_share`` is the share of its ground that the baseline shows; None of a baseline.
    """

    flight_id: int
    baseline_flight_id: int | None
    overlap_share: float | None

    @property
    def is_baseline(self) -> bool:
        """Whether it is the first over its place."""
        return self.baseline_flight_id is None


@dataclass(frozen=True, slots=True)
class BaseChoice:
    """An earlier flight that another may be compared with; the day is as the camera wrote it."""

    flight: FlightRow
    captured_on: str | None
    overlap_share: float
    is_baseline: bool


def find_epochs(session: Session, flight_ids: Iterable[int]) -> dict[int, FlightEpoch]:
    """Return where flights stand; those that were not placed yet, or cannot be, are left out."""
    rows = session.scalars(
        select(FlightEpochRow).where(FlightEpochRow.flight_id.in_(list(flight_ids)))
    )
    return {
        row.flight_id: FlightEpoch(row.flight_id, row.baseline_flight_id, row.overlap_share)
        for row in rows
    }


def list_unplaced(session: Session) -> list[int]:
    """Return the flights of drones that are done and were not placed yet, the earliest first."""
    statement = (
        select(FlightRow.id)
        .where(
            FlightRow.state == "done",
            FlightRow.kind == FlightKind.DRONE.value,
            ~exists().where(FlightEpochRow.flight_id == FlightRow.id),
            exists().where(PhotoRow.flight_id == FlightRow.id, PhotoRow.lon.is_not(None)),
        )
        .order_by(FlightRow.submitted_at, FlightRow.id)
    )
    return list(session.scalars(statement))


def place_flight(session: Session, flight_id: int) -> FlightEpoch:
    """Say once which baseline a flight belongs to, or that it is one; later calls return that.

    Of several baselines it belongs to the one that shows most of it, the earliest where two do.
    """
    session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    known = find_epochs(session, [flight_id])
    if flight_id in known:
        return known[flight_id]
    is_baseline = exists().where(
        FlightEpochRow.flight_id == FlightRow.id, FlightEpochRow.baseline_flight_id.is_(None)
    )
    shared = _list_overlaps(session, flight_id, is_baseline)
    best = max(shared, key=lambda each: (each[1], -each[0]), default=None)
    row = FlightEpochRow(flight_id=flight_id)
    if best is not None and best[1] >= LEAST_OVERLAP:
        row.baseline_flight_id, row.overlap_share = best
    session.add(row)
    session.flush()
    return FlightEpoch(flight_id, row.baseline_flight_id, row.overlap_share)


def list_base_choices(session: Session, flight_id: int) -> list[BaseChoice]:
    """Return the other flights over a place that one may be compared with, most shared first."""
    is_done = and_(FlightRow.state == "done", FlightRow.kind == FlightKind.DRONE.value)
    shared = dict(_list_overlaps(session, flight_id, is_done))
    epochs = find_epochs(session, shared)
    days = _days_of(session, shared)
    flights = session.scalars(select(FlightRow).where(FlightRow.id.in_(shared)))
    choices = [
        BaseChoice(
            flight=flight,
            captured_on=days.get(flight.id),
            overlap_share=shared[flight.id],
            is_baseline=flight.id in epochs and epochs[flight.id].is_baseline,
        )
        for flight in flights
    ]
    return sorted(choices, key=lambda one: (-one.overlap_share, one.flight.id))


def is_taken_before(session: Session, flight_id: int, other_id: int) -> bool:
    """Whether the cameras' clocks say that a flight was over before another began."""
    last = func.max(PhotoRow.captured_at)
    first = func.min(PhotoRow.captured_at)
    ended = session.scalar(select(last).where(PhotoRow.flight_id == flight_id))
    began = session.scalar(select(first).where(PhotoRow.flight_id == other_id))
    return ended is not None and began is not None and ended[:DAY_CHARS] < began[:DAY_CHARS]


def origins_of(session: Session, candidate_ids: Iterable[int]) -> dict[int, Origin]:
    """Return for candidates whether they are new (新增) or stock (存量).

    Those of a flight that was not placed are left out: nobody can say.
    """
    placed = or_(is_new(), is_stock())
    statement = select(CandidateRow.id, is_stock()).where(
        CandidateRow.id.in_(list(candidate_ids)), placed
    )
    return {
        candidate_id: "stock" if stock else "new"
        for candidate_id, stock in session.execute(statement)
    }


def count_new_and_stock(session: Session, flight_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Return how many candidates of flights are new and how many stock.

    Flights that were not placed are left out. All of a baseline is stock; of other flights only
    what shares its place with something can be, so that few of a million rows are looked at.
    """
    placed = find_epochs(session, flight_ids)
    totals = count_candidates(session, placed)
    later = [flight_id for flight_id, epoch in placed.items() if not epoch.is_baseline]
    statement = (
        select(CandidateRow.flight_id, func.count())
        .where(CandidateRow.flight_id.in_(later), CandidateRow.merged_into.is_(None))
        .where(CandidateRow.place_key.is_not(None), is_stock())
        .group_by(CandidateRow.flight_id)
    )
    stock = {**totals, **dict.fromkeys(later, 0), **dict(session.execute(statement).all())}
    return {
        flight_id: (totals.get(flight_id, 0) - stock.get(flight_id, 0), stock.get(flight_id, 0))
        for flight_id in placed
    }


def _list_overlaps(
    session: Session, flight_id: int, wanted: ColumnElement[bool]
) -> list[tuple[int, float]]:
    """Return the flights that show some of a flight's ground, with the share that they show."""
    near = near_flight(session, flight_id, NEAR_M)
    if near is None:
        return []
    plane = LocalPlane((near.west + near.east) / 2, (near.south + near.north) / 2)
    ground = lay_ground(_load_photos(session, flight_id), plane)
    others = _list_near(session, flight_id, near, wanted)
    shares = [
        (other, share_shown(ground, lay_ground(_load_photos(session, other), plane)))
        for other in others
    ]
    return [(other, share) for other, share in shares if share > 0]


def _list_near(
    session: Session, flight_id: int, near: Bounds, wanted: ColumnElement[bool]
) -> Sequence[int]:
    has_photo = exists().where(
        PhotoRow.flight_id == FlightRow.id,
        PhotoRow.lat.between(near.south, near.north),
        PhotoRow.lon.between(near.west, near.east),
    )
    statement = select(FlightRow.id).where(FlightRow.id != flight_id, wanted, has_photo)
    return session.scalars(statement.order_by(FlightRow.id)).all()


def _load_photos(session: Session, flight_id: int) -> list[Photo]:
    rows = session.scalars(select(PhotoRow).where(PhotoRow.flight_id == flight_id))
    return [photo_from_row(row, Path(row.name)) for row in rows]


def _days_of(session: Session, flight_ids: Iterable[int]) -> dict[int, str]:
    statement = (
        select(PhotoRow.flight_id, func.min(PhotoRow.captured_at))
        .where(PhotoRow.flight_id.in_(list(flight_ids)), PhotoRow.captured_at.is_not(None))
        .group_by(PhotoRow.flight_id)
    )
    return {flight_id: str(taken)[:DAY_CHARS] for flight_id, taken in session.execute(statement)}
