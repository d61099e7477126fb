"""First-flight calibration: label suggested boxes of a camera, see what they say, apply it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from serving.accounts.preferences import load_keys
from serving.accounts.users import Person
from serving.api.schemas import MAX_ID
from serving.db.tables import CalibrationRow
from serving.deps import FlightReader, ServicesDep, SessionDep
from serving.flights.catalogue import get_flight
from serving.learning.calibration_errors import CalibrationNotFoundError
from serving.learning.calibrations import list_calibrations
from serving.web.calibration_card import load_calibration_card
from serving.web.calibration_case import load_case
from serving.web.learning_labels_calibration import EVENTS, STATES
from serving.web.rendering import Words, render, words_for

router = APIRouter(include_in_schema=False)

FlightId = Annotated[int, Path(ge=1, le=MAX_ID)]
Number = Annotated[int | None, Query(ge=1, le=MAX_ID)]
ModelName = Annotated[str | None, Query(max_length=100)]


@router.get("/flights/{flight_id}/calibration")
def show_calibration(
    request: Request,
    person: FlightReader,
    session: SessionDep,
    services: ServicesDep,
    flight_id: FlightId,
    *,
    calibration: Number = None,
    hazard_class: HazardClass | None = None,
    model: ModelName = None,
    box: Number = None,
) -> Response:
    """Show a calibration of a flight, the latest one without a number."""
    context = load_calibration_card(session, get_flight(session, flight_id))
    context |= _common(session, person, words_for(request), flight_id)
    row = _find(session, flight_id, calibration)
    if row is not None:
        context |= load_case(
            session,
            words_for(request),
            row,
            services.settings.models_dir,
            hazard_class=hazard_class,
            model=model,
            box_id=box,
        )
    return render(request, "calibration.html", person=person, context=context)


@router.get("/flights/{flight_id}/calibration/panel")
def show_calibration_panel(
    request: Request,
    person: FlightReader,
    session: SessionDep,
    services: ServicesDep,
    flight_id: FlightId,
    *,
    calibration: Number = None,
    hazard_class: HazardClass | None = None,
    model: ModelName = None,
    box: Number = None,
) -> Response:
    """Return the part of the page that changes with every label."""
    words = words_for(request)
    context = _common(session, person, words, flight_id)
    row = _find(session, flight_id, calibration)
    if row is None:
        raise CalibrationNotFoundError(calibration or 0)
    context |= load_case(
        session,
        words,
        row,
        services.settings.models_dir,
        hazard_class=hazard_class,
        model=model,
        box_id=box,
    )
    return render(request, "calibration_body.html", person=person, context=context)


@router.get("/flights/{flight_id}/cameras/panel")
def show_cameras_panel(
    request: Request, person: FlightReader, session: SessionDep, flight_id: FlightId
) -> Response:
    """Return the card of the flight page that tells of its cameras."""
    context = load_calibration_card(session, get_flight(session, flight_id))
    context |= calibration_words(words_for(request))
    return render(request, "flight_calibration_card.html", person=person, context=context)


def calibration_words(words: Words) -> dict[str, object]:
    """Return the words for codes that the templates of calibrations use."""
    return {
        "calibration_state_label": lambda code: words.label(STATES, code),
        "calibration_event_label": lambda code: words.label(EVENTS, code),
        "explain_problem": words.explain,
    }


def _common(session: Session, person: Person, words: Words, flight_id: int) -> dict[str, object]:
    return {
        "section": "flights",
        "flight": get_flight(session, flight_id),
        "own_keys": load_keys(session, person.user_id),
        "calibration": None,
    } | calibration_words(words)


def _find(session: Session, flight_id: int, number: int | None) -> CalibrationRow | None:
    rows = list_calibrations(session, flight_id)
    if number is None:
        return rows[0] if rows else None
    found = next((row for row in rows if row.id == number), None)
    if found is None:
        raise CalibrationNotFoundError(number)
    return found
