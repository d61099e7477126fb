"""Where two people disagree: what an arbiter is shown, without the names until it is decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from detection.domain.errors import HazardLensError
from serving.db.tables import BlindTaskRow, CandidateRow, FlightRow, ReviewEventRow
from serving.review.blind.machine import TaskState

IN_ORDER = ("confirm", "reject", "unsure", "duplicate")
"""The two are shown by verdict: who was first is nothing that the arbiter should know."""

SHOWN = (TaskState.DISPUTED.value, TaskState.SETTLED.value)


class DisputeNotFoundError(HazardLensError):
    """There is no such dispute."""

    code = "dispute_not_found"

    def __init__(self, task_id: int) -> None:
        """Name the dispute."""
        super().__init__(
            f"There is no dispute {task_id}.", remedy="See the list of disputes; it may have ended."
        )


@dataclass(frozen=True, slots=True)
class Side:
    """What one of the two said; ``username`` is None until an arbiter has decided."""

    verdict: str
    note: str | None
    duplicate_of: int | None
    username: str | None


@dataclass(frozen=True, slots=True)
class Dispute:
    """A candidate about which two people disagree. ``request`` is why somebody asked for this."""

    id: int
    candidate_id: int
    hazard_class: str
    state: str
    flight_name: str
    score: float
    kind: str
    request: str | None
    is_settled: bool
    disputed_at: datetime
    same_evidence: bool
    sides: tuple[Side, ...]


def list_disputes(session: Session, *, limit: int, after: int | None = None) -> list[Dispute]:
    """Return up to ``limit`` disputes that wait for an arbiter, the oldest task first."""
    statement = _select().where(BlindTaskRow.state == TaskState.DISPUTED.value)
    if after is not None:
        statement = statement.where(BlindTaskRow.id > after)
    rows = session.execute(statement.order_by(BlindTaskRow.id).limit(limit))
    return [_dispute(*row) for row in rows]


def get_dispute(session: Session, task_id: int) -> Dispute:
    """Return a dispute, settled or not.

    Raises:
        DisputeNotFoundError: there is none with this number.
    """
    statement = _select().where(BlindTaskRow.id == task_id, BlindTaskRow.state.in_(SHOWN))
    row = session.execute(statement).first()
    if row is None:
        raise DisputeNotFoundError(task_id)
    return _dispute(*row)


_Columns = Select[BlindTaskRow, CandidateRow, str, ReviewEventRow, ReviewEventRow]


def _select() -> _Columns:
    first, opinion = aliased(ReviewEventRow), aliased(ReviewEventRow)
    return (
        select(BlindTaskRow, CandidateRow, FlightRow.name, first, opinion)
        .join(CandidateRow, CandidateRow.id == BlindTaskRow.candidate_id)
        .join(FlightRow, FlightRow.id == CandidateRow.flight_id)
        .join(first, first.id == BlindTaskRow.about_id)
        .join(opinion, opinion.id == BlindTaskRow.opinion_id)
    )


def _dispute(
    task: BlindTaskRow,
    candidate: CandidateRow,
    flight_name: str,
    first: ReviewEventRow,
    opinion: ReviewEventRow,
) -> Dispute:
    is_settled = task.state == TaskState.SETTLED.value
    sides = [_side(event, is_named=is_settled) for event in (first, opinion)]
    return Dispute(
        id=task.id,
        candidate_id=candidate.id,
        hazard_class=candidate.hazard_class,
        state=candidate.state,
        flight_name=flight_name,
        score=candidate.score,
        kind=task.kind,
        request=task.note,
        is_settled=is_settled,
        disputed_at=opinion.created_at,
        same_evidence=task.same_evidence,
        sides=tuple(sorted(sides, key=lambda side: IN_ORDER.index(side.verdict))),
    )


def _side(event: ReviewEventRow, *, is_named: bool) -> Side:
    return Side(
        verdict=str(event.verdict),
        note=event.note,
        duplicate_of=event.duplicate_of,
        username=event.username if is_named else None,
    )
