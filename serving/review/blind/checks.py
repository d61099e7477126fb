"""Checks: candidates of known truth come back, hidden, to people who never met them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Select, case, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from serving.audit.log import Actor, Subject, record
from serving.db.tables import (
    BlindTaskRow,
    CandidateRow,
    CheckMarkRow,
    GroupingEventRow,
    ReviewEventRow,
    UserRow,
)
from serving.review.blind.following import draw_number
from serving.review.blind.machine import UNSETTLED, TaskKind, TaskState
from serving.review.blind.tasks import BLIND_ROLE
from serving.review.errors import NotCertainError
from serving.review.reviewer import Reviewer
from serving.review.rules import load_rules
from serving.review.seen import lock_rows

MAX_DRAWN = 300
TRUTH_OF_STATE = {"confirmed": "confirm", "rejected": "reject"}


def maybe_open_check(session: Session, reviewer: Reviewer, near: CandidateRow) -> None:
    """Hide a check in this person's queue, with the chance that the rules give.

    The one is taken that stands nearest in the order of risk to what was decided just now, so
    that it comes up soon, wherever in the queue the person works.
    """
    if reviewer.role != BLIND_ROLE or draw_number() >= load_rules().second_review.check_rate:
        return
    ids = _draw_known(session)
    # Locked, so that who takes its decision back meanwhile finds the check; never waited for.
    statement = (
        select(CandidateRow)
        .where(CandidateRow.id.in_(ids), *_still_known(), *_never_met(reviewer.user_id))
        .order_by(func.abs(CandidateRow.risk_key - near.risk_key), CandidateRow.id)
        .limit(1)
        .with_for_update(of=CandidateRow, skip_locked=True)
    )
    candidate = session.scalar(statement)
    if candidate is None:
        return
    values = {
        "candidate_id": candidate.id,
        "kind": TaskKind.CHECK.value,
        "state": TaskState.OPEN.value,
        "user_id": reviewer.user_id,
        "truth": TRUTH_OF_STATE[candidate.state],
        "revision": candidate.revision,
    }
    # The same person may be at work in two windows.
    session.execute(insert(BlindTaskRow).values(values).on_conflict_do_nothing())


def mark_certain(session: Session, actor: Actor, candidate_id: int) -> CheckMarkRow:
    """Say that what is decided of a candidate is certain; said again, nothing more happens.

    Raises:
        CandidateNotFoundError: there is no such candidate.
        NotCertainError: it is neither confirmed nor rejected, or people disagree about it.
    """
    candidate = lock_rows(session, [candidate_id])[candidate_id]
    truth = TRUTH_OF_STATE.get(candidate.state)
    if truth is None or candidate.merged_into is not None or _is_unsettled(session, candidate_id):
        raise NotCertainError(candidate_id)
    there = find_mark(session, candidate_id)
    if there is not None and there.truth == truth:
        return there
    if there is not None:
        _remove(there, actor)
        session.flush()
    mark = CheckMarkRow(candidate_id=candidate_id, truth=truth, marked_by=actor.user_id)
    session.add(mark)
    session.flush()
    _record(session, actor, "mark_check", candidate_id, {"truth": truth})
    return mark


def unmark_certain(session: Session, actor: Actor, candidate_id: int) -> None:
    """Take the mark back; where there is none, nothing happens.

    Raises:
        CandidateNotFoundError: there is no such candidate.
    """
    lock_rows(session, [candidate_id])
    mark = find_mark(session, candidate_id)
    if mark is not None:
        _remove(mark, actor)
        session.flush()
        _record(session, actor, "unmark_check", candidate_id, None)


def find_mark(session: Session, candidate_id: int) -> CheckMarkRow | None:
    """Return the standing mark of a candidate."""
    statement = select(CheckMarkRow).where(
        CheckMarkRow.candidate_id == candidate_id, CheckMarkRow.removed_at.is_(None)
    )
    return session.scalar(statement)


def is_marked_for(session: Session, user_id: int, candidate_id: int) -> bool:
    """Whether a candidate is marked, as told to one person.

    Reviewers are never told: they would know the check when it comes back.
    """
    statement = select(UserRow.role).where(UserRow.id == user_id)
    is_reviewer = session.scalar(statement) == BLIND_ROLE
    return not is_reviewer and find_mark(session, candidate_id) is not None


def truth_of_candidate() -> ColumnElement[str | None]:
    """The verdict that the present state of a candidate says is right."""
    return case(TRUTH_OF_STATE, value=CandidateRow.state)


def _draw_known(session: Session) -> list[int]:
    """Return candidates drawn by chance among those that are known.

    Two people said the same of it blindly, or somebody marked it. Only so many are looked at
    closer: all the thousands of a full database, held against all acts of a person, take seconds.
    """
    agreed = select(BlindTaskRow.candidate_id).where(
        BlindTaskRow.state == TaskState.AGREED.value, BlindTaskRow.same_evidence
    )
    marked = select(CheckMarkRow.candidate_id).where(CheckMarkRow.removed_at.is_(None))
    known = agreed.union(marked).subquery()
    statement = select(known.c.candidate_id).order_by(func.random()).limit(MAX_DRAWN)
    return list(session.scalars(statement))


def _still_known() -> list[ColumnElement[bool]]:
    """Whether a drawn candidate still is in the state that was agreed on or marked."""
    opinion, task = aliased(ReviewEventRow), aliased(BlindTaskRow)
    agreed = exists().where(
        task.candidate_id == CandidateRow.id,
        task.state == TaskState.AGREED.value,
        task.same_evidence,
        opinion.id == task.opinion_id,
        opinion.verdict == truth_of_candidate(),
    )
    marked = exists().where(
        CheckMarkRow.candidate_id == CandidateRow.id,
        CheckMarkRow.removed_at.is_(None),
        CheckMarkRow.truth == truth_of_candidate(),
    )
    in_doubt = _unsettled().where(BlindTaskRow.candidate_id == CandidateRow.id).exists()
    is_decided = CandidateRow.state.in_(list(TRUTH_OF_STATE))
    return [is_decided, CandidateRow.merged_into.is_(None), agreed | marked, ~in_doubt]


def _never_met(user_id: int) -> list[ColumnElement[bool]]:
    acted = exists().where(
        ReviewEventRow.candidate_id == CandidateRow.id, ReviewEventRow.user_id == user_id
    )
    grouped = exists().where(
        GroupingEventRow.flight_id == CandidateRow.flight_id,
        CandidateRow.id == GroupingEventRow.candidate_ids.any_(),
        GroupingEventRow.user_id == user_id,
    )
    checked = exists().where(
        BlindTaskRow.candidate_id == CandidateRow.id, BlindTaskRow.user_id == user_id
    )
    return [~acted, ~grouped, ~checked]


def _unsettled() -> Select[int]:
    return select(BlindTaskRow.candidate_id).where(
        BlindTaskRow.kind != TaskKind.CHECK.value,
        BlindTaskRow.state.in_([each.value for each in UNSETTLED]),
    )


def _is_unsettled(session: Session, candidate_id: int) -> bool:
    statement = _unsettled().where(BlindTaskRow.candidate_id == candidate_id)
    return session.scalar(statement.limit(1)) is not None


def _remove(mark: CheckMarkRow, actor: Actor) -> None:
    mark.removed_by = actor.user_id
    mark.removed_at = datetime.now(UTC)


def _record(
    session: Session, actor: Actor, act: str, candidate_id: int, after: dict[str, object] | None
) -> None:
    record(session, actor, act, Subject("candidate", str(candidate_id)), after=after)
