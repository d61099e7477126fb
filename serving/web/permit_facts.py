"""The checklist of permits as the review panel shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.accounts.roles import Permission, Role, is_allowed
from serving.accounts.users import Person
from serving.api.permit_schemas import PermitCheckItem, PermitsAnswer
from serving.web.labels import PERMIT_ANSWERS, PERMITS
from serving.web.rendering import Words


@dataclass(frozen=True, slots=True)
class SaidView:
    """One answer on a permit in words; ``username`` is empty where it is withheld."""

    item: PermitCheckItem
    permit: str
    answer: str
    can_undo: bool


@dataclass(frozen=True, slots=True)
class PermitView:
    """One line of the checklist; ``number`` is that of the paper, as the register has it."""

    permit: str
    label: str
    number: str
    standing: SaidView | None


def describe_permits(
    permits: PermitsAnswer, figures: Mapping[str, Any], person: Person, words: Words
) -> dict[str, object]:
    """Return the part of the panel's context that tells of the permits.

    ``figures`` are those of the building's finding, where the numbers of its papers stand.
    """
    said = [_view(each, person, words) for each in reversed(permits.history)]
    views = [
        PermitView(
            permit=state.permit,
            label=words.label(PERMITS, state.permit),
            number=str(figures.get(f"{state.permit}_permit") or ""),
            standing=None if state.standing is None else _view(state.standing, person, words),
        )
        for state in permits.permits
    ]
    return {
        "permits": views if permits.is_asked else [],
        "permit_answers": [(code, words.translate(text)) for code, text in PERMIT_ANSWERS.items()],
        "permit_names": {code: words.translate(text) for code, text in PERMITS.items()},
        # What holds stands in the checklist itself; asked no more, it is shown here.
        "permit_history": [each for each in said if not (permits.is_asked and each.item.is_last)],
    }


def _view(item: PermitCheckItem, person: Person, words: Words) -> SaidView:
    is_own = item.made_by == person.username or person.role is Role.ADMIN
    return SaidView(
        item=item,
        permit=words.label(PERMITS, item.permit),
        answer=words.label(PERMIT_ANSWERS, item.answer),
        can_undo=item.is_last and is_own and is_allowed(person.role, Permission.DECIDE),
    )
