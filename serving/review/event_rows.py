"""Rows of ``review_events``: read, turned into what the machines understand, appended."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.db.tables import ReviewEventRow
from serving.review.decision import CandidateState, Event, Verdict
from serving.review.reviewer import Reviewer
from serving.review.trail import record_review_event


def list_events(session: Session, candidate_id: int) -> list[ReviewEventRow]:
    """Return everything that was done to a candidate, oldest first."""
    statement = select(ReviewEventRow).where(ReviewEventRow.candidate_id == candidate_id)
    return list(session.scalars(statement.order_by(ReviewEventRow.id)))


def events_from_rows(rows: Iterable[ReviewEventRow]) -> list[Event]:
    """Return rows as the decision machine and the machine of second looks read them."""
    return [
        Event(
            row.id,
            Verdict(row.verdict) if row.verdict else None,
            row.undoes,
            row.task_id,
            is_opinion=row.kind == "opinion",
        )
        for row in rows
    ]


def append_event(
    session: Session,
    reviewer: Reviewer,
    event: ReviewEventRow,
    *,
    states: tuple[CandidateState, CandidateState],
    key: str | None,
) -> ReviewEventRow:
    """Write an act with the states before and after it, and its entry of the audit log."""
    event.state_before, event.state_after = states[0].value, states[1].value
    event.user_id = reviewer.user_id
    event.username = reviewer.username
    event.role = reviewer.role
    event.idempotency_key = key
    session.add(event)
    session.flush()
    record_review_event(session, event)
    return event
