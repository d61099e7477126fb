"""The list of hazards: candidates that a person confirmed."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from serving.accounts.users import Person
from serving.api.cursors import cursor_from_hazard, hazard_from_cursor
from serving.deps import HazardReader, SessionDep
from serving.ledger.hazards import Hazard, HazardPosition, list_hazards, list_points
from serving.review.blind.tasks import blind_condition
from serving.review.queue_filter import QueueFilter
from serving.review.tallies import count_states
from serving.web.rendering import render, words_for
from serving.web.review_pages import class_names

router = APIRouter(include_in_schema=False)

PAGE_SIZE = 50


@router.get("/hazards")
def show_hazards(request: Request, person: HazardReader, session: SessionDep) -> Response:
    """Show the latest confirmations with a map."""
    total = count_states(session, QueueFilter(viewer_id=person.user_id))["confirmed"]
    hidden = blind_condition(person.user_id)
    context = _load_page(session, person, None) | {
        "section": "hazards",
        "total": total,
        "has_map": bool(list_points(session, limit=1, hidden=hidden)),
        "class_names": class_names(words_for(request)),
    }
    return render(request, "hazards.html", person=person, context=context)


@router.get("/hazards/rows")
def show_hazard_rows(
    request: Request, person: HazardReader, session: SessionDep, cursor: str
) -> Response:
    """Return the next rows of the list."""
    context = _load_page(session, person, cursor)
    return render(request, "hazard_rows.html", person=person, context=context)


def _load_page(session: Session, person: Person, cursor: str | None) -> dict[str, object]:
    rows = list_hazards(
        session,
        limit=PAGE_SIZE + 1,
        after=hazard_from_cursor(cursor),
        hidden=blind_condition(person.user_id),
    )
    shown = rows[:PAGE_SIZE]
    next_cursor = _cursor_after(shown[-1]) if len(rows) > PAGE_SIZE else None
    return {"hazards": shown, "next_cursor": next_cursor}


def _cursor_after(hazard: Hazard) -> str:
    return cursor_from_hazard(HazardPosition(hazard.confirmed_at, hazard.hazard_id))
