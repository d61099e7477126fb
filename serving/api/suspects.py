"""Suspected labels: listed, answered, taken back, given out as corrections."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse, PlainTextResponse

from serving.api.candidates import IdempotencyKey
from serving.api.cursors import cursor_from_id, id_from_cursor
from serving.api.paging import PageDep
from serving.api.pictures import IMAGE_ANSWER, answer_picture
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID
from serving.api.suspect_schemas import (
    LabelErrorsRequest,
    SuspectAnswerRequest,
    SuspectEventAnswer,
    SuspectItem,
    SuspectKind,
    SuspectPage,
    SuspectState,
)
from serving.api.training_schemas import OrderAnswer
from serving.api.training_views import view_order
from serving.deps import ModelManager, ModelReader, ServicesDep, SessionDep
from serving.jobs.label_error_orders import LABEL_ERRORS
from serving.jobs.training_orders import order_training
from serving.learning.model_versions import check_name
from serving.learning.suspect_answers import answer_suspect, undo_answer
from serving.learning.suspect_errors import SuspectNotFoundError
from serving.learning.suspect_export import export_corrections
from serving.learning.suspects import SuspectFilter, get_suspect, list_suspects

router = APIRouter(tags=["suspected labels"])

Number = Annotated[int, Path(ge=1, le=MAX_ID)]
SetName = Annotated[str | None, Query(max_length=120)]


@router.get("/suspects", responses=describe_problems())
def read_suspects(
    _: ModelReader,
    session: SessionDep,
    page: PageDep,
    *,
    set_name: SetName = None,
    kind: SuspectKind | None = None,
    state: SuspectState | None = None,
) -> SuspectPage:
    """List labels that models which had not learnt them disagree with."""
    after = id_from_cursor(page.cursor)
    found = list_suspects(
        session,
        SuspectFilter(set_name, kind, state),
        limit=page.probe,
        after=None if after is None else get_suspect(session, after),
    )
    shown = found[: page.limit]
    more = len(found) > len(shown)
    return SuspectPage(
        items=[SuspectItem.model_validate(row) for row in shown],
        next_cursor=cursor_from_id(shown[-1].id) if more else None,
    )


@router.post("/suspects/orders", status_code=202, responses=describe_problems(404, 409))
def order_search(
    body: LabelErrorsRequest,
    person: ModelManager,
    services: ServicesDep,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> OrderAnswer:
    """Have the training lane look for wrong labels; what it suspects appears in the list."""
    check_name(services.settings.models_dir, body.model)
    order = order_training(
        session,
        person.actor,
        LABEL_ERRORS,
        body.data,
        {"model": body.model},
        idempotency_key=idempotency_key,
    )
    return view_order(order)


@router.get("/suspects/corrections.csv", responses=describe_problems())
def read_corrections(
    _: ModelReader, session: SessionDep, set_name: SetName = None
) -> PlainTextResponse:
    """Return what people put right as corrections.csv, each row with its reason and name."""
    text = export_corrections(session, set_name)
    headers = {"Content-Disposition": 'attachment; filename="corrections.csv"'}
    return PlainTextResponse(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.get(
    "/suspects/{suspect_id}/crop.jpg",
    responses=describe_problems(404) | IMAGE_ANSWER,
    response_class=FileResponse,
)
def read_crop(suspect_id: Number, _: ModelReader, services: ServicesDep) -> FileResponse:
    """Return the surroundings of a suspect, nothing drawn in."""
    with services.sessions() as session:
        row = get_suspect(session, suspect_id)
    path = services.store.path_of(row.crop_sha256)
    if not path.is_file():
        raise SuspectNotFoundError(suspect_id, what="picture of suspect")
    return answer_picture(path)


@router.post(
    "/suspects/{suspect_id}/answers", status_code=201, responses=describe_problems(404, 409)
)
def answer(
    suspect_id: Number,
    *,
    body: SuspectAnswerRequest,
    person: ModelManager,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> SuspectEventAnswer:
    """Say whether a label is right. Nothing is changed by it but what the export says."""
    event = answer_suspect(
        session,
        person,
        suspect_id,
        body.answer,
        note=body.note,
        idempotency_key=idempotency_key,
    )
    return SuspectEventAnswer.model_validate(event)


@router.post("/suspect-answers/{event_id}/undo", responses=describe_problems(404, 409))
def undo(
    event_id: Number,
    person: ModelManager,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> SuspectEventAnswer:
    """Take an answer back; the suspect is open again."""
    event = undo_answer(session, person, event_id, idempotency_key=idempotency_key)
    return SuspectEventAnswer.model_validate(event)
