"""What the review panel says of corrections: who said what, and what can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from serving.accounts.roles import Permission, Role, is_allowed
from serving.accounts.users import Person
from serving.api.correction_schemas import CorrectionItem
from serving.api.review_schemas import CandidateAnswer
from serving.web.i18n import N_
from serving.web.rendering import Words


@dataclass(frozen=True, slots=True)
class CorrectionView:
    """One correction in the history of a candidate; ``photo`` is empty for the candidate's own."""

    id: int
    label: str
    photo: str
    username: str
    created_at: datetime
    note: str | None
    is_undone: bool
    can_undo: bool


def list_corrections(
    candidate: CandidateAnswer, person: Person, words: Words
) -> list[CorrectionView]:
    """Return the corrections, latest first; only the last standing one of each can be undone."""
    may_decide = is_allowed(person.role, Permission.DECIDE)
    names = {each.detection_id: each.photo_name for each in candidate.sightings}
    return [
        CorrectionView(
            id=each.id,
            label=_label(each, words),
            photo=names.get(each.detection_id or 0, "").rsplit("/", 1)[-1],
            username=each.made_by,
            created_at=each.made_at,
            note=each.note,
            is_undone=each.undone,
            can_undo=may_decide
            and each.is_last
            and (each.made_by == person.username or person.role is Role.ADMIN),
        )
        for each in reversed(candidate.corrections)
    ]


def _label(item: CorrectionItem, words: Words) -> str:
    if item.class_before is None or item.class_after is None:
        return words.translate(N_("Box corrected"))
    before, after = words.class_name(item.class_before), words.class_name(item.class_after)
    return f"{before} → {after}"
