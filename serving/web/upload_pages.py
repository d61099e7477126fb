"""Pages that send files: a new flight, a photo taken on site, and the receipt of what arrived."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from serving.api.schemas import MAX_ID
from serving.deps import FlightWriter, Services, ServicesDep, SessionDep
from serving.flights.catalogue import count_progress, get_flight
from serving.flights.errors import FlightNotOpenError
from serving.flights.finder import count_on_day, list_sites
from serving.web.flight_view import FlightView, view_flight
from serving.web.i18n import N_
from serving.web.reader_zone import zone_of
from serving.web.rendering import Words, render, words_for

router = APIRouter(include_in_schema=False)


FlightId = Annotated[int | None, Query(ge=1, le=MAX_ID)]


@router.get("/flights/new")
def show_new_flight(
    request: Request,
    person: FlightWriter,
    session: SessionDep,
    services: ServicesDep,
    flight_id: FlightId = None,
) -> Response:
    """Show the upload page, for a new flight or to go on with a draft.

    Raises:
        FlightNotOpenError: the flight was submitted already.
    """
    zone = zone_of(request)
    name = _suggest_name(session, words_for(request), datetime.now(zone).date(), zone)
    context = _load_form(session, services, flight_id) | {"suggested_name": name}
    return render(request, "flight_new.html", person=person, context=context)


@router.get("/flights/field")
def show_field_photo(
    request: Request,
    person: FlightWriter,
    session: SessionDep,
    services: ServicesDep,
    flight_id: FlightId = None,
) -> Response:
    """Show the page that turns photos of a phone into a street flight.

    Raises:
        FlightNotOpenError: the flight was submitted already.
    """
    now = datetime.now(zone_of(request)).strftime("%Y-%m-%d %H:%M")
    name = words_for(request).translate(N_("On site {time}"), time=now)
    context = _load_form(session, services, flight_id) | {"suggested_name": name}
    return render(request, "flight_field.html", person=person, context=context)


def _suggest_name(session: Session, words: Words, today: date, zone: tzinfo) -> str:
    """Return a name that tells the flights of one day apart."""
    number = count_on_day(session, today, zone) + 1
    if number == 1:
        return words.translate(N_("Flight of {date}"), date=today)
    return words.translate(N_("Flight {number} of {date}"), number=number, date=today)


def _load_form(session: Session, services: Services, flight_id: int | None) -> dict[str, object]:
    return {
        "section": "flights",
        "flight": None if flight_id is None else _load_draft(session, flight_id),
        "sites": list_sites(session),
        "max_photo_bytes": services.settings.max_upload_bytes,
        "max_archive_bytes": services.settings.max_transfer_bytes,
    }


def _load_draft(session: Session, flight_id: int) -> FlightView:
    row = get_flight(session, flight_id)
    if row.state != "draft":
        raise FlightNotOpenError(row.state)
    return view_flight(row, count_progress(session, [row.id])[row.id])
