"""Rows to answers: selections of what to label, and what was chosen."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serving.api.selection_schemas import PickItem, PickParts, SelectionFailure, SelectionItem
from serving.db.label_annotations import list_standing
from serving.db.tables import SelectionPickRow, SelectionRow


def view_selections(session: Session, rows: Sequence[SelectionRow]) -> list[SelectionItem]:
    """Return selections with how much of each is chosen and drawn."""
    photos = list_photos(session, [row.id for row in rows])
    drawn = find_drawn(session, {photo for chosen in photos.values() for photo in chosen})
    return [
        SelectionItem.model_validate(
            {
                "id": row.id,
                "state": row.state,
                "budget": row.budget,
                "settings": row.settings,
                "summary": row.summary,
                "error": _failure_of(row),
                "chosen": len(photos.get(row.id, ())),
                "drawn": len(drawn.intersection(photos.get(row.id, ()))),
                "ordered_by": row.username,
                "created_at": row.created_at,
                "finished_at": row.finished_at,
                "sent_at": row.sent_at,
            }
        )
        for row in rows
    ]


def view_picks(rows: Sequence[SelectionPickRow], drawn: Collection[int]) -> list[PickItem]:
    """Return picks; ``drawn`` are the photos that somebody has drawn."""
    return [
        PickItem.model_validate(
            {
                "rank": row.rank,
                "kind": row.kind,
                "photo_id": row.photo_id,
                "candidate_id": row.candidate_id,
                "hazard_class": row.hazard_class,
                "total": row.total,
                "parts": PickParts.model_validate(row),
                "reason": row.reason,
                "evidence": row.evidence,
                "is_drawn": row.photo_id in drawn,
            }
        )
        for row in rows
    ]


def list_photos(session: Session, selection_ids: Collection[int]) -> dict[int, Sequence[int]]:
    """Return the photos of selections, by the selection's number."""
    pick = SelectionPickRow
    statement = (
        select(pick.selection_id, func.array_agg(pick.photo_id))
        .where(pick.selection_id.in_(list(selection_ids)))
        .group_by(pick.selection_id)
    )
    return dict(session.execute(statement).all())


def find_drawn(session: Session, photo_ids: Collection[int]) -> frozenset[int]:
    """Return which of these photos somebody has drawn."""
    if not photo_ids:
        return frozenset()
    return frozenset(row.photo_id for row in list_standing(session, photo_ids))


def _failure_of(row: SelectionRow) -> SelectionFailure | None:
    if row.failure_code is None:
        return None
    message = row.failure_message or ""
    return SelectionFailure(code=row.failure_code, message=message, remedy=row.failure_remedy)
