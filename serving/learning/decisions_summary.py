"""How much there is to learn from, counted in the database; no pixels are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from serving.db.tables import CandidateRow, LabelAnnotationRow, PhotoRow
from serving.learning.decisions.collect import list_photo_ids
from serving.learning.decisions.sightings import DECIDED
from serving.review.decision import CandidateState


@dataclass(frozen=True, slots=True)
class DecisionsSummary:
    """Candidates by what was decided, drawings, and the photos and flights that they lie in.

    ``by_class`` has confirmed and rejected candidates of each class. An export counts sightings,
    of which a candidate has several, and leaves out what two people disagree about.
    """

    photos: int
    flights: int
    confirmed: int
    rejected: int
    drawn: int
    undecided: int
    last_decided_at: datetime | None
    by_class: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def summarise(
    session: Session, *, since: datetime | None = None, flight_ids: Sequence[int] = ()
) -> DecisionsSummary:
    """Return how much was decided and drawn, since a moment and in some flights where named."""
    photo_ids = list_photo_ids(session, since=since, flight_ids=flight_ids)
    statement = select(CandidateRow.hazard_class, CandidateRow.state, func.count()).where(
        CandidateRow.merged_into.is_(None)
    )
    last = select(func.max(CandidateRow.decided_at)).where(CandidateRow.state.in_(DECIDED))
    drawn = select(func.count(distinct(LabelAnnotationRow.task_key))).where(
        LabelAnnotationRow.kind == "annotated"
    )
    if since is not None:
        statement = statement.where(CandidateRow.decided_at >= since)
        drawn = drawn.where(LabelAnnotationRow.created_at >= since)
    if flight_ids:
        statement = statement.where(CandidateRow.flight_id.in_(flight_ids))
        last = last.where(CandidateRow.flight_id.in_(flight_ids))
        drawn = drawn.where(LabelAnnotationRow.flight_id.in_(flight_ids))
    rows = session.execute(statement.group_by(CandidateRow.hazard_class, CandidateRow.state)).all()
    totals = dict.fromkeys(CandidateState, 0)
    by_class: dict[str, dict[str, int]] = {}
    for hazard_class, state, count in rows:
        totals[CandidateState(state)] += count
        if state in DECIDED:
            by_class.setdefault(hazard_class, dict.fromkeys(DECIDED, 0))[state] = count
    flights = select(func.count(distinct(PhotoRow.flight_id))).where(PhotoRow.id.in_(photo_ids))
    settled = totals[CandidateState.CONFIRMED] + totals[CandidateState.REJECTED]
    return DecisionsSummary(
        photos=len(photo_ids),
        flights=session.scalar(flights) or 0,
        confirmed=totals[CandidateState.CONFIRMED],
        rejected=totals[CandidateState.REJECTED],
        drawn=session.scalar(drawn) or 0,
        undecided=sum(totals.values()) - settled,
        last_decided_at=session.scalar(last),
        by_class=by_class,
    )
