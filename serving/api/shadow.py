"""Shadow models held against those in force: figures, pictures, judgements."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse

from serving.api.candidates import IdempotencyKey
from serving.api.photos import find_photo, photo_file
from serving.api.pictures import IMAGE_ANSWER, answer_picture
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID
from serving.api.shadow_schemas import (
    JudgementAnswer,
    JudgementRequest,
    ShadowTallies,
    ShadowTallyAnswer,
    ShareAnswer,
)
from serving.deps import ModelManager, ModelReader, ServicesDep, SessionDep
from serving.learning.shadow_judgements import judge_difference, undo_judgement
from serving.learning.shadow_tally import ShadowModel, get_difference, list_shadow_models
from serving.learning.shadow_windows import choose_window_of

router = APIRouter(prefix="/shadow", tags=["models"])

Number = Annotated[int, Path(ge=1, le=MAX_ID)]


@router.get("/tallies", responses=describe_problems())
def read_tallies(_: ModelReader, session: SessionDep) -> ShadowTallies:
    """Return agreement and judgements of every shadow model that was compared."""
    return ShadowTallies(items=[view_tally(model) for model in list_shadow_models(session)])


@router.get(
    "/differences/{difference_id}/cut.jpg",
    responses=describe_problems(404) | IMAGE_ANSWER,
    response_class=FileResponse,
)
def read_cut(difference_id: Number, _: ModelReader, services: ServicesDep) -> FileResponse:
    """Return the surroundings of a difference, nothing drawn in."""
    with services.sessions() as session:
        difference = get_difference(session, difference_id)
    photo = find_photo(services, difference.photo_id)
    window = choose_window_of(difference, photo)
    return answer_picture(
        services.derivatives.cut(photo_file(services, photo), photo.sha256, window)
    )


@router.post(
    "/differences/{difference_id}/judgements",
    status_code=201,
    responses=describe_problems(404, 409),
)
def judge(
    difference_id: Number,
    *,
    body: JudgementRequest,
    person: ModelManager,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> JudgementAnswer:
    """Say which of the two models is right. Candidates and decisions are not touched."""
    event = judge_difference(
        session,
        person,
        difference_id,
        body.judgement,
        note=body.note,
        idempotency_key=idempotency_key,
    )
    return JudgementAnswer.model_validate(event)


@router.post("/judgements/{event_id}/undo", responses=describe_problems(404, 409))
def undo(
    event_id: Number,
    person: ModelManager,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> JudgementAnswer:
    """Take a judgement back; the difference is open again."""
    event = undo_judgement(session, person, event_id, idempotency_key=idempotency_key)
    return JudgementAnswer.model_validate(event)


def view_tally(model: ShadowModel) -> ShadowTallyAnswer:
    """Return the figures of a shadow model as they go out."""
    agreement, tally = model.agreement, model.tally
    return ShadowTallyAnswer(
        name=model.name,
        version=model.version,
        **asdict(agreement),
        agreement=ShareAnswer.model_validate(agreement.share),
        judged=dict(tally.counts),
        open=tally.open,
        shadow_right=ShareAnswer.model_validate(tally.share),
        p_value=tally.p_value,
        verdict=tally.verdict,
    )
