"""Decide and undo: one event and one state, in one transaction, under a lock of the candidate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.db.tables import CandidateRow, ReviewEventRow
from serving.review.decision import (
    STATE_AFTER,
    CandidateState,
    Event,
    Verdict,
    check_decision,
    check_undo,
    current_state,
    standing_decisions,
)
from serving.review.errors import (
    CandidateMergedError,
    CandidateNotFoundError,
    DecisionNotFoundError,
    InvalidDuplicateError,
    KeyReusedError,
    NotYourDecisionError,
)


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who acts, as it is written into the event."""

    user_id: int
    username: str
    role: str
    may_undo_others: bool


def decide(
    session: Session,
    reviewer: Reviewer,
    candidate_id: int,
    verdict: Verdict,
    *,
    note: str | None = None,
    duplicate_of: int | None = None,
    expected_state: CandidateState | None = None,
    idempotency_key: str | None = None,
) -> ReviewEventRow:
    """Write one decision and the state that follows; the same key again returns the first event.

    Raises:
        CandidateNotFoundError: there is no such candidate.
        CandidateMergedError: it was merged into another.
        AlreadyDecidedError: it is not in the state that the reviewer saw.
        InvalidDuplicateError: ``duplicate_of`` cannot stand for it.
        KeyReusedError: the key names another act.
    """
    candidate = _lock_candidate(session, candidate_id, duplicate_of)
    earlier = _find_by_key(session, reviewer, idempotency_key)
    if earlier is not None:
        if earlier.candidate_id != candidate_id or earlier.verdict != verdict.value:
            raise KeyReusedError
        return earlier
    if candidate.merged_into is not None:
        raise CandidateMergedError(candidate_id, candidate.merged_into)
    rows = list_events(session, candidate_id)
    check_decision(_events(rows), expected_state)
    _check_duplicate(session, candidate, verdict, duplicate_of)
    event = ReviewEventRow(
        kind="decision", verdict=verdict.value, note=note, duplicate_of=duplicate_of
    )
    return _append(session, candidate, reviewer, event, STATE_AFTER[verdict], key=idempotency_key)


def undo(
    session: Session,
    reviewer: Reviewer,
    decision_id: int,
    *,
    idempotency_key: str | None = None,
) -> ReviewEventRow:
    """Take back the last standing decision; the state before it is restored exactly.

    Raises:
        DecisionNotFoundError: there is no such decision.
        NotYourDecisionError: somebody else made it.
        AlreadyUndoneError: it was undone before.
        DecisionSupersededError: a later decision stands.
        InvalidDuplicateError: two candidates would be duplicates of each other.
        KeyReusedError: the key names another act.
    """
    decision = session.get(ReviewEventRow, decision_id)
    if decision is None or decision.kind != "decision":
        raise DecisionNotFoundError(decision_id)
    candidate = _lock_candidate(session, decision.candidate_id)
    earlier = _find_by_key(session, reviewer, idempotency_key)
    if earlier is not None:
        if earlier.undoes != decision_id:
            raise KeyReusedError
        return earlier
    if decision.user_id != reviewer.user_id and not reviewer.may_undo_others:
        raise NotYourDecisionError
    events = _events(list_events(session, candidate.id))
    check_undo(events, decision_id)
    state_after = current_state([*events, Event(event_id=0, undoes=decision_id)])
    event = ReviewEventRow(kind="undo", undoes=decision_id)
    written = _append(session, candidate, reviewer, event, state_after, key=idempotency_key)
    _refuse_circle(session, candidate)
    return written


def list_events(session: Session, candidate_id: int) -> list[ReviewEventRow]:
    """Return everything that was done to a candidate, oldest first."""
    statement = select(ReviewEventRow).where(ReviewEventRow.candidate_id == candidate_id)
    return list(session.scalars(statement.order_by(ReviewEventRow.id)))


def _append(
    session: Session,
    candidate: CandidateRow,
    reviewer: Reviewer,
    event: ReviewEventRow,
    state_after: CandidateState,
    *,
    key: str | None,
) -> ReviewEventRow:
    event.candidate_id = candidate.id
    event.state_before = candidate.state
    event.state_after = state_after.value
    event.user_id = reviewer.user_id
    event.username = reviewer.username
    event.role = reviewer.role
    event.idempotency_key = key
    session.add(event)
    session.flush()
    _refresh_state(session, candidate)
    return event


def _refresh_state(session: Session, candidate: CandidateRow) -> None:
    """Set the cached columns from the events, which alone are the truth."""
    rows = list_events(session, candidate.id)
    standing = standing_decisions(_events(rows))
    last = next((row for row in rows if standing and row.id == standing[-1].event_id), None)
    candidate.state = current_state(_events(rows)).value
    candidate.duplicate_of = last.duplicate_of if last else None
    candidate.decided_at = (last.created_at or datetime.now(UTC)) if last else None
    session.flush()


def _lock_candidate(
    session: Session, candidate_id: int, duplicate_of: int | None = None
) -> CandidateRow:
    """Lock a candidate, and the one that is to stand for it: neither may become the other's."""
    ids = {candidate_id, duplicate_of or candidate_id}
    # In the order of the numbers, so that two reviewers never wait for each other.
    statement = select(CandidateRow).where(CandidateRow.id.in_(ids)).order_by(CandidateRow.id)
    statement = statement.with_for_update().execution_options(populate_existing=True)
    rows = {row.id: row for row in session.scalars(statement)}
    if candidate_id not in rows:
        raise CandidateNotFoundError(candidate_id)
    return rows[candidate_id]


def _refuse_circle(session: Session, candidate: CandidateRow) -> None:
    """Refuse that candidates are duplicates of each other: no hazard would stand for them.

    A candidate that was merged into another leads on to that one.

    Raises:
        InvalidDuplicateError: they would be.
    """
    stands_for = candidate.duplicate_of
    seen: set[int] = set()
    while stands_for is not None and stands_for not in seen:
        seen.add(stands_for)
        other = session.get(CandidateRow, stands_for)
        stands_for = (other.merged_into or other.duplicate_of) if other else None
    if candidate.id in seen:
        message = f"Candidate {candidate.duplicate_of} has become a duplicate of this one."
        raise InvalidDuplicateError(message, remedy="Undo that decision first.")


def _find_by_key(
    session: Session, reviewer: Reviewer, idempotency_key: str | None
) -> ReviewEventRow | None:
    if idempotency_key is None:
        return None
    statement = select(ReviewEventRow).where(
        ReviewEventRow.user_id == reviewer.user_id,
        ReviewEventRow.idempotency_key == idempotency_key,
    )
    return session.scalar(statement)


def _events(rows: list[ReviewEventRow]) -> list[Event]:
    return [
        Event(row.id, Verdict(row.verdict) if row.verdict else None, row.undoes) for row in rows
    ]


def _check_duplicate(
    session: Session, candidate: CandidateRow, verdict: Verdict, duplicate_of: int | None
) -> None:
    if duplicate_of is None:
        return
    other = session.get(CandidateRow, duplicate_of)
    if verdict is not Verdict.DUPLICATE:
        message = "duplicate_of goes only with the verdict duplicate."
    elif other is None or other.id == candidate.id:
        message = f"Candidate {duplicate_of} cannot stand for this one."
    elif other.state == CandidateState.DUPLICATE.value:
        message = f"Candidate {duplicate_of} is a duplicate itself."
    elif other.merged_into is not None:
        message = f"Candidate {duplicate_of} was merged into candidate {other.merged_into}."
    else:
        return
    raise InvalidDuplicateError(message, remedy="Name the candidate that stands for both.")
