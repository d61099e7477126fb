"""Label Studio: set up, send, look; its webhooks; pictures by signed links."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from serving.api.label_studio_schemas import (
    EventAnswer,
    LabelPushAnswer,
    LabelPushRequest,
    LabelStatusAnswer,
)
from serving.api.label_studio_views import view_push, view_status
from serving.api.photos import PhotoId, find_photo, photo_file
from serving.api.pictures import CACHE_SHORTLY, IMAGE_ANSWER
from serving.api.problems import describe_problems
from serving.deps import ModelManager, ModelReader, Services, ServicesDep, SessionDep
from serving.jobs.label_orders import (
    SYNC,
    TAKE_IN_LABELS,
    PushFilter,
    order_look,
    order_push,
    order_push_filter,
)
from serving.jobs.queue import LABELS_QUEUE, defer
from serving.labelstudio.board import check_settings, open_board
from serving.labelstudio.kinds import BOXES, GEOMETRIES
from serving.labelstudio.links import check_photo_link, geometry_of_webhook
from serving.labelstudio.projects import get_project_row, set_up_projects
from serving.labelstudio.status import read_status
from serving.labelstudio.webhook import receive_event

router = APIRouter(prefix="/label-studio", tags=["label studio"])

ELSEWHERE = {
    # Label Studio's page is another site: it may show the picture, and draw it on a canvas.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": CACHE_SHORTLY,
}
MAX_SECRET_CHARS = 200

Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=64)]


@router.get("/status", responses=describe_problems())
def read_board(_: ModelReader, services: ServicesDep, session: SessionDep) -> LabelStatusAnswer:
    """Return how things stand; Label Studio itself is not asked."""
    return view_status(services.settings, read_status(session))


@router.post("/setup", responses=describe_problems(409, 502, 503))
def set_up(person: ModelManager, services: ServicesDep) -> LabelStatusAnswer:
    """Make our projects in Label Studio, or bring them up to date."""
    with open_board(services.settings, services.sessions, services.store) as board:
        set_up_projects(board, person.actor)
    with services.sessions() as session:
        return view_status(services.settings, read_status(session))


@router.post("/pushes", status_code=202, responses=describe_problems(409))
def push_labels(
    wanted: LabelPushRequest,
    person: ModelManager,
    services: ServicesDep,
    session: SessionDep,
    idempotency_key: Key = None,
) -> LabelPushAnswer:
    """Order photos to be drawn on; a worker sends them."""
    check_settings(services.settings)
    if wanted.selection_id is not None:
        key = idempotency_key
        return view_push(order_push(session, wanted.selection_id, person, idempotency_key=key))
    chosen = PushFilter(wanted.flight_id, wanted.hazard_class, wanted.state, wanted.limit)
    row = order_push_filter(session, chosen, person.actor, idempotency_key=idempotency_key)
    return view_push(row)


@router.post("/sync", status_code=202, responses=describe_problems(409))
def sync_labels(person: ModelManager, services: ServicesDep, session: SessionDep) -> None:
    """Have all projects looked at: send what waits, take in what was drawn, tidy up."""
    check_settings(services.settings)
    get_project_row(session, BOXES)
    order_look(session, person.actor)


@router.post(
    "/webhook/{secret}",
    status_code=202,
    responses=describe_problems(409, 413),
    openapi_extra={
        "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}
    },
)
async def receive_webhook(
    secret: Annotated[str, Path(max_length=MAX_SECRET_CHARS)],
    request: Request,
    services: ServicesDep,
) -> EventAnswer:
    """Keep an event of Label Studio; its secret is in the address. A worker does the rest."""
    key = services.secret_key
    geometry = geometry_of_webhook(secret, GEOMETRIES, secret_key=key)
    body = await request.body()
    return EventAnswer(kept=await run_in_threadpool(_keep_event, services, geometry, body))


def _keep_event(services: Services, geometry: str, body: bytes) -> bool:
    with services.sessions.begin() as session:
        is_new = receive_event(session, geometry, body)
        if is_new:
            defer(session, TAKE_IN_LABELS, lane=LABELS_QUEUE, lock=SYNC)
    return is_new


@router.get(
    "/photos/{photo_id}.jpg",
    response_class=FileResponse,
    responses=describe_problems(404) | IMAGE_ANSWER,
)
def read_linked_photo(
    photo_id: PhotoId,
    until: Annotated[int, Query(ge=0, le=2**40)],
    signature: Annotated[str, Query(max_length=MAX_SECRET_CHARS)],
    services: ServicesDep,
) -> Response:
    """Return a whole photo, upright and without metadata, to whoever has a link that holds."""
    check_photo_link(photo_id, until, signature, secret_key=services.secret_key)
    row = find_photo(services, photo_id)
    picture: FilePath = services.derivatives.upright(photo_file(services, row), row.sha256)
    return FileResponse(picture, media_type="image/jpeg", headers=ELSEWHERE)
