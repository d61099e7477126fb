"""The review queue and the screen on which one candidate is decided."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from detection.taxonomy import load_taxonomy
from serving.accounts.preferences import load_keys
from serving.accounts.roles import Permission, is_allowed
from serving.accounts.users import Person
from serving.api.cursors import cursor_from_queue, queue_from_cursor
from serving.api.queue_views import view_queue_items
from serving.api.schemas import MAX_ID
from serving.api.views import view_candidate
from serving.deps import QueueReader, SessionDep
from serving.flights.catalogue import get_flight
from serving.review.claims import Holder, list_holders
from serving.review.decision import CandidateState
from serving.review.queue import claim_next, list_candidates, position_of
from serving.review.tallies import count_queue
from serving.review.tiers import Tier
from serving.web.building_case import build_building_case
from serving.web.candidate_case import build_case
from serving.web.class_guide import list_guides
from serving.web.labels import CANDIDATE_STATES
from serving.web.queue_choices import list_choices
from serving.web.queue_query import QueryDep, QueueQuery
from serving.web.rendering import Words, render, words_for

router = APIRouter(include_in_schema=False)

CandidateId = Annotated[int, Path(ge=1, le=MAX_ID)]
PAGE_SIZE = 50


@router.get("/review")
def show_queue(
    request: Request, person: QueueReader, session: SessionDep, query: QueryDep
) -> Response:
    """Show the candidates of a filter, and how many there are in each state and tier."""
    counts = count_queue(session, query.filter_for(person.user_id))
    words = words_for(request)
    context = {
        "section": "review",
        "counts": counts,
        "in_all_tiers": sum(counts.tiers.values()),
        "candidate_states": list(CANDIDATE_STATES),
        "tiers": [tier.value for tier in Tier],
        "class_names": class_names(words),
        "choices": list_choices(session, query),
        "holders": list_holders(session),
        "filter": query,
        "filter_query_for": query.encode,
    }
    rows = _rows(session, person, query, None)
    return render(request, "review_list.html", person=person, context=context | rows)


@router.get("/review/rows")
def show_queue_rows(
    request: Request, person: QueueReader, session: SessionDep, query: QueryDep, cursor: str
) -> Response:
    """Return the next rows of the list."""
    context = _rows(session, person, query, cursor)
    return render(request, "candidate_rows.html", person=person, context=context)


@router.get("/review/start")
def start_reviewing(person: QueueReader, session: SessionDep, query: QueryDep) -> Response:
    """Go to the first candidate that nobody else is looking at, else back to the list."""
    wanted = query.filter_for(person.user_id)
    is_work = query.state is CandidateState.PENDING and is_allowed(person.role, Permission.DECIDE)
    found = (
        claim_next(session, Holder(person.user_id, person.username), wanted, count=1)
        if is_work
        else list_candidates(session, wanted, limit=1)
    )
    path = f"/review/{found[0].id}" if found else "/review"
    return RedirectResponse(f"{path}?{query.encode()}", HTTPStatus.SEE_OTHER)


@router.get("/review/{candidate_id}")
def show_candidate(
    request: Request,
    person: QueueReader,
    session: SessionDep,
    query: QueryDep,
    candidate_id: CandidateId,
) -> Response:
    """Show one candidate with everything that helps to decide."""
    words = words_for(request)
    counts = count_queue(session, query.filter_for(person.user_id))
    context = {
        "section": "review",
        "filter": query,
        "filter_query": query.encode(),
        "remaining": counts.states[query.state],
        "class_names": class_names(words),
        "own_keys": load_keys(session, person.user_id),
        "state_names": {code: words.translate(text) for code, text in CANDIDATE_STATES.items()},
        "guides": list_guides(words.language),
    }
    case = _case(session, person, words, candidate_id)
    return render(request, "review_candidate.html", person=person, context=context | case)


@router.get("/review/{candidate_id}/panel")
def show_candidate_panel(
    request: Request, person: QueueReader, session: SessionDep, candidate_id: CandidateId
) -> Response:
    """Return what changes on the screen when the reviewer goes to another candidate."""
    case = _case(session, person, words_for(request), candidate_id)
    return render(request, "review_panel.html", person=person, context=case)


def _case(session: Session, person: Person, words: Words, candidate_id: int) -> dict[str, object]:
    candidate = view_candidate(session, candidate_id, person.user_id)
    flight = get_flight(session, candidate.flight_id)
    case = build_case(candidate, flight.name, person, words)
    return case | build_building_case(session, candidate, person, words)


def _rows(
    session: Session, person: Person, query: QueueQuery, cursor: str | None
) -> dict[str, object]:
    wanted = query.filter_for(person.user_id)
    after = queue_from_cursor(cursor)
    rows = list_candidates(session, wanted, limit=PAGE_SIZE + 1, after=after)
    shown = rows[:PAGE_SIZE]
    has_more = len(rows) > PAGE_SIZE
    return {
        "candidates": view_queue_items(session, shown, person.user_id),
        "flight_names": _flight_names(session, {row.flight_id for row in shown}),
        "filter_query": query.encode(),
        "next_cursor": cursor_from_queue(position_of(shown[-1])) if has_more else None,
    }


def _flight_names(session: Session, flight_ids: set[int]) -> dict[int, str]:
    return {flight_id: get_flight(session, flight_id).name for flight_id in flight_ids}


def class_names(words: Words) -> dict[str, str]:
    """Return the names of the classes that can be candidates, in the order of attention."""
    hazards = [entry for entry in load_taxonomy().values() if entry.is_hazard]
    ordered = sorted(hazards, key=lambda entry: entry.attention_order)
    return {entry.hazard_class.value: words.class_name(entry.hazard_class) for entry in ordered}
