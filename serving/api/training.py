"""Order trainings, follow them, stop them; promote, roll back, have the queue looked at anew."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse

from serving.api.candidates import IdempotencyKey
from serving.api.cursors import cursor_from_id, id_from_cursor
from serving.api.paging import PageDep
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID
from serving.api.training_schemas import (
    ModelName,
    OrderAnswer,
    OrderPage,
    PromotionRequest,
    RescoringAnswer,
    RescoringRequest,
    RollbackRequest,
    TrainingRequest,
    WorkerItem,
    WorkerList,
)
from serving.api.training_views import view_order
from serving.deps import ModelManager, ModelReader, ServicesDep, SessionDep
from serving.jobs.rescoring import SUBJECT, list_outdated, order_rescoring
from serving.jobs.training_commands import RUN
from serving.jobs.training_orders import RESCORE, cancel_order, order_training, resume_order
from serving.learning.model_versions import (
    check_can_promote,
    check_name,
    find_rollback_target,
    get_version,
)
from serving.learning.order_errors import TrainingReportNotFoundError
from serving.learning.orders import (
    LOG_FILE,
    find_by_key,
    find_training_of,
    folder_of,
    get_order,
    list_orders,
)
from serving.learning.training_workers import START_COMMAND, list_workers

router = APIRouter(tags=["training"])

OrderId = Annotated[int, Path(ge=1, le=MAX_ID)]
NamedModel = Annotated[ModelName, Path()]
FileName = Literal["log.txt", "report.json", "report.html"]
MEDIA_TYPES: dict[str, str] = {
    "log.txt": "text/plain; charset=utf-8",
    "report.json": "application/json",
    "report.html": "text/html; charset=utf-8",
}


@router.get("/training/workers", responses=describe_problems())
def read_workers(_: ModelReader, session: SessionDep) -> WorkerList:
    """List the workers that can train; without one, orders wait."""
    found = [WorkerItem.model_validate(row) for row in list_workers(session)]
    return WorkerList(items=found, command=START_COMMAND)


@router.get("/training/orders", responses=describe_problems())
def read_orders(
    _: ModelReader,
    services: ServicesDep,
    session: SessionDep,
    page: PageDep,
    kind: Annotated[str | None, Query(max_length=32)] = None,
) -> OrderPage:
    """List what was ordered, the latest first."""
    before = id_from_cursor(page.cursor)
    rows = list_orders(session, kind=kind, limit=page.probe, before_id=before)
    shown = rows[: page.limit]
    return OrderPage(
        items=[view_order(row, services.settings.resolved_data_dir) for row in shown],
        next_cursor=cursor_from_id(shown[-1].id) if len(rows) > len(shown) else None,
    )


@router.post("/training/orders", status_code=202, responses=describe_problems(404, 409))
def order_retraining(
    body: TrainingRequest,
    person: ModelManager,
    services: ServicesDep,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> OrderAnswer:
    """Have a model trained with people's decisions, or only say how long that would take."""
    kind = "estimate" if body.estimate_only else "retrain"
    earlier = find_by_key(session, person.user_id, idempotency_key, (kind, body.model))
    if earlier is not None:
        return view_order(earlier)
    check_name(services.settings.models_dir, body.model)
    parameters = body.model_dump(
        mode="json", exclude={"model", "estimate_only", "reason"}, exclude_none=True
    )
    order = order_training(
        session,
        person.actor,
        kind,
        body.model,
        parameters,
        reason=body.reason.strip(),
        idempotency_key=idempotency_key,
    )
    return view_order(order)


@router.get("/training/orders/{order_id}", responses=describe_problems(404))
def read_order(
    order_id: OrderId, _: ModelReader, services: ServicesDep, session: SessionDep
) -> OrderAnswer:
    """Return an order: how far it is, or what came of it."""
    return view_order(get_order(session, order_id), services.settings.resolved_data_dir)


@router.post("/training/orders/{order_id}/cancel", responses=describe_problems(404, 409))
def cancel(order_id: OrderId, person: ModelManager, session: SessionDep) -> OrderAnswer:
    """Stop an order; what it has done is kept, and can be gone on with."""
    return view_order(cancel_order(session, person.actor, order_id))


@router.post(
    "/training/orders/{order_id}/resume", status_code=202, responses=describe_problems(404, 409)
)
def resume(order_id: OrderId, person: ModelManager, session: SessionDep) -> OrderAnswer:
    """Go on with an order that failed or was cancelled."""
    return view_order(resume_order(session, person.actor, order_id))


@router.get(
    "/training/orders/{order_id}/{name}",
    response_class=FileResponse,
    responses=describe_problems(404),
)
def read_order_file(
    order_id: OrderId, name: FileName, _: ModelReader, services: ServicesDep
) -> FileResponse:
    """Return the log or the report of an order; the page of the report is to be kept as a file.

    Raises:
        TrainingOrderNotFoundError: there is no such order.
        TrainingReportNotFoundError: it left no such file.
    """
    with services.sessions() as session:
        get_order(session, order_id)
    data_dir = services.settings.resolved_data_dir
    folder = folder_of(data_dir, order_id)
    path = folder / LOG_FILE if name == "log.txt" else folder / RUN / name
    if not path.is_file():
        raise TrainingReportNotFoundError
    return FileResponse(
        path,
        media_type=MEDIA_TYPES[name],
        filename=f"hazardlens-training-{order_id}-{name}",
        content_disposition_type="attachment" if name == "report.html" else "inline",
        headers={"X-Content-Type-Options": "nosniff"},
    )


@router.get("/models/rescoring", responses=describe_problems())
def read_rescoring(_: ModelReader, services: ServicesDep, session: SessionDep) -> RescoringAnswer:
    """Count the pending candidates that only older weights have seen."""
    outdated = list_outdated(session, services.settings.models_dir)
    return RescoringAnswer(candidates=sum(outdated.values()), flights=len(outdated))


@router.post("/models/rescoring", status_code=202, responses=describe_problems(409))
def rescore(
    body: RescoringRequest,
    person: ModelManager,
    services: ServicesDep,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> OrderAnswer:
    """Have the open queue looked at with the models in force; what was decided stays."""
    earlier = find_by_key(session, person.user_id, idempotency_key, (RESCORE, SUBJECT))
    if earlier is not None:
        return view_order(earlier)
    order = order_rescoring(
        session,
        person.actor,
        services.settings.models_dir,
        reason=body.reason.strip(),
        idempotency_key=idempotency_key,
    )
    return view_order(order)


@router.post("/models/{model}/promote", status_code=202, responses=describe_problems(404, 409))
def promote(
    model: NamedModel,
    *,
    body: PromotionRequest,
    person: ModelManager,
    services: ServicesDep,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> OrderAnswer:
    """Order a version to get another status; into force only through the gate, or over it."""
    earlier = find_by_key(session, person.user_id, idempotency_key, ("promote", model))
    if earlier is not None:
        return view_order(earlier)
    found = get_version(services.settings.models_dir, model, body.version)
    check_can_promote(found, body.to)
    trained = find_training_of(session, model, body.version)
    order = order_training(
        session,
        person.actor,
        "promote",
        model,
        {
            "version": body.version,
            "to": body.to,
            "force": body.force,
            "trained_by": trained.id if trained else None,
        },
        reason=body.reason,
        idempotency_key=idempotency_key,
    )
    return view_order(order)


@router.post("/models/{model}/rollback", status_code=202, responses=describe_problems(404, 409))
def roll_back(
    model: NamedModel,
    *,
    body: RollbackRequest,
    person: ModelManager,
    services: ServicesDep,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> OrderAnswer:
    """Order an earlier version to be brought back; every worker can do it, at once."""
    earlier = find_by_key(session, person.user_id, idempotency_key, ("rollback", model))
    if earlier is not None:
        return view_order(earlier)
    target = find_rollback_target(services.settings.models_dir, model, body.version)
    order = order_training(
        session,
        person.actor,
        "rollback",
        model,
        {"version": target},
        reason=body.reason,
        idempotency_key=idempotency_key,
    )
    return view_order(order)
