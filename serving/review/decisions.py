"""Decide and undo: one event and one state, in one transaction, under a lock of the candidate."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.db.repeats import find_repeat
from serving.db.tables import CandidateRow, ReviewEventRow
from serving.review.blind.checks import maybe_open_check
from serving.review.blind.following import follow_act, open_second
from serving.review.blind.opinions import check_dispute, give_opinion, undo_opinion
from serving.review.blind.tasks import blind_ids, find_task_for
from serving.review.claims import check_free, end_claim
from serving.review.decision import (
    STATE_AFTER,
    CandidateState,
    Event,
    Verdict,
    check_decision,
    check_not_undone,
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
from serving.review.event_rows import append_event, events_from_rows, list_events
from serving.review.reviewer import Reviewer

__all__ = ["Reviewer", "decide", "list_events", "undo"]


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

    Where the candidate only seems pending to this person, their opinion is written in its stead.

    Raises:
        CandidateNotFoundError: there is no such candidate.
        CandidateMergedError: it was merged into another.
        AlreadyDecidedError: it is not in the state that the reviewer saw.
        InDisputeError: two people disagree about it; an arbiter decides.
        ClaimedByOtherError: somebody else is looking at it just now.
        OwnDisputeError: this arbiter is one of the two.
        InvalidDuplicateError: ``duplicate_of`` cannot stand for it.
        KeyReusedError: the key names another act.
    """
    candidate = _lock_candidate(session, candidate_id, duplicate_of)
    earlier = find_repeat(session, ReviewEventRow, reviewer.user_id, idempotency_key)
    if earlier is not None:
        if earlier.candidate_id != candidate_id or earlier.verdict != verdict.value:
            raise KeyReusedError
        return earlier
    if candidate.merged_into is not None:
        raise CandidateMergedError(candidate_id, candidate.merged_into)
    check_free(session, candidate_id, reviewer.user_id)
    task = find_task_for(session, reviewer.user_id, candidate_id)
    said = ReviewEventRow(verdict=verdict.value, note=note, duplicate_of=duplicate_of)
    if task is not None:
        check_decision([], expected_state)  # what was decided is nothing that they could know
        _check_duplicate(session, reviewer, candidate, verdict, duplicate_of)
        event = give_opinion(session, reviewer, candidate, task, said, key=idempotency_key)
    else:
        check_decision(events_from_rows(list_events(session, candidate_id)), expected_state)
        _check_duplicate(session, reviewer, candidate, verdict, duplicate_of)
        said.kind = "decision"
        said.task_id = check_dispute(session, reviewer, candidate_id)
        after = STATE_AFTER[verdict]
        event = _append(session, candidate, reviewer, said, state_after=after, key=idempotency_key)
        open_second(session, reviewer, candidate, event)
    end_claim(session, candidate_id, reviewer.user_id)
    maybe_open_check(session, reviewer, candidate)
    return event


def undo(
    session: Session,
    reviewer: Reviewer,
    decision_id: int,
    *,
    idempotency_key: str | None = None,
) -> ReviewEventRow:
    """Take back the last standing decision, or an opinion; the state before is restored exactly.

    Raises:
        DecisionNotFoundError: there is no such decision.
        NotYourDecisionError: somebody else made it.
        AlreadyUndoneError: it was undone before.
        DecisionSupersededError: a later decision stands.
        InvalidDuplicateError: two candidates would be duplicates of each other.
        KeyReusedError: the key names another act.
    """
    decision = session.get(ReviewEventRow, decision_id)
    if decision is None or decision.kind == "undo":
        raise DecisionNotFoundError(decision_id)
    candidate = _lock_candidate(session, decision.candidate_id)
    earlier = find_repeat(session, ReviewEventRow, reviewer.user_id, idempotency_key)
    if earlier is not None:
        if earlier.undoes != decision_id:
            raise KeyReusedError
        return earlier
    if decision.user_id != reviewer.user_id and not reviewer.may_undo_others:
        raise NotYourDecisionError
    events = events_from_rows(list_events(session, candidate.id))
    if decision.kind == "opinion":
        check_not_undone(events, decision_id)
        return undo_opinion(session, reviewer, candidate, decision, key=idempotency_key)
    check_undo(events, decision_id)
    state_after = current_state([*events, Event(event_id=0, undoes=decision_id)])
    event = ReviewEventRow(kind="undo", undoes=decision_id)
    written = _append(
        session, candidate, reviewer, event, state_after=state_after, key=idempotency_key
    )
    _refuse_circle(session, candidate)
    return written


def _append(
    session: Session,
    candidate: CandidateRow,
    reviewer: Reviewer,
    event: ReviewEventRow,
    *,
    state_after: CandidateState,
    key: str | None,
) -> ReviewEventRow:
    event.candidate_id = candidate.id
    states = (CandidateState(candidate.state), state_after)
    append_event(session, reviewer, event, states=states, key=key)
    _refresh_state(session, candidate)
    follow_act(session, candidate.id)
    return event


def _refresh_state(session: Session, candidate: CandidateRow) -> None:
    """Set the cached columns from the events, which alone are the truth."""
    rows = list_events(session, candidate.id)
    events = events_from_rows(rows)
    standing = standing_decisions(events)
    last = next((row for row in rows if standing and row.id == standing[-1].event_id), None)
    candidate.state = current_state(events).value
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


def _check_duplicate(
    session: Session,
    reviewer: Reviewer,
    candidate: CandidateRow,
    verdict: Verdict,
    duplicate_of: int | None,
) -> None:
    if duplicate_of is None:
        return
    other = session.get(CandidateRow, duplicate_of)
    is_blind = bool(blind_ids(session, reviewer.user_id, [duplicate_of]))
    if verdict is not Verdict.DUPLICATE:
        message = "duplicate_of goes only with the verdict duplicate."
    elif other is None or other.id == candidate.id or (is_blind and _is_duplicate(other)):
        message = f"Candidate {duplicate_of} cannot stand for this one."
    elif _is_duplicate(other):
        message = f"Candidate {duplicate_of} is a duplicate itself."
    elif other.merged_into is not None:
        message = f"Candidate {duplicate_of} was merged into candidate {other.merged_into}."
    else:
        return
    raise InvalidDuplicateError(message, remedy="Name the candidate that stands for both.")


def _is_duplicate(candidate: CandidateRow) -> bool:
    return candidate.state == CandidateState.DUPLICATE.value
