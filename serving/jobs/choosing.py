"""Choose what to label next, as somebody ordered it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.domain.errors import HazardLensError
from serving.audit.log import Actor
from serving.db.tables import SelectionRow
from serving.jobs.context import WorkerContext
from serving.jobs.queue import LEARNING_QUEUE, defer
from serving.learning.selection import add_selection, fail_selection, store_picks
from serving.learning.selection_choice import choose_photos
from serving.learning.selection_wish import SelectionWish, wish_from_settings

CHOOSE_PHOTOS: Final = "hazardlens.choose_photos"


def order_selection(
    session: Session, actor: Actor, wish: SelectionWish, idempotency_key: str | None = None
) -> SelectionRow:
    """Order a choice of photos; sent twice under one key, it is made once."""
    row, is_new = add_selection(session, actor, wish, idempotency_key)
    if is_new:
        defer(session, CHOOSE_PHOTOS, lane=LEARNING_QUEUE, selection_id=row.id)
    return row


def choose(context: WorkerContext, selection_id: int) -> None:
    """Make a choice and store it, in one transaction; one that is made is left as it is."""
    with context.sessions.begin() as session:
        row = _lock_queued(session, selection_id)
        if row is None:
            return
        wish = wish_from_settings(row.budget, row.settings)
        try:
            picks, summary = choose_photos(session, wish, seed=row.id)
        except HazardLensError as error:
            fail_selection(row, error)
            return
        store_picks(session, row, picks, summary)


def give_up(context: WorkerContext, selection_id: int, error: HazardLensError) -> None:
    """End a choice that breaks off again and again."""
    with context.sessions.begin() as session:
        row = _lock_queued(session, selection_id)
        if row is not None:
            fail_selection(row, error)


def _lock_queued(session: Session, selection_id: int) -> SelectionRow | None:
    queued = SelectionRow.id == selection_id, SelectionRow.state == "queued"
    return session.scalar(select(SelectionRow).where(*queued).with_for_update())
