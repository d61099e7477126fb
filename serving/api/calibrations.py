"""First-flight calibration: label suggested boxes, see what they say, apply thresholds."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import FileResponse

from detection.calibration import document_from_calibration
from serving.accounts.roles import Permission, is_allowed
from serving.accounts.users import Person
from serving.api.calibration_schemas import (
    BoxList,
    CalibrationAnswer,
    CalibrationRequest,
    CalibrationSummary,
    EventItem,
    FlightCalibrations,
    LabelItem,
    LabelRequest,
    ThresholdsRequest,
    WithdrawalRequest,
)
from serving.api.calibration_views import (
    box_sides,
    view_boxes,
    view_calibration,
    view_flight_calibrations,
    view_summary,
)
from serving.api.candidates import IdempotencyKey
from serving.api.photos import photo_file
from serving.api.pictures import CACHE_SHORTLY, IMAGE_ANSWER, answer_picture
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID
from serving.db.tables import PhotoRow
from serving.deps import Calibrator, FlightReader, ModelManager, ServicesDep, SessionDep
from serving.flights.catalogue import get_flight
from serving.jobs.calibration_orders import order_calibration
from serving.learning.calibration_acts import Wanted, apply, propose, withdraw
from serving.learning.calibration_errors import CalibrationNotAppliedError
from serving.learning.calibration_labels import Labeller, get_box, label_box, undo_label
from serving.learning.calibrations import get_calibration
from serving.learning.calibrations_in_force import list_applied, make_calibration

router = APIRouter(tags=["calibration"])

FlightId = Annotated[int, Path(ge=1, le=MAX_ID)]
CalibrationId = Annotated[int, Path(ge=1, le=MAX_ID)]
BoxId = Annotated[int, Path(ge=1, le=MAX_ID)]


@router.get("/flights/{flight_id}/calibrations", responses=describe_problems(404))
def read_flight_calibrations(
    flight_id: FlightId, _: FlightReader, session: SessionDep
) -> FlightCalibrations:
    """Return the cameras of a flight, whether they are new, and their calibrations."""
    get_flight(session, flight_id)
    return view_flight_calibrations(session, flight_id)


@router.post(
    "/flights/{flight_id}/calibrations", status_code=202, responses=describe_problems(404, 409)
)
def start_calibration(
    flight_id: FlightId, body: CalibrationRequest, person: Calibrator, session: SessionDep
) -> CalibrationSummary:
    """Have photos of a camera looked at from the models' floor upwards; again is harmless."""
    row = order_calibration(session, person.actor, flight_id, body.camera, anew=body.anew)
    return view_summary(session, row)


@router.get("/calibrations/{calibration_id}", responses=describe_problems(404))
def read_calibration(
    calibration_id: CalibrationId, _: FlightReader, session: SessionDep, services: ServicesDep
) -> CalibrationAnswer:
    """Return what the labels say of every class, with errors, and what was done with it."""
    row = get_calibration(session, calibration_id)
    return view_calibration(session, row, services.settings.models_dir)


@router.get("/calibrations/{calibration_id}/boxes", responses=describe_problems(404))
def read_boxes(calibration_id: CalibrationId, _: FlightReader, session: SessionDep) -> BoxList:
    """List the boxes to be labelled, in their order, with what was said of them."""
    get_calibration(session, calibration_id)
    return view_boxes(session, calibration_id)


@router.get(
    "/calibrations/{calibration_id}/boxes/{box_id}/crop.jpg",
    response_class=FileResponse,
    responses=IMAGE_ANSWER | describe_problems(404),
)
def read_crop(
    calibration_id: CalibrationId, box_id: BoxId, _: FlightReader, services: ServicesDep
) -> FileResponse:
    """Return a box with what is round it."""
    with services.sessions() as session:  # given back before the picture is cut
        box = get_box(session, calibration_id, box_id)
        photo = session.get_one(PhotoRow, box.photo_id)
    path = services.derivatives.crop(photo_file(services, photo), photo.sha256, box_sides(box))
    return answer_picture(path, cache_control=CACHE_SHORTLY)


@router.post(
    "/calibrations/{calibration_id}/boxes/{box_id}/labels",
    status_code=201,
    responses=describe_problems(404, 409),
)
def label(
    calibration_id: CalibrationId,
    box_id: BoxId,
    *,
    body: LabelRequest,
    person: Calibrator,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> LabelItem:
    """Say whether a box shows its class; the latest that was not taken back stands."""
    row = label_box(
        session,
        Labeller(person.actor, idempotency_key),
        calibration_id,
        box_id,
        body.answer,
        hazard_class=body.hazard_class,
    )
    return LabelItem.model_validate(row)


@router.post(
    "/calibrations/{calibration_id}/labels/{label_id}/undo", responses=describe_problems(404, 409)
)
def undo(
    calibration_id: CalibrationId,
    label_id: BoxId,
    *,
    person: Calibrator,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> LabelItem:
    """Take back a label; what was said before it stands again."""
    labeller = Labeller(person.actor, idempotency_key)
    return LabelItem.model_validate(undo_label(session, labeller, calibration_id, label_id))


@router.post(
    "/calibrations/{calibration_id}/proposals",
    status_code=201,
    responses=describe_problems(404, 409),
)
def propose_thresholds(
    calibration_id: CalibrationId,
    *,
    body: ThresholdsRequest,
    person: Calibrator,
    session: SessionDep,
    services: ServicesDep,
    idempotency_key: IdempotencyKey = None,
) -> EventItem:
    """Propose thresholds that the labels bear out; an engineer applies them."""
    event = propose(
        session,
        Labeller(person.actor, idempotency_key),
        calibration_id,
        _wanted_by(person, body),
        services.settings.models_dir,
    )
    return EventItem.model_validate(event)


@router.post(
    "/calibrations/{calibration_id}/application",
    status_code=201,
    responses=describe_problems(404, 409),
)
def apply_thresholds(
    calibration_id: CalibrationId,
    *,
    body: ThresholdsRequest,
    person: ModelManager,
    session: SessionDep,
    services: ServicesDep,
    idempotency_key: IdempotencyKey = None,
) -> EventItem:
    """Have thresholds hold for the camera from the next photos on."""
    event = apply(
        session,
        Labeller(person.actor, idempotency_key),
        calibration_id,
        _wanted_by(person, body),
        services.settings.models_dir,
    )
    return EventItem.model_validate(event)


@router.post(
    "/calibrations/{calibration_id}/withdrawal",
    status_code=201,
    responses=describe_problems(404, 409),
)
def withdraw_thresholds(
    calibration_id: CalibrationId,
    *,
    person: ModelManager,
    session: SessionDep,
    body: WithdrawalRequest | None = None,
    idempotency_key: IdempotencyKey = None,
) -> EventItem:
    """Take back what was applied last; what held before holds again."""
    labeller = Labeller(person.actor, idempotency_key)
    note = body.note if body else None
    return EventItem.model_validate(withdraw(session, labeller, calibration_id, note))


@router.get("/calibrations/{calibration_id}/file", responses=describe_problems(404, 409))
def read_file(
    calibration_id: CalibrationId, _: FlightReader, session: SessionDep, answer: Response
) -> dict[str, Any]:
    """Return the thresholds that hold as the file of ``hazardlens detect --calibration``."""
    row = get_calibration(session, calibration_id)
    own = [one for one in list_applied(session, row.camera_key) if one.calibration_id == row.id]
    if not own:
        raise CalibrationNotAppliedError
    parts = {
        (each["model"], each["hazard_class"]): {**each, "site": one.site}
        for one in own
        for each in one.thresholds
    }
    name = f'attachment; filename="calibration-{row.id}.json"'
    answer.headers["Content-Disposition"] = name
    return document_from_calibration(make_calibration(row, list(parts.values())))


def _wanted_by(person: Person, body: ThresholdsRequest) -> Wanted:
    """Return what a person wants; a guarded threshold is raised by an engineer's word alone."""
    may_raise = is_allowed(person.role, Permission.MANAGE_MODELS)
    return Wanted(
        thresholds=body.thresholds,
        model=body.model,
        raised=frozenset(body.confirm_raise if may_raise else ()),
        only_site=body.only_site,
        note=body.note,
    )
