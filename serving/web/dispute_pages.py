"""The arbiter's page: one candidate, the two verdicts side by side, unnamed until it is decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from serving.accounts.preferences import load_keys
from serving.accounts.users import Person
from serving.api.schemas import MAX_ID
from serving.api.second_review import ArbiterDep
from serving.api.views import view_candidate
from serving.deps import SessionDep
from serving.review.blind.disputes import Dispute, Side, get_dispute, list_disputes
from serving.review.blind.statistics import count_waiting
from serving.web.i18n import N_
from serving.web.labels import STATE_OF_VERDICT, VERDICTS
from serving.web.rendering import Words, render, words_for

router = APIRouter(include_in_schema=False)

MAX_LISTED = 100
MAX_CROPS = 8
KINDS: Final[dict[str, str]] = {
    "urgent": N_("Second look at the urgent tier"),
    "sample": N_("Second look drawn by chance"),
    "asked": N_("Somebody asked for a second opinion"),
}

DisputeNumber = Annotated[int, Path(ge=1, le=MAX_ID)]


@dataclass(frozen=True, slots=True)
class SideView:
    """What one of the two said, in words."""

    letter: str
    label: str
    tag: str
    side: Side


@router.get("/disputes")
def show_disputes(
    request: Request,
    person: ArbiterDep,
    session: SessionDep,
    current: Annotated[int | None, Query(alias="id", ge=1, le=MAX_ID)] = None,
) -> Response:
    """Show the disputes that wait, and the first of them, or the one in the address, in full."""
    waiting = list_disputes(session, limit=MAX_LISTED)
    ids = [each.id for each in waiting]
    chosen = waiting[ids.index(current)] if current in ids else next(iter(waiting), None)
    words = words_for(request)
    context = {
        "section": "disputes",
        "disputes": waiting,
        "total": count_waiting(session).disputed,
        "own_keys": load_keys(session, person.user_id),
        "dispute": chosen,
    }
    case = _case(session, person, words, chosen) if chosen else {}
    return render(request, "disputes.html", person=person, context=context | case)


@router.get("/disputes/{dispute_id}/panel")
def show_dispute_panel(
    request: Request, person: ArbiterDep, session: SessionDep, dispute_id: DisputeNumber
) -> Response:
    """Return one dispute, settled or not; settled, with the names."""
    context = _case(session, person, words_for(request), get_dispute(session, dispute_id))
    return render(request, "dispute_panel.html", person=person, context=context)


def _case(session: Session, person: Person, words: Words, dispute: Dispute) -> dict[str, object]:
    candidate = view_candidate(session, dispute.candidate_id, person.user_id)
    own = [
        event.id
        for event in candidate.history
        if event.kind == "decision" and not event.undone and event.made_by == person.username
    ]
    return {
        "dispute": dispute,
        "candidate": candidate,
        "sides": [
            _side(side, letter, words) for side, letter in zip(dispute.sides, "AB", strict=True)
        ],
        "why": words.label(KINDS, dispute.kind),
        "crops": candidate.sightings[:MAX_CROPS],
        "undo_id": own[-1] if dispute.is_settled and own else None,
    }


def _side(side: Side, letter: str, words: Words) -> SideView:
    label = words.label(VERDICTS, side.verdict)
    return SideView(letter, label, STATE_OF_VERDICT[side.verdict], side)
