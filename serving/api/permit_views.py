"""Permits as they look from outside: what holds, and the history."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from serving.api.permit_schemas import PermitCheckItem, PermitsAnswer, PermitState
from serving.db.permit_books import ANSWER, Permit, PermitAnswer, PermitBook, load_permits
from serving.db.tables import CandidateRow, PermitEventRow
from serving.review.blind.masks import load_mask
from serving.review.correction_events import load_corrections
from serving.review.permits import CHECKED_CLASSES


@dataclass(frozen=True, slots=True)
class _Look:
    """What one person sees: the answers, and whether the names of others are withheld."""

    book: PermitBook
    user_id: int
    in_dispute: bool


def view_permits(session: Session, row: CandidateRow, user_id: int) -> PermitsAnswer:
    """Return the checklist of a candidate as one person may see it.

    Who reviews blind sees their own answers alone; while two disagree nobody sees the other's name.
    """
    mask = load_mask(session, user_id, row.id)
    blind_user = user_id if mask.is_blind else None
    corrections = load_corrections(session, row, seen_blind_by=blind_user)
    book = load_permits(session, row.id, seen_blind_by=blind_user)
    look = _Look(book, user_id, mask.in_dispute)
    return PermitsAnswer(
        is_asked=HazardClass(corrections.class_of_candidate(row)) in CHECKED_CLASSES,
        permits=[_view_state(look, permit) for permit in Permit],
        history=[_view_item(look, event) for event in book.events if event.kind == ANSWER],
    )


def _view_state(look: _Look, permit: Permit) -> PermitState:
    standing = look.book.standing_on(permit)
    item = None if standing is None else _view_item(look, standing)
    return PermitState(permit=permit, standing=item)


def _view_item(look: _Look, event: PermitEventRow) -> PermitCheckItem:
    standing = look.book.standing_on(event.permit)
    is_withheld = look.in_dispute and event.user_id != look.user_id
    return PermitCheckItem(
        id=event.id,
        permit=Permit(event.permit),
        answer=PermitAnswer(str(event.answer)),
        note=event.note,
        undone=event.id in look.book.undone,
        is_last=standing is not None and standing.id == event.id,
        made_by="" if is_withheld else event.username,
        made_at=event.created_at,
    )
