"""Pages of what to label next: order a selection, see why each photo was chosen, have it drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from serving.api.schemas import MAX_ID
from serving.api.selection_schemas import MAX_BUDGET, PickItem
from serving.api.selection_views import find_drawn, view_picks, view_selections
from serving.deps import ModelReader, SessionDep
from serving.learning.selection import get_selection, list_picks, list_selections
from serving.learning.selection_wish import SelectionWish
from serving.web.learning_labels_selection import PARTS, REASONS, SELECTION_STATES
from serving.web.rendering import Words, render, words_for
from serving.web.review_pages import class_names
from serving.web.selection_words import explain_pick

router = APIRouter(include_in_schema=False)

LATEST = 50
CARDS = 60
PATH = "/selection"
PERIODS = (30, 90, 365)
EMPTY_SHARES = (0, 10, 20, 50)


@dataclass(frozen=True, slots=True)
class PickCard:
    """One chosen photo: ``bars`` are (name, value, whether it did most), ``why`` sentences."""

    pick: PickItem
    reason: str
    bars: list[tuple[str, float, bool]]
    why: list[str]


@dataclass(frozen=True, slots=True)
class PickFilter:
    """Which of the chosen photos to show, and which page of them; empty: all."""

    reason: Annotated[str, Query(max_length=24)] = ""
    hazard_class: Annotated[str, Query(max_length=40)] = ""
    drawn: Annotated[str, Query(pattern=r"^(yes|no)?$")] = ""
    page: Annotated[int, Query(ge=1, le=MAX_BUDGET)] = 1

    def fits(self, pick: PickItem) -> bool:
        """Whether to show a photo."""
        return (
            self.reason in {"", pick.reason}
            and self.hazard_class in {"", pick.hazard_class}
            and self.drawn in {"", "yes" if pick.is_drawn else "no"}
        )


@router.get(PATH)
def show_selections(request: Request, person: ModelReader, session: SessionDep) -> Response:
    """Show the selections that were made, and the form to order another one."""
    words = words_for(request)
    context = _context(words) | {
        "selections": view_selections(session, list_selections(session, limit=LATEST)),
        "wish": SelectionWish(budget=100),
        "max_budget": MAX_BUDGET,
        "periods": PERIODS,
        "empty_shares": EMPTY_SHARES,
        "class_names": class_names(words),
    }
    return render(request, "selection.html", person=person, context=context)


@router.get(PATH + "/{selection_id}")
def show_selection(
    request: Request,
    selection_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    person: ModelReader,
    session: SessionDep,
    wanted: Annotated[PickFilter, Depends()],
) -> Response:
    """Show the chosen photos in their order, and why each was chosen."""
    words = words_for(request)
    row = get_selection(session, selection_id)
    rows = list_picks(session, selection_id)
    picks = view_picks(rows, find_drawn(session, [each.photo_id for each in rows]))
    shown = [each for each in picks if wanted.fits(each)]
    first = (wanted.page - 1) * CARDS
    context = _context(words) | {
        "selection": view_selections(session, [row])[0],
        "cards": [_card(each, words) for each in shown[first : first + CARDS]],
        "wanted": wanted,
        "total": len(shown),
        "pages": max(1, -(-len(shown) // CARDS)),
        "reasons": {
            code: text for code, text in REASONS.items() if any(p.reason == code for p in picks)
        },
        "classes": sorted({each.hazard_class for each in picks if each.hazard_class}),
    }
    return render(request, "selection_picks.html", person=person, context=context)


def _context(words: Words) -> dict[str, Any]:
    return {
        "section": "models",
        "learning_section": PATH,
        "selection_state_label": lambda code: words.label(SELECTION_STATES, code),
        "part_names": PARTS,
        "explain": words.explain,
    }


def _card(pick: PickItem, words: Words) -> PickCard:
    parts = pick.parts.model_dump()
    return PickCard(
        pick=pick,
        reason=words.label(REASONS, pick.reason),
        bars=[
            (words.translate(name), parts[part], REASONS.get(pick.reason) == name)
            for part, name in PARTS.items()
        ],
        why=explain_pick(pick, words),
    )
