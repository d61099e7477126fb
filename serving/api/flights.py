"""Flights: create, upload, submit, follow, cancel, try again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response, UploadFile
from fastapi.responses import JSONResponse

from detection.domain.photo import IngestFailure
from serving.api.cursors import cursor_from_id, id_from_cursor
from serving.api.paging import PageDep
from serving.api.problems import answer_problem, describe_problems, problem_from_failure
from serving.api.schemas import (
    MAX_ID,
    FlightAnswer,
    FlightCreated,
    FlightPage,
    FlightRequest,
    FlightStateAnswer,
    PhotoAccepted,
    PhotoPage,
)
from serving.api.upload_schemas import SubmitRequest
from serving.api.views import view_accepted, view_flight, view_flight_summary, view_photo_item
from serving.deps import FlightReader, FlightWriter, ServicesDep, SessionDep
from serving.flights import catalogue
from serving.flights.trail import flight_act, record_new_flight
from serving.flights.upload import receive_photo
from serving.jobs.flights import (
    cancel_flight,
    look_at_rest,
    reprocess_flight,
    retry_flight,
    submit_flight,
)

router = APIRouter(prefix="/flights", tags=["flights"])

FlightId = Annotated[int, Path(ge=1, le=MAX_ID)]


@router.post("", status_code=201, responses=describe_problems())
def create_flight(
    body: FlightRequest, person: FlightWriter, session: SessionDep, response: Response
) -> FlightCreated:
    """Open a flight for uploads."""
    row = catalogue.create_flight(
        session,
        name=body.name,
        kind=body.kind,
        site=body.site,
        views=body.views,
        created_by=person.user_id,
    )
    record_new_flight(session, person.actor, row)
    response.headers["Location"] = f"/api/v1/flights/{row.id}"
    return FlightCreated(id=row.id)


@router.get("", responses=describe_problems())
def list_flights(_: FlightReader, session: SessionDep, page: PageDep) -> FlightPage:
    """List flights, newest first."""
    before = id_from_cursor(page.cursor)
    rows = catalogue.list_flights(session, limit=page.probe, before_id=before)
    shown = rows[: page.limit]
    progress = catalogue.count_progress(session, [row.id for row in shown])
    return FlightPage(
        items=[view_flight_summary(row, progress[row.id]) for row in shown],
        next_cursor=cursor_from_id(shown[-1].id) if len(rows) > len(shown) else None,
    )


@router.get("/{flight_id}", responses=describe_problems(404))
def read_flight(flight_id: FlightId, _: FlightReader, session: SessionDep) -> FlightAnswer:
    """Return a flight with exact progress and every file that could not be used."""
    return view_flight(session, flight_id)


@router.post(
    "/{flight_id}/photos",
    status_code=201,
    response_model=PhotoAccepted,
    responses=describe_problems(404, 409, 413),
)
def upload_photo(
    flight_id: FlightId, file: UploadFile, _: FlightWriter, services: ServicesDep
) -> JSONResponse | PhotoAccepted:
    """Take one photo, or reject it by name. After a 201 the photo is on disk for good."""
    result = receive_photo(
        services.sessions,
        services.store,
        flight_id=flight_id,
        file_name=file.filename or "photo",
        stream=file.file,
        max_bytes=services.settings.max_upload_bytes,
    )
    if isinstance(result, IngestFailure):
        return answer_problem(problem_from_failure(result))
    return view_accepted(result)


@router.get("/{flight_id}/photos", responses=describe_problems(404))
def list_photos(
    flight_id: FlightId, _: FlightReader, session: SessionDep, page: PageDep
) -> PhotoPage:
    """List the photos of a flight with their positions, in the order of arrival."""
    catalogue.get_flight(session, flight_id)
    after = id_from_cursor(page.cursor)
    rows = catalogue.list_photos(session, flight_id, limit=page.probe, after_id=after)
    shown = rows[: page.limit]
    return PhotoPage(
        items=[view_photo_item(row) for row in shown],
        next_cursor=cursor_from_id(shown[-1].id) if len(rows) > len(shown) else None,
    )


@router.post("/{flight_id}/submit", status_code=202, responses=describe_problems(404, 409))
def submit(
    flight_id: FlightId,
    person: FlightWriter,
    session: SessionDep,
    body: SubmitRequest | None = None,
) -> FlightStateAnswer:
    """Close the flight for uploads and put it into the queue.

    Announced files that are not in yet stop it, unless it goes on without them.
    """
    leave_out_open = body is not None and body.leave_out_open
    with flight_act(session, person.actor, "submit_flight", flight_id):
        flight = submit_flight(session, flight_id, leave_out_open=leave_out_open)
    return FlightStateAnswer.model_validate(flight)


@router.post("/{flight_id}/cancel", responses=describe_problems(404, 409))
def cancel(flight_id: FlightId, person: FlightWriter, session: SessionDep) -> FlightStateAnswer:
    """Stop a flight; what was found so far stays."""
    with flight_act(session, person.actor, "cancel_flight", flight_id):
        flight = cancel_flight(session, flight_id)
    return FlightStateAnswer.model_validate(flight)


@router.post("/{flight_id}/retry", status_code=202, responses=describe_problems(404, 409))
def retry(flight_id: FlightId, person: FlightWriter, session: SessionDep) -> FlightStateAnswer:
    """Process again what failed or was cut off; what is done stays as it is."""
    with flight_act(session, person.actor, "retry_flight", flight_id):
        flight = retry_flight(session, flight_id)
    return FlightStateAnswer.model_validate(flight)


@router.post("/{flight_id}/reprocess", status_code=202, responses=describe_problems(404, 409))
def reprocess(flight_id: FlightId, person: FlightWriter, session: SessionDep) -> FlightStateAnswer:
    """Look at every photo anew, with the models and layers of now; decisions are kept."""
    with flight_act(session, person.actor, "reprocess_flight", flight_id):
        flight = reprocess_flight(session, flight_id)
    return FlightStateAnswer.model_validate(flight)


@router.post("/{flight_id}/rest", status_code=202, responses=describe_problems(404, 409))
def look_at_the_rest(
    flight_id: FlightId, person: FlightWriter, session: SessionDep
) -> FlightStateAnswer:
    """Look at the photos that were left out because others show their ground."""
    with flight_act(session, person.actor, "look_at_rest", flight_id):
        flight = look_at_rest(session, flight_id)
    return FlightStateAnswer.model_validate(flight)
