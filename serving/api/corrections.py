"""Corrections of boxes and classes, and the wish for a second opinion."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from serving.api.candidates import CandidateId, IdempotencyKey, reviewer_from_person
from serving.api.correction_schemas import (
    CorrectionAnswer,
    CorrectionRequest,
    OpinionAnswer,
    OpinionRequest,
)
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID
from serving.deps import Decider, SessionDep
from serving.review.blind.tasks import ask_second
from serving.review.correction_checks import Correction
from serving.review.corrections import correct, undo_correction

router = APIRouter(tags=["review"])


@router.post(
    "/candidates/{candidate_id}/corrections", status_code=201, responses=describe_problems(404, 409)
)
def correct_candidate(
    candidate_id: CandidateId,
    *,
    body: CorrectionRequest,
    person: Decider,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> CorrectionAnswer:
    """Say where the box of a sighting is, or what the thing is. What the model said is kept."""
    event = correct(
        session,
        reviewer_from_person(person),
        candidate_id,
        Correction(body.detection_id, body.bbox_xyxy, body.hazard_class, body.expected_correction),
        note=body.note,
        idempotency_key=idempotency_key,
    )
    return CorrectionAnswer.model_validate(event)


@router.post("/corrections/{correction_id}/undo", responses=describe_problems(404, 409))
def undo(
    correction_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    person: Decider,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> CorrectionAnswer:
    """Take back the last correction of a box or a class; what was before holds again."""
    event = undo_correction(
        session, reviewer_from_person(person), correction_id, idempotency_key=idempotency_key
    )
    return CorrectionAnswer.model_validate(event)


@router.post(
    "/candidates/{candidate_id}/second-opinion", status_code=201, responses=describe_problems(404)
)
def ask_second_opinion(
    candidate_id: CandidateId, body: OpinionRequest, person: Decider, session: SessionDep
) -> OpinionAnswer:
    """Ask that somebody else looks too, without seeing what was decided; again is harmless."""
    task = ask_second(session, reviewer_from_person(person), candidate_id, body.note)
    return OpinionAnswer(id=task.id, candidate_id=candidate_id)
