"""Candidates as a person saw them: locked for an act, and refused where they have changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.db.tables import CandidateRow
from serving.review.decision import CandidateState
from serving.review.errors import (
    AlreadyDecidedError,
    CandidateChangedError,
    CandidateMergedError,
    CandidateNotFoundError,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A candidate as the person saw it: its revision and the state that it was in."""

    candidate_id: int
    revision: int
    state: CandidateState = CandidateState.PENDING


def lock_seen(session: Session, seen: Sequence[Seen]) -> dict[int, CandidateRow]:
    """Return candidates, by number, locked until the transaction ends, if they are as seen.

    The state counts for the first only.

    Raises:
        CandidateNotFoundError: one of them does not exist.
        CandidateMergedError: one of them was merged into another meanwhile.
        CandidateChangedError: one of them has other photos than the person saw.
        AlreadyDecidedError: the first is in another state than the person saw.
    """
    rows = lock_rows(session, [each.candidate_id for each in seen])
    for each in seen:
        row = rows[each.candidate_id]
        if row.merged_into is not None:
            raise CandidateMergedError(row.id, row.merged_into)
        if row.revision != each.revision:
            raise CandidateChangedError(row.id)
    first = rows[seen[0].candidate_id]
    if first.state != seen[0].state.value:
        message = f"This candidate is {first.state} already."
        remedy = f'Look again; then send "expected_state": "{first.state}".'
        raise AlreadyDecidedError(message, remedy=remedy)
    return rows


def lock_rows(session: Session, ids: Sequence[int]) -> dict[int, CandidateRow]:
    """Return candidates, by number, locked until the transaction ends.

    Raises:
        CandidateNotFoundError: one of them does not exist.
    """
    # In the order of the numbers, as everybody does, so that nobody waits for each other.
    statement = select(CandidateRow).where(CandidateRow.id.in_(ids)).order_by(CandidateRow.id)
    statement = statement.with_for_update().execution_options(populate_existing=True)
    rows = {row.id: row for row in session.scalars(statement)}
    for candidate_id in ids:
        if candidate_id not in rows:
            raise CandidateNotFoundError(candidate_id)
    return rows
