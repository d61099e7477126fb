"""What of the queue is wanted, as conditions that an index can answer in the order of the queue."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from serving.db.origin import is_new, is_stock
from serving.db.tables import AssignmentRow, CandidateRow, FlightRow
from serving.review.blind.tasks import blind_condition
from serving.review.decision import CandidateState

Conditions = list[ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """What to show; None means all. What was merged into another is shown there alone.

    ``area`` is ``level:area_id``, ``model`` as in ``CandidateRow.models``; scores are included.
    ``viewer_id`` is the person who looks: what they are to judge blindly seems pending to them.
    ``mine`` shows only what was assigned to that person. ``origin`` is ``stock`` for what was there
    when the place was first flown, ``new`` for what came since.
    """

    state: str | None = None
    flight_id: int | None = None
    hazard_class: str | None = None
    tier: str | None = None
    site: str | None = None
    area: str | None = None
    model: str | None = None
    min_score: float | None = None
    max_score: float | None = None
    ambiguous: bool | None = None
    origin: str | None = None
    mine: bool = False
    viewer_id: int | None = None

    @property
    def is_tallied(self) -> bool:
        """Whether the tallies know how many there are."""
        looks_inside = (
            self.area,
            self.model,
            self.min_score,
            self.max_score,
            self.ambiguous,
            self.origin,
        )
        return not self.mine and all(each is None for each in looks_inside)


def list_branches(session: Session, wanted: QueueFilter) -> list[Conditions]:
    """Return the wanted candidates in parts, each of which is a stretch of one index.

    Joined by "or", they would have to be sorted all together before the first could be shown.
    A candidate may be in two parts, where assignments overlap.
    """
    common = [CandidateRow.merged_into.is_(None), *_plain(wanted), *_inside(wanted)]
    shares = list_shares(session, wanted)
    return [[*common, *part, *share] for part in _by_state(wanted) for share in shares]


def list_shares(session: Session, wanted: QueueFilter) -> list[Conditions]:
    """Return the conditions of what was assigned to the person; one empty one for everything."""
    if not wanted.mine:
        return [[]]
    statement = select(AssignmentRow).where(
        AssignmentRow.user_id == wanted.viewer_id, AssignmentRow.ended_at.is_(None)
    )
    rows = session.scalars(statement.order_by(AssignmentRow.id))
    return [_plain(share) + _inside(share) for share in map(filter_from_assignment, rows)]


def filter_from_assignment(row: AssignmentRow) -> QueueFilter:
    """Return what an assignment gives, as a filter."""
    area = f"{row.area_level}:{row.area_id}" if row.area_id else None
    return QueueFilter(flight_id=row.flight_id, hazard_class=row.hazard_class, area=area)


def filtered(wanted: QueueFilter) -> ColumnElement[bool]:
    """Return the conditions of a filter but for state, tier and assignment."""
    rest = [CandidateRow.merged_into.is_(None), *_plain(wanted, tiered=False), *_inside(wanted)]
    return and_(*rest)


def _by_state(wanted: QueueFilter) -> list[Conditions]:
    """Return a part for each state; what seems pending is one of its own."""
    seems_pending = None if wanted.viewer_id is None else blind_condition(wanted.viewer_id)
    states = [wanted.state] if wanted.state else [state.value for state in CandidateState]
    parts: list[Conditions] = []
    for state in states:
        is_pending = state == CandidateState.PENDING.value
        part: Conditions = [CandidateRow.state == state]
        if seems_pending is not None and not is_pending:
            part.append(~seems_pending)
        parts.append(part)
        if seems_pending is not None and is_pending:
            parts.append([CandidateRow.state != state, seems_pending])
    return parts


def _plain(wanted: QueueFilter, *, tiered: bool = True) -> Conditions:
    columns = {
        CandidateRow.flight_id: wanted.flight_id,
        CandidateRow.hazard_class: wanted.hazard_class,
        CandidateRow.tier: wanted.tier if tiered else None,
        CandidateRow.is_ambiguous: wanted.ambiguous,
    }
    conditions = [column == value for column, value in columns.items() if value is not None]
    if wanted.site is not None:
        of_site = select(FlightRow.id).where(FlightRow.site == wanted.site)
        conditions.append(CandidateRow.flight_id.in_(of_site))
    return conditions


def _inside(wanted: QueueFilter) -> Conditions:
    conditions: Conditions = []
    if wanted.area is not None:
        level, _, area_id = wanted.area.partition(":")
        conditions.append(CandidateRow.areas.contains([{"level": level, "area_id": area_id}]))
    if wanted.model is not None:
        conditions.append(CandidateRow.models.contains([wanted.model]))
    if wanted.min_score is not None:
        conditions.append(CandidateRow.score >= wanted.min_score)
    if wanted.max_score is not None:
        conditions.append(CandidateRow.score <= wanted.max_score)
    if wanted.origin is not None:
        conditions.append(is_stock() if wanted.origin == "stock" else is_new())
    return conditions
