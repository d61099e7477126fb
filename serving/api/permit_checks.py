"""The checklist of permits on a candidate: read, answered, taken back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from serving.api.candidates import CandidateId, IdempotencyKey, reviewer_from_person
from serving.api.permit_schemas import PermitCheckAnswer, PermitCheckRequest, PermitsAnswer
from serving.api.permit_views import view_permits
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID
from serving.deps import Decider, QueueReader, SessionDep
from serving.review.permit_checks import PermitCheck, check_permit, undo_permit_check
from serving.review.queue import get_candidate

router = APIRouter(tags=["review"])


@router.get("/candidates/{candidate_id}/permit-checks", responses=describe_problems(404))
def read_permits(
    candidate_id: CandidateId, person: QueueReader, session: SessionDep
) -> PermitsAnswer:
    """Return which permits the building has, as far as people found out, and who said so."""
    return view_permits(session, get_candidate(session, candidate_id), person.user_id)


@router.post(
    "/candidates/{candidate_id}/permit-checks",
    status_code=201,
    responses=describe_problems(404, 409),
)
def answer_permit(
    candidate_id: CandidateId,
    *,
    body: PermitCheckRequest,
    person: Decider,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> PermitCheckAnswer:
    """Say whether one permit is there. What others said before is kept in the history."""
    event = check_permit(
        session,
        reviewer_from_person(person),
        candidate_id,
        PermitCheck(body.permit, body.answer, body.note, body.expected_check),
        idempotency_key=idempotency_key,
    )
    return PermitCheckAnswer.model_validate(event)


@router.post("/permit-checks/{check_id}/undo", responses=describe_problems(404, 409))
def undo(
    check_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    person: Decider,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> PermitCheckAnswer:
    """Take back the last answer on a permit; what was said before it holds again."""
    event = undo_permit_check(
        session, reviewer_from_person(person), check_id, idempotency_key=idempotency_key
    )
    return PermitCheckAnswer.model_validate(event)
