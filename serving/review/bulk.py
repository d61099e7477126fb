"""Reject several candidates at once, and take all of it back at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from detection.domain.errors import HazardLensError
from serving.audit.log import Actor, Subject, record
from serving.db.repeats import find_repeat
from serving.db.tables import BulkActMemberRow, BulkActRow, CandidateRow, ReviewEventRow
from serving.review.decision import Verdict
from serving.review.decisions import decide, undo
from serving.review.errors import (
    AlreadyUndoneError,
    BulkEmptyError,
    BulkNotFoundError,
    CandidateChangedError,
    KeyReusedError,
    NotYourDecisionError,
    UrgentTierError,
)
from serving.review.reviewer import Reviewer
from serving.review.seen import Seen
from serving.review.tiers import Tier

URGENT = Tier.URGENT.value

LeftOut = list[dict[str, object]]
"""What was wanted and not done: ``{candidate_id, code}``, the code as of the error it met."""


@dataclass(frozen=True, slots=True)
class BulkAct:
    """What came of a bulk act: its row and the candidates that it changed."""

    row: BulkActRow
    candidate_ids: tuple[int, ...]


def reject_alike(
    session: Session,
    reviewer: Reviewer,
    anchor_id: int,
    seen: Sequence[Seen],
    *,
    min_similarity: float | None = None,
    note: str | None = None,
    idempotency_key: str | None = None,
) -> BulkAct:
    """Reject candidates that look like ``anchor_id``, each as a decision of its own, as one act.

    What is urgent, held by somebody else or not as the person saw it is left out and named.

    Raises:
        BulkEmptyError: none of them could be rejected.
        KeyReusedError: the key names another act.
    """
    wanted = {each.candidate_id: each for each in seen}
    rows = _lock(session, list(wanted))
    # Only now: the same request may have been under way while this one waited.
    earlier = find_repeat(session, BulkActRow, reviewer.user_id, idempotency_key)
    if earlier is not None:
        if earlier.kind != "reject" or earlier.anchor_id != anchor_id:
            raise KeyReusedError
        return _act(session, earlier)
    left_out: LeftOut = [
        {"candidate_id": each, "code": "candidate_not_found"} for each in wanted if each not in rows
    ]

    def reject(candidate_id: int) -> ReviewEventRow:
        row, as_seen = rows[candidate_id], wanted[candidate_id]
        if row.tier == URGENT:
            raise UrgentTierError(candidate_id)
        if row.revision != as_seen.revision:
            raise CandidateChangedError(candidate_id)
        return decide(
            session,
            reviewer,
            candidate_id,
            Verdict.REJECT,
            note=note,
            expected_state=as_seen.state,
        )

    events = _each(session, sorted(rows), reject, left_out)
    if not events:
        raise BulkEmptyError
    act = BulkActRow(
        kind="reject", anchor_id=anchor_id, min_similarity=min_similarity, left_out=left_out
    )
    return _append(session, reviewer, act, events, key=idempotency_key)


def undo_bulk(
    session: Session, reviewer: Reviewer, bulk_id: int, *, idempotency_key: str | None = None
) -> BulkAct:
    """Take a bulk act back whole: every candidate is again exactly what it was.

    What somebody has decided anew since then stays theirs, and is named.

    Raises:
        BulkNotFoundError: there is no such act.
        NotYourDecisionError: somebody else made it.
        AlreadyUndoneError: it was undone before.
        BulkEmptyError: nothing of it stands any more.
        KeyReusedError: the key names another act.
    """
    act = _get(session, bulk_id)
    members = list(session.scalars(_members(bulk_id)))
    _lock(session, [event.candidate_id for event in members])
    earlier = find_repeat(session, BulkActRow, reviewer.user_id, idempotency_key)
    if earlier is not None:
        if earlier.undoes != bulk_id:
            raise KeyReusedError
        return _act(session, earlier)
    if act.user_id != reviewer.user_id and not reviewer.may_undo_others:
        raise NotYourDecisionError
    if session.scalar(select(BulkActRow.id).where(BulkActRow.undoes == bulk_id)) is not None:
        message = f"The bulk act {bulk_id} was undone already."
        raise AlreadyUndoneError(message, remedy="Nothing to do.")
    by_candidate = {event.candidate_id: event.id for event in members}
    left_out: LeftOut = []
    events = _each(
        session,
        sorted(by_candidate),
        lambda candidate_id: undo(session, reviewer, by_candidate[candidate_id]),
        left_out,
    )
    if not events:
        raise BulkEmptyError
    # What the person took back singly before is as it should be.
    left_out = [each for each in left_out if each["code"] != AlreadyUndoneError.code]
    undone = BulkActRow(kind="undo", anchor_id=act.anchor_id, undoes=bulk_id, left_out=left_out)
    return _append(session, reviewer, undone, events, key=idempotency_key)


def _each(
    session: Session,
    candidate_ids: Sequence[int],
    work: Callable[[int], ReviewEventRow],
    left_out: LeftOut,
) -> list[ReviewEventRow]:
    """Do ``work`` for each candidate; what is refused leaves no trace but its name."""
    events = []
    for candidate_id in candidate_ids:
        try:
            with session.begin_nested():
                events.append(work(candidate_id))
        except HazardLensError as error:
            left_out.append({"candidate_id": candidate_id, "code": error.code})
    return events


def _append(
    session: Session,
    reviewer: Reviewer,
    act: BulkActRow,
    events: Sequence[ReviewEventRow],
    *,
    key: str | None,
) -> BulkAct:
    act.user_id = reviewer.user_id
    act.username = reviewer.username
    act.role = reviewer.role
    act.idempotency_key = key
    session.add(act)
    session.flush()
    session.add_all(BulkActMemberRow(event_id=event.id, bulk_id=act.id) for event in events)
    session.flush()
    changed = tuple(event.candidate_id for event in events)
    record(
        session,
        Actor(reviewer.user_id, reviewer.username, reviewer.role),
        "undo_bulk" if act.kind == "undo" else "bulk_reject",
        Subject("bulk", str(act.undoes or act.id)),
        after={"bulk_act": act.id, "candidates": list(changed), "left_out": act.left_out},
    )
    return BulkAct(act, changed)


def _act(session: Session, row: BulkActRow) -> BulkAct:
    events = session.scalars(_members(row.id))
    return BulkAct(row, tuple(event.candidate_id for event in events))


def _get(session: Session, bulk_id: int) -> BulkActRow:
    row = session.get(BulkActRow, bulk_id)
    if row is None or row.kind == "undo":
        raise BulkNotFoundError(bulk_id)
    return row


def _lock(session: Session, ids: Sequence[int]) -> dict[int, CandidateRow]:
    """Lock what is there of these candidates, in the order of the numbers, as everybody does."""
    statement = select(CandidateRow).where(CandidateRow.id.in_(ids)).order_by(CandidateRow.id)
    statement = statement.with_for_update().execution_options(populate_existing=True)
    return {row.id: row for row in session.scalars(statement)}


def _members(bulk_id: int) -> Select[ReviewEventRow]:
    return (
        select(ReviewEventRow)
        .join(BulkActMemberRow, BulkActMemberRow.event_id == ReviewEventRow.id)
        .where(BulkActMemberRow.bulk_id == bulk_id)
        .order_by(ReviewEventRow.candidate_id)
    )
