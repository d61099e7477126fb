"""What somebody says in a blind task: written as any act, and never changing the candidate."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.db.tables import BlindTaskRow, CandidateRow, ReviewEventRow
from serving.review.blind.following import follow_act, follow_task
from serving.review.blind.machine import TaskState
from serving.review.decision import STATE_AFTER, CandidateState, Event, Verdict
from serving.review.errors import (
    DecisionSupersededError,
    InDisputeError,
    OwnDisputeError,
)
from serving.review.event_rows import append_event, events_from_rows, list_events
from serving.review.reviewer import Reviewer


def give_opinion(
    session: Session,
    reviewer: Reviewer,
    candidate: CandidateRow,
    task: BlindTaskRow,
    said: ReviewEventRow,
    *,
    key: str | None,
) -> ReviewEventRow:
    """Write an opinion (``said`` holds verdict, note, duplicate) and what follows for the task."""
    said.candidate_id = candidate.id
    said.kind = "opinion"
    said.task_id = task.id
    states = (CandidateState.PENDING, STATE_AFTER[Verdict(str(said.verdict))])
    event = append_event(session, reviewer, said, states=states, key=key)
    task.same_evidence = task.revision == candidate.revision
    follow_act(session, candidate.id)
    return event


def undo_opinion(
    session: Session,
    reviewer: Reviewer,
    candidate: CandidateRow,
    opinion: ReviewEventRow,
    *,
    key: str | None,
) -> ReviewEventRow:
    """Take an opinion back; its task is open again.

    Raises:
        DecisionSupersededError: an arbiter has settled the dispute since.
    """
    task = session.get_one(BlindTaskRow, opinion.task_id)
    if task.state == TaskState.SETTLED.value:
        message = "An arbiter has decided since."
        raise DecisionSupersededError(message, remedy="Ask the arbiter, who can undo that.")
    undoing = ReviewEventRow(candidate_id=candidate.id, kind="undo", undoes=opinion.id)
    events = events_from_rows(list_events(session, candidate.id))
    after = follow_task(task, [*events, Event(event_id=0, undoes=opinion.id)])
    is_blind_again = after.state is TaskState.OPEN and opinion.user_id == reviewer.user_id
    seen = CandidateState.PENDING if is_blind_again else CandidateState(candidate.state)
    states = (CandidateState(opinion.state_after), seen)
    event = append_event(session, reviewer, undoing, states=states, key=key)
    follow_act(session, candidate.id)
    return event


def check_dispute(session: Session, reviewer: Reviewer, candidate_id: int) -> int | None:
    """Return the disputed task that a decision of this person settles, None where there is none.

    Raises:
        InDisputeError: only an arbiter may decide now.
        OwnDisputeError: this arbiter gave one of the two verdicts.
    """
    task = find_dispute(session, candidate_id)
    if task is None:
        return None
    if not reviewer.may_arbitrate:
        raise InDisputeError(candidate_id)
    parties = select(ReviewEventRow.user_id).where(
        ReviewEventRow.id.in_([task.about_id, task.opinion_id])
    )
    if reviewer.user_id in set(session.scalars(parties)):
        raise OwnDisputeError(candidate_id)
    return task.id


def find_dispute(session: Session, candidate_id: int) -> BlindTaskRow | None:
    """Return the task about which two people disagree, None where there is none."""
    statement = select(BlindTaskRow).where(
        BlindTaskRow.candidate_id == candidate_id,
        BlindTaskRow.state == TaskState.DISPUTED.value,
    )
    return session.scalar(statement.order_by(BlindTaskRow.id).limit(1))
