"""Claims with a lease: a candidate that one person looks at is offered to nobody else.

A claim ends with the decision, when the person lets go or signs out, and when its lease has run
out without a sign of life. One that has ended may be taken by anybody. Nobody needs a claim to
decide: it only keeps others away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from serving.db.tables import CandidateRow, ClaimRow
from serving.review.errors import CandidateMergedError, ClaimedByOtherError
from serving.review.rules import load_rules
from serving.review.seen import lock_rows


@dataclass(frozen=True, slots=True)
class Holder:
    """Who claims, as others will read it."""

    user_id: int
    username: str


def claim(
    session: Session, holder: Holder, candidate_id: int, *, take_over: bool = False
) -> ClaimRow:
    """Claim one candidate, or renew the claim on it.

    Raises:
        CandidateNotFoundError: there is no such candidate.
        CandidateMergedError: it was merged into another.
        ClaimedByOtherError: somebody else holds it, and ``take_over`` is not wanted.
    """
    row = lock_rows(session, [candidate_id])[candidate_id]
    if row.merged_into is not None:
        raise CandidateMergedError(candidate_id, row.merged_into)
    if not take(session, holder, [candidate_id], take_over=take_over):
        check_free(session, candidate_id, holder.user_id)
    claim_row = session.get(ClaimRow, candidate_id, populate_existing=True)
    if claim_row is None:
        message = f"the claim on candidate {candidate_id} went while it was locked"
        raise RuntimeError(message)
    return claim_row


def take(
    session: Session, holder: Holder, candidate_ids: Collection[int], *, take_over: bool = False
) -> set[int]:
    """Claim what nobody else holds, and return what is the holder's now.

    Every claim has the candidate as its key, and is overwritten only where it has ended or is the
    holder's own: of two who reach out for one candidate, one gets it.
    """
    if not candidate_ids:
        return set()
    values = [
        {
            "candidate_id": candidate_id,
            "user_id": holder.user_id,
            "username": holder.username,
            "expires_at": _lease_end(),
        }
        for candidate_id in sorted(candidate_ids)
    ]
    statement = insert(ClaimRow).values(values)
    new = statement.excluded
    is_own = ClaimRow.user_id == new.user_id
    statement = statement.on_conflict_do_update(
        index_elements=[ClaimRow.candidate_id],
        set_={"user_id": new.user_id, "username": new.username, "expires_at": new.expires_at},
        where=None if take_over else or_(is_own, ClaimRow.expires_at <= func.clock_timestamp()),
    )
    return set(session.scalars(statement.returning(ClaimRow.candidate_id)))


def renew(session: Session, user_id: int, candidate_ids: Iterable[int]) -> set[int]:
    """Lengthen the leases of a person; returns those that are still theirs.

    A lease that ran out while nobody else took the candidate goes on.
    """
    mine = (
        select(ClaimRow.candidate_id)
        .where(ClaimRow.user_id == user_id, ClaimRow.candidate_id.in_(list(candidate_ids)))
        .order_by(ClaimRow.candidate_id)  # as everybody does, so that nobody waits for each other
        .with_for_update()
    )
    held = list(session.scalars(mine))
    longer = update(ClaimRow).where(ClaimRow.candidate_id.in_(held), ClaimRow.user_id == user_id)
    session.execute(longer.values(expires_at=_lease_end()))
    return set(held)


def end_claim(session: Session, candidate_id: int, user_id: int) -> None:
    """End a person's claim on a candidate; nothing to end is fine."""
    end_claims(session, user_id, [candidate_id])


def end_claims(session: Session, user_id: int, candidate_ids: Iterable[int]) -> None:
    """End a person's claims on some candidates."""
    session.execute(
        delete(ClaimRow).where(
            ClaimRow.user_id == user_id, ClaimRow.candidate_id.in_(list(candidate_ids))
        )
    )


def end_all(session: Session, user_id: int) -> None:
    """End everything that a person holds: they have gone."""
    session.execute(delete(ClaimRow).where(ClaimRow.user_id == user_id))


def check_free(session: Session, candidate_id: int, user_id: int) -> None:
    """Refuse where somebody else holds a candidate.

    Raises:
        ClaimedByOtherError: somebody does.
    """
    for row in held_by_others(session, [candidate_id], user_id).values():
        raise ClaimedByOtherError(candidate_id, row.username, row.expires_at)


def held_by_others(
    session: Session, candidate_ids: Iterable[int], user_id: int
) -> dict[int, ClaimRow]:
    """Return the claims of others on some candidates, by candidate."""
    held = list_claims(session, candidate_ids)
    return {each: row for each, row in held.items() if row.user_id != user_id}


def list_claims(session: Session, candidate_ids: Iterable[int]) -> dict[int, ClaimRow]:
    """Return the claims in force on some candidates, by candidate."""
    statement = select(ClaimRow).where(
        ClaimRow.candidate_id.in_(list(candidate_ids)), ClaimRow.expires_at > func.now()
    )
    rows = session.scalars(statement.execution_options(populate_existing=True))
    return {row.candidate_id: row for row in rows}


def list_holders(session: Session) -> Sequence[tuple[str, int, datetime]]:
    """Return who holds how many candidates, and until when at most, by name."""
    last = func.max(ClaimRow.expires_at)
    statement = (
        select(ClaimRow.username, func.count(), last)
        .where(ClaimRow.expires_at > func.now())
        .group_by(ClaimRow.username)
        .order_by(ClaimRow.username)
    )
    return [(name, number, until) for name, number, until in session.execute(statement)]


def free_for(user_id: int) -> ColumnElement[bool]:
    """Return the condition that nobody but this person holds a candidate."""
    return ~exists().where(
        ClaimRow.candidate_id == CandidateRow.id,
        ClaimRow.user_id != user_id,
        ClaimRow.expires_at > func.now(),
    )


def _lease_end() -> ColumnElement[datetime]:
    """Return when a lease that begins now ends, by the clock of the database alone."""
    lease = func.make_interval(0, 0, 0, 0, 0, 0, load_rules().claims.lease_s)
    return func.clock_timestamp() + lease
