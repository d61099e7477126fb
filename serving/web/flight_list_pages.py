"""The list of flights with its search and its calendar."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from serving.accounts.users import Person
from serving.api.cursors import cursor_from_id, id_from_cursor
from serving.api.schemas import MAX_ID
from serving.deps import FlightReader, SessionDep
from serving.flights.catalogue import count_progress, get_flight
from serving.flights.change_epochs import count_new_and_stock, find_epochs
from serving.flights.finder import count_days, find_flights, list_sites
from serving.review.blind.tasks import awaits_condition
from serving.review.tallies import count_awaiting
from serving.web.flight_calendar import build_month, choose_month
from serving.web.flight_query import FlightQuery, FlightQueryDep
from serving.web.flight_view import view_flight
from serving.web.labels import FLIGHT_KINDS, FLIGHT_STATES
from serving.web.reader_zone import zone_of
from serving.web.rendering import render

router = APIRouter(include_in_schema=False)

FlightId = Annotated[int, Path(ge=1, le=MAX_ID)]
PAGE_SIZE = 50


@router.get("/flights")
def show_flights(
    request: Request, person: FlightReader, session: SessionDep, query: FlightQueryDep
) -> Response:
    """Show the newest flights that fit, and the month in which they were uploaded."""
    zone = zone_of(request)
    today = datetime.now(zone).date()
    first = choose_month(query.month, query.day, today)
    days = count_days(session, first, zone, awaits_condition(person.user_id))
    context = {
        "section": "flights",
        "query": query,
        "sites": list_sites(session),
        "flight_kinds": list(FLIGHT_KINDS),
        "flight_states": list(FLIGHT_STATES),
        "calendar": build_month(first, days, today),
        "zone": str(zone),
    }
    rows = _load_rows(request, session, person, query)
    return render(request, "flights.html", person=person, context=context | rows)


@router.get("/flights/rows")
def show_flight_rows(
    request: Request,
    person: FlightReader,
    session: SessionDep,
    query: FlightQueryDep,
    cursor: str,
) -> Response:
    """Return the next rows of the list."""
    context = _load_rows(request, session, person, query, cursor)
    return render(request, "flight_rows.html", person=person, context=context)


@router.get("/flights/{flight_id}/row")
def show_flight_row(
    request: Request, person: FlightReader, session: SessionDep, flight_id: FlightId
) -> Response:
    """Return one row of the list; a flight on its way asks for its own every few seconds."""
    row = get_flight(session, flight_id)
    views = [view_flight(row, count_progress(session, [flight_id])[flight_id])]
    context = {
        "flights": views,
        "pending": count_awaiting(session, [flight_id], person.user_id),
        "next_cursor": None,
        "query": FlightQuery(),
    } | _load_origins(session, [flight_id])
    return render(request, "flight_rows.html", person=person, context=context)


def _load_rows(
    request: Request,
    session: Session,
    person: Person,
    query: FlightQuery,
    cursor: str | None = None,
) -> dict[str, object]:
    wanted = query.filter_in(zone_of(request))
    before = id_from_cursor(cursor)
    rows = find_flights(session, wanted, limit=PAGE_SIZE + 1, before_id=before)
    shown = rows[:PAGE_SIZE]
    ids = [row.id for row in shown]
    progress = count_progress(session, ids)
    return {
        "flights": [view_flight(row, progress[row.id]) for row in shown],
        "pending": count_awaiting(session, ids, person.user_id),
        "next_cursor": cursor_from_id(shown[-1].id) if len(rows) > PAGE_SIZE else None,
        "query": query,
    } | _load_origins(session, ids)


def _load_origins(session: Session, flight_ids: list[int]) -> dict[str, object]:
    """Return which flights are baselines, and how much of what they show is new."""
    return {
        "epochs": find_epochs(session, flight_ids),
        "origins": count_new_and_stock(session, flight_ids),
    }
