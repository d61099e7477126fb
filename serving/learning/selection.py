"""Choices of what to label next: ordered by a person, made by a worker, read by pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from detection.domain.errors import HazardLensError
from serving.audit.log import Actor, Subject, record
from serving.db.repeats import find_repeat
from serving.db.tables import SelectionPickRow, SelectionRow
from serving.learning.selection_choice import Chosen
from serving.learning.selection_errors import SelectionNotFoundError, SelectionNotReadyError
from serving.learning.selection_wish import SelectionWish, settings_from_wish


def add_selection(
    session: Session, actor: Actor, wish: SelectionWish, idempotency_key: str | None = None
) -> tuple[SelectionRow, bool]:
    """Write down an order and say whether it is new; under the same key the first is returned."""
    known = find_repeat(session, SelectionRow, actor.user_id, idempotency_key)
    if known is not None:
        return known, False
    row = SelectionRow(
        budget=wish.budget,
        settings=settings_from_wish(wish),
        user_id=actor.user_id,
        username=actor.username,
        idempotency_key=idempotency_key,
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    record(
        session,
        actor,
        "order_selection",
        Subject("selection", str(row.id)),
        after={"budget": wish.budget, "settings": settings_from_wish(wish)},
    )
    return row, True


def get_selection(session: Session, selection_id: int) -> SelectionRow:
    """Return a selection.

    Raises:
        SelectionNotFoundError: there is none with this number.
    """
    row = session.get(SelectionRow, selection_id)
    if row is None:
        raise SelectionNotFoundError(selection_id)
    return row


def list_selections(
    session: Session, *, limit: int, before_id: int | None = None
) -> list[SelectionRow]:
    """Return up to ``limit`` selections, the latest first."""
    statement = select(SelectionRow).order_by(SelectionRow.id.desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(SelectionRow.id < before_id)
    return list(session.scalars(statement))


def list_picks(session: Session, selection_id: int) -> list[SelectionPickRow]:
    """Return what was chosen, the first to label in front."""
    statement = select(SelectionPickRow).where(SelectionPickRow.selection_id == selection_id)
    return list(session.scalars(statement.order_by(SelectionPickRow.rank)))


def store_picks(
    session: Session, row: SelectionRow, picks: Sequence[Chosen], summary: Mapping[str, object]
) -> None:
    """Write what was chosen; the selection is made then."""
    values = [
        {
            "selection_id": row.id,
            "rank": rank,
            "kind": "candidate" if each.candidate_id else "photo",
            "photo_id": each.photo_id,
            "candidate_id": each.candidate_id,
            "detection_id": each.detection_id,
            "hazard_class": each.hazard_class,
            "total": each.pick.total,
            "uncertainty": each.pick.uncertainty,
            "diversity": each.pick.diversity,
            "rarity": each.pick.rarity,
            "disagreement": each.pick.disagreement,
            "novelty": each.pick.novelty,
            "reason": each.reason,
            "evidence": dict(each.evidence),
        }
        for rank, each in enumerate(picks, start=1)
    ]
    session.execute(insert(SelectionPickRow), values)
    row.summary = dict(summary)
    row.state = "done"
    row.finished_at = datetime.now(UTC)


def fail_selection(row: SelectionRow, error: HazardLensError) -> None:
    """End a selection that cannot be made."""
    row.state = "failed"
    row.finished_at = datetime.now(UTC)
    row.failure_code, row.failure_message = error.code, error.message
    row.failure_remedy = error.remedy


def lock_to_send(session: Session, selection_id: int) -> SelectionRow:
    """Return a selection that can be sent to be drawn, locked until the transaction ends.

    Raises:
        SelectionNotFoundError: there is none with this number.
        SelectionNotReadyError: it is not made.
    """
    get_selection(session, selection_id)
    statement = select(SelectionRow).where(SelectionRow.id == selection_id).with_for_update()
    row = session.scalars(statement.execution_options(populate_existing=True)).one()
    if row.state != "done":
        raise SelectionNotReadyError(row.state)
    return row


def mark_sent(session: Session, row: SelectionRow, actor: Actor) -> None:
    """Write down that a selection was sent to be drawn, and when for the first time."""
    record(
        session,
        actor,
        "send_selection",
        Subject("selection", str(row.id)),
        before={"sent": row.sent_at is not None},
        after={"sent": True},
    )
    if row.sent_at is None:
        row.sent_at = datetime.now(UTC)
        row.sent_by = actor.user_id
