"""What speaks for and against a candidate that is about a whole building."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from serving.api.change_schemas import EvidenceAnswer
from serving.api.evidence_views import view_evidence
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID
from serving.deps import QueueReader, SessionDep

router = APIRouter(tags=["change"])


@router.get("/candidates/{candidate_id}/evidence", responses=describe_problems(404))
def read_evidence(
    candidate_id: Annotated[int, Path(ge=1, le=MAX_ID)], _: QueueReader, session: SessionDep
) -> EvidenceAnswer:
    """Return the signals of an added storey or a demolition, with the figures behind them."""
    return view_evidence(session, candidate_id)
