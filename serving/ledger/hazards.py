"""Hazards are the confirmed candidates, with who confirmed them and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, ScalarSelect, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, defer

from detection.domain.finding import AreaMembership, OnBuilding
from serving.db.finding_columns import areas_from_columns, building_from_columns
from serving.db.permit_books import Permit, PermitBook, load_books
from serving.db.tables import (
    BlindTaskRow,
    CandidateRow,
    DetectionRow,
    FlightRow,
    ReviewEventRow,
    SightingRow,
)

EXPORT_PAGE = 500


@dataclass(frozen=True, slots=True)
class PermitFound:
    """What holds of one permit (``land``, ``planning``, ``construction``), and who found it."""

    permit: str
    answer: str
    note: str | None
    checked_by: str
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Hazard:
    """One confirmed candidate. ``lon`` and ``lat`` are None together where it has no place.

    ``areas`` are the administrative areas that the place lies in, ``on_building`` the building,
    ``permits`` what people found of those that somebody looked for.
    ``in_dispute``: a second reviewer said otherwise, and an arbiter has not decided yet; until
    then ``confirmed_by`` is empty and there is no note, here and on the permits, for the arbiter
    is not to be swayed.
    """

    hazard_id: int
    flight_id: int
    flight_name: str
    site: str | None
    hazard_class: str
    score: float
    lon: float | None
    lat: float | None
    error_m: float | None
    sightings: int
    model_names: tuple[str, ...]
    threshold: float | None
    confirmed_by: str
    confirmed_at: datetime
    decision_id: int
    note: str | None
    photo_id: int | None
    on_building: OnBuilding | None = None
    areas: tuple[AreaMembership, ...] = ()
    permits: tuple[PermitFound, ...] = ()
    in_dispute: bool = False


@dataclass(frozen=True, slots=True)
class HazardPoint:
    """Where a confirmed candidate lies and what it is, for a map of all of them."""

    id: int
    hazard_class: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class HazardPosition:
    """Where a page ended: latest confirmation first, then the higher number."""

    confirmed_at: datetime
    hazard_id: int


def list_hazards(
    session: Session,
    *,
    limit: int,
    after: HazardPosition | None = None,
    flight_id: int | None = None,
    hazard_class: str | None = None,
    hidden: ColumnElement[bool] | None = None,
) -> list[Hazard]:
    """Return up to ``limit`` hazards, latest confirmation first, but for what is ``hidden``."""
    # Candidate and confirmation in one statement: an undo between two would shorten the page,
    # and a short page reads as the end of the list.
    statement = (
        select(CandidateRow, FlightRow, ReviewEventRow, _in_dispute())
        .join(FlightRow, FlightRow.id == CandidateRow.flight_id)
        .join(ReviewEventRow, ReviewEventRow.id == _standing_confirmation())
        .where(CandidateRow.state == "confirmed")
        .order_by(CandidateRow.decided_at.desc(), CandidateRow.id.desc())
        .limit(limit)
    )
    if flight_id is not None:
        statement = statement.where(CandidateRow.flight_id == flight_id)
    if hazard_class is not None:
        statement = statement.where(CandidateRow.hazard_class == hazard_class)
    if hidden is not None:
        statement = statement.where(~hidden)
    if after is not None:
        earlier = CandidateRow.decided_at < after.confirmed_at
        same = and_(
            CandidateRow.decided_at == after.confirmed_at, CandidateRow.id < after.hazard_id
        )
        statement = statement.where(or_(earlier, same))
    rows = session.execute(statement).all()
    ids = [candidate.id for candidate, *_ in rows]
    evidence, books = _evidence(session, ids), load_books(session, ids)
    return [
        _veil(
            replace(
                _hazard(candidate, flight, confirmation, evidence.get(candidate.id, [])),
                permits=_permits(books[candidate.id]),
            ),
            in_dispute,
        )
        for candidate, flight, confirmation, in_dispute in rows
    ]


def list_points(
    session: Session, *, limit: int, hidden: ColumnElement[bool] | None = None
) -> list[HazardPoint]:
    """Return where up to ``limit`` hazards that have a place lie, latest confirmation first."""
    statement = (
        select(CandidateRow.id, CandidateRow.hazard_class, CandidateRow.lon, CandidateRow.lat)
        .where(CandidateRow.state == "confirmed", CandidateRow.lon.is_not(None))
        .order_by(CandidateRow.decided_at.desc(), CandidateRow.id.desc())
        .limit(limit)
    )
    if hidden is not None:
        statement = statement.where(~hidden)
    return [
        HazardPoint(number, name, lon, lat)
        for number, name, lon, lat in session.execute(statement)
        if lon is not None and lat is not None
    ]


def count_unplaced(session: Session, *, hidden: ColumnElement[bool] | None = None) -> int:
    """Return how many hazards have no place, so that no map shows them."""
    statement = (
        select(func.count())
        .select_from(CandidateRow)
        .where(CandidateRow.state == "confirmed", CandidateRow.lon.is_(None))
    )
    return session.scalar(statement if hidden is None else statement.where(~hidden)) or 0


def count_hazards(session: Session) -> int:
    """Return how many candidates stand confirmed."""
    statement = select(func.count()).select_from(CandidateRow)
    return session.scalar(statement.where(CandidateRow.state == "confirmed")) or 0


def each_hazard(
    session: Session,
    *,
    flight_id: int | None = None,
    hazard_class: str | None = None,
    hidden: ColumnElement[bool] | None = None,
) -> Iterator[Hazard]:
    """Yield all hazards, read page by page so that an export of any size fits into memory."""
    after: HazardPosition | None = None
    while True:
        page = list_hazards(
            session,
            limit=EXPORT_PAGE,
            after=after,
            flight_id=flight_id,
            hazard_class=hazard_class,
            hidden=hidden,
        )
        yield from page
        if len(page) < EXPORT_PAGE:
            return
        after = HazardPosition(page[-1].confirmed_at, page[-1].hazard_id)


def _standing_confirmation() -> ScalarSelect[int]:
    """Number of the last confirmation of a candidate that was not undone."""
    undoing = aliased(ReviewEventRow)
    confirming = aliased(ReviewEventRow)
    return (
        select(func.max(confirming.id))
        .where(
            confirming.candidate_id == CandidateRow.id,
            confirming.kind == "decision",
            confirming.verdict == "confirm",
            ~exists().where(undoing.undoes == confirming.id),
        )
        .correlate(CandidateRow)
        .scalar_subquery()
    )


def _in_dispute() -> ColumnElement[bool]:
    return exists().where(
        BlindTaskRow.candidate_id == CandidateRow.id, BlindTaskRow.state == "disputed"
    )


def _evidence(session: Session, ids: list[int]) -> dict[int, list[DetectionRow]]:
    statement = (
        select(SightingRow.candidate_id, DetectionRow)
        .join(DetectionRow, DetectionRow.id == SightingRow.detection_id)
        .where(SightingRow.candidate_id.in_(ids))
        .order_by(SightingRow.candidate_id, SightingRow.ordinal)
        .options(defer(DetectionRow.polygons))
    )
    found: dict[int, list[DetectionRow]] = {}
    for candidate_id, detection in session.execute(statement):
        found.setdefault(candidate_id, []).append(detection)
    return found


def _permits(book: PermitBook) -> tuple[PermitFound, ...]:
    standing = [event for permit in Permit if (event := book.standing_on(permit)) is not None]
    return tuple(
        PermitFound(each.permit, str(each.answer), each.note, each.username, each.created_at)
        for each in standing
    )


def _veil(hazard: Hazard, in_dispute: bool) -> Hazard:  # noqa: FBT001 - a column of the row
    if not in_dispute:
        return hazard
    unsigned = tuple(replace(each, checked_by="", note=None) for each in hazard.permits)
    return replace(hazard, in_dispute=True, confirmed_by="", note=None, permits=unsigned)


def _hazard(
    candidate: CandidateRow,
    flight: FlightRow,
    confirmation: ReviewEventRow,
    detections: list[DetectionRow],
) -> Hazard:
    own = [row for row in detections if row.hazard_class == candidate.class_of_models] or detections
    return Hazard(
        hazard_id=candidate.id,
        flight_id=flight.id,
        flight_name=flight.name,
        site=flight.site,
        hazard_class=candidate.hazard_class,
        score=candidate.score,
        lon=candidate.lon,
        lat=candidate.lat,
        error_m=candidate.error_m,
        sightings=len(detections),
        model_names=tuple(sorted({row.model_name for row in detections})),
        threshold=own[0].threshold if own else None,
        confirmed_by=confirmation.username,
        confirmed_at=confirmation.created_at,
        decision_id=confirmation.id,
        note=confirmation.note,
        photo_id=own[0].photo_id if own else None,
        on_building=building_from_columns(candidate.on_building),
        areas=areas_from_columns(candidate.areas),
    )
