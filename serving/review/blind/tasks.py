"""Blind tasks: for whom a decided candidate seems pending, and who opens and asks for them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session, aliased

from serving.audit.log import Actor, Subject, record
from serving.db.tables import (
    BlindTaskRow,
    CandidateRow,
    GroupingEventRow,
    ReviewEventRow,
    UserRow,
)
from serving.review.blind.machine import TaskKind, TaskState
from serving.review.decision import CandidateState
from serving.review.errors import CandidateMergedError
from serving.review.reviewer import Reviewer
from serving.review.seen import lock_rows

BLIND_ROLE = "reviewer"
"""Who is asked blindly. Arbiters and administrators see everything, for they settle disputes."""


def blind_condition(user_id: int) -> ColumnElement[bool]:
    """Whether a candidate (``CandidateRow`` of the statement) seems pending to this person.

    It does while a blind task is open on it that is theirs to answer.
    """
    task = aliased(BlindTaskRow)
    return exists().where(
        task.candidate_id == CandidateRow.id,
        *_open_for(task, user_id),
    )


def awaits_condition(user_id: int) -> ColumnElement[bool]:
    """Whether a candidate awaits this person, for it is pending or seems so to them."""
    return or_(CandidateRow.state == CandidateState.PENDING.value, blind_condition(user_id))


def blind_ids(session: Session, user_id: int, candidate_ids: Iterable[int]) -> frozenset[int]:
    """Return which of these candidates seem pending to this person, though they are decided."""
    task = aliased(BlindTaskRow)
    statement = select(task.candidate_id).where(
        task.candidate_id.in_(list(candidate_ids)), *_open_for(task, user_id)
    )
    return frozenset(session.scalars(statement))


def find_task_for(session: Session, user_id: int, candidate_id: int) -> BlindTaskRow | None:
    """Return the blind task that this person is to answer, None where there is none.

    A check comes before a second opinion, for it can be answered by nobody else.
    """
    statement = select(BlindTaskRow).where(
        BlindTaskRow.candidate_id == candidate_id, *_open_for(BlindTaskRow, user_id)
    )
    statement = statement.order_by(BlindTaskRow.user_id.is_(None), BlindTaskRow.id).limit(1)
    return session.scalar(statement)


def list_tasks(session: Session, candidate_id: int) -> list[BlindTaskRow]:
    """Return every blind task of a candidate, oldest first."""
    statement = select(BlindTaskRow).where(BlindTaskRow.candidate_id == candidate_id)
    return list(session.scalars(statement.order_by(BlindTaskRow.id)))


def ask_second(
    session: Session, reviewer: Reviewer, candidate_id: int, note: str | None = None
) -> BlindTaskRow:
    """Ask for a second opinion; asked again, the task that is there is returned.

    It is opened at once where the candidate is decided, and with the next decision where it is
    not. To whom the candidate seems pending, it goes on seeming so.

    Raises:
        CandidateNotFoundError: there is no such candidate.
        CandidateMergedError: it was merged into another.
    """
    candidate = _lock(session, candidate_id)
    record(
        session,
        Actor(reviewer.user_id, reviewer.username, reviewer.role),
        "ask_second",
        Subject("candidate", str(candidate_id)),
        after={"note": note},
    )
    there = find_task_for(session, reviewer.user_id, candidate_id) or _find_unsettled(
        session, candidate_id
    )
    if there is not None:
        return there
    task = BlindTaskRow(
        candidate_id=candidate_id,
        kind=TaskKind.ASKED.value,
        state=TaskState.WAITING.value,
        revision=candidate.revision,
        asked_by=reviewer.user_id,
        note=note,
    )
    decision = find_standing_decision(session, candidate_id)
    if decision is not None and candidate.state != CandidateState.PENDING.value:
        task.about_id = decision.id
        task.state = TaskState.OPEN.value
        task.excluded_ids = list_people(session, candidate_id)
    session.add(task)
    session.flush()
    return task


def open_about(
    session: Session, candidate: CandidateRow, decision: ReviewEventRow, kind: TaskKind
) -> BlindTaskRow:
    """Open a second look at a decision; whoever did something to the candidate is left out."""
    task = _find_waiting(session, candidate.id) or BlindTaskRow(candidate_id=candidate.id)
    task.kind = kind.value
    task.about_id = decision.id
    task.state = TaskState.OPEN.value
    task.revision = candidate.revision
    task.excluded_ids = list_people(session, candidate.id)
    session.add(task)
    session.flush()
    return task


def is_asked(session: Session, candidate_id: int) -> bool:
    """Whether somebody asked for a second opinion before there was a first."""
    return _find_waiting(session, candidate_id) is not None


def list_people(session: Session, candidate_id: int) -> list[int]:
    """Return everybody who is no blind judge of a candidate any more.

    They decided or grouped it, or once decided over what somebody else had. Whoever took their own
    first word back knows nothing of the others.
    """
    undoing = aliased(ReviewEventRow)
    stands = ~exists().where(undoing.undoes == ReviewEventRow.id)
    knew = ReviewEventRow.state_before != CandidateState.PENDING.value
    decided = select(ReviewEventRow.user_id).where(
        ReviewEventRow.candidate_id == candidate_id, ReviewEventRow.kind != "undo", stands | knew
    )
    grouped = select(GroupingEventRow.user_id).where(
        GroupingEventRow.candidate_ids.contains([candidate_id])
    )
    return sorted(session.scalars(decided.union(grouped)))


def find_standing_decision(session: Session, candidate_id: int) -> ReviewEventRow | None:
    """Return the last decision that was not undone."""
    undoing = aliased(ReviewEventRow)
    statement = select(ReviewEventRow).where(
        ReviewEventRow.candidate_id == candidate_id,
        ReviewEventRow.kind == "decision",
        ~exists().where(undoing.undoes == ReviewEventRow.id),
    )
    return session.scalar(statement.order_by(ReviewEventRow.id.desc()).limit(1))


def _open_for(task: type[BlindTaskRow], user_id: int) -> list[ColumnElement[bool]]:
    is_reviewer = exists().where(UserRow.id == user_id, UserRow.role == BLIND_ROLE)
    is_theirs = or_(
        task.user_id == user_id,
        task.user_id.is_(None) & ~task.excluded_ids.contains([user_id]),
    )
    return [task.state == TaskState.OPEN.value, is_theirs, is_reviewer]


def _find_waiting(session: Session, candidate_id: int) -> BlindTaskRow | None:
    statement = select(BlindTaskRow).where(
        BlindTaskRow.candidate_id == candidate_id,
        BlindTaskRow.state == TaskState.WAITING.value,
    )
    return session.scalar(statement)


def _find_unsettled(session: Session, candidate_id: int) -> BlindTaskRow | None:
    unsettled = [each.value for each in (TaskState.WAITING, TaskState.OPEN, TaskState.DISPUTED)]
    statement = select(BlindTaskRow).where(
        BlindTaskRow.candidate_id == candidate_id,
        BlindTaskRow.kind != TaskKind.CHECK.value,
        BlindTaskRow.state.in_(unsettled),
    )
    return session.scalar(statement.limit(1))


def _lock(session: Session, candidate_id: int) -> CandidateRow:
    row = lock_rows(session, [candidate_id])[candidate_id]
    if row.merged_into is not None:
        raise CandidateMergedError(candidate_id, row.merged_into)
    return row
