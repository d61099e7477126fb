"""Two flights of one place, photo by photo, under a swipe."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from serving.api.schemas import MAX_ID
from serving.deps import FlightReader, SessionDep
from serving.flights.catalogue import get_flight
from serving.flights.place_views import list_flights_nearby, list_photos_near
from serving.web.rendering import render

router = APIRouter(include_in_schema=False)

FlightId = Annotated[int, Path(ge=1, le=MAX_ID)]
MAX_OFFERED = 50


@router.get("/flights/{flight_id}/compare")
def show_comparison(
    request: Request,
    person: FlightReader,
    session: SessionDep,
    flight_id: FlightId,
    other: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> Response:
    """Show a flight beside another of the place; without ``other`` the newest one."""
    offered = list_flights_nearby(session, flight_id, MAX_OFFERED)
    chosen = next((row for row in offered if row.id == other), None)
    if other is None and offered:
        chosen = offered[0]
    context = {
        "section": "flights",
        "flight": get_flight(session, flight_id),
        "offered": offered,
        "compared": chosen,
        "near_photos": list_photos_near(session, flight_id, chosen.id) if chosen else [],
    }
    return render(request, "flight_compare.html", person=person, context=context)
