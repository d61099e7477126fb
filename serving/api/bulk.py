"""Candidates that look alike: find them, reject them together, take it back whole."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from detection.domain.hazard import HazardClass
from serving.api.bulk_schemas import (
    MAX_MEMBERS,
    BulkAnswer,
    BulkRequest,
    LeftOutItem,
    SimilarAnswer,
    SimilarItem,
)
from serving.api.candidates import CandidateId, IdempotencyKey, reviewer_from_person
from serving.api.problems import describe_problems
from serving.api.queue_params import FilterDep
from serving.api.schemas import MAX_ID
from serving.api.views import API
from serving.deps import Decider, SessionDep
from serving.jobs.appearance import order_descriptions
from serving.jobs.ranking import order_ranking_if_proven
from serving.review.bulk import BulkAct, reject_alike, undo_bulk
from serving.review.queue import get_candidate
from serving.review.seen import Seen
from serving.review.similar import Alike, find_similar

router = APIRouter(tags=["review"])

DEFAULT_SIMILARITY = 0.9


@router.get("/candidates/{candidate_id}/similar", responses=describe_problems(404))
def read_similar(
    candidate_id: CandidateId,
    *,
    person: Decider,
    session: SessionDep,
    wanted: FilterDep,
    min_similarity: Annotated[float, Query(ge=-1, le=1)] = DEFAULT_SIMILARITY,
    limit: Annotated[int, Query(ge=1, le=MAX_MEMBERS)] = 100,
) -> SimilarAnswer:
    """List pending candidates of the filter that look like this one, most alike first.

    Where what they look like is not known yet, it is ordered: ask again in some seconds.
    """
    anchor = get_candidate(session, candidate_id)
    similar = find_similar(
        session,
        anchor,
        wanted,
        user_id=person.user_id,
        min_similarity=min_similarity,
        limit=limit,
    )
    if similar.undescribed:
        order_descriptions(session, {anchor.flight_id, *similar.undescribed})
    return SimilarAnswer(
        ready=similar.weights_sha256 is not None,
        weights_sha256=similar.weights_sha256,
        items=[_view(each) for each in similar.found],
        total=similar.total,
        left_out=dict(similar.left_out),
        incomplete=bool(similar.undescribed),
    )


@router.post("/bulk", status_code=201, responses=describe_problems(409))
def reject_together(
    body: BulkRequest,
    person: Decider,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> BulkAnswer:
    """Reject candidates that look alike, in one act: all of it is undone at once.

    Urgent ones, those held by others and those that are not as seen are left out and named.
    """
    act = reject_alike(
        session,
        reviewer_from_person(person),
        body.anchor_id,
        [Seen(each.id, each.revision, each.expected_state) for each in body.members],
        min_similarity=body.min_similarity,
        note=body.note,
        idempotency_key=idempotency_key,
    )
    order_ranking_if_proven(session, act.candidate_ids)
    return _answer(act)


@router.post("/bulk/{bulk_id}/undo", responses=describe_problems(404, 409))
def undo_together(
    bulk_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    person: Decider,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> BulkAnswer:
    """Take a bulk act back whole; what somebody decided anew since is left and named."""
    reviewer = reviewer_from_person(person)
    return _answer(undo_bulk(session, reviewer, bulk_id, idempotency_key=idempotency_key))


def _view(alike: Alike) -> SimilarItem:
    row = alike.candidate
    return SimilarItem(
        id=row.id,
        flight_id=row.flight_id,
        hazard_class=HazardClass(row.hazard_class),
        score=row.score,
        revision=row.revision,
        similarity=alike.similarity,
        crop_url=f"{API}/candidates/{row.id}/crop.jpg",
    )


def _answer(act: BulkAct) -> BulkAnswer:
    return BulkAnswer(
        id=act.row.id,
        kind="undo" if act.row.kind == "undo" else "reject",
        candidate_id=act.row.anchor_id,
        candidate_ids=list(act.candidate_ids),
        left_out=[LeftOutItem.model_validate(each) for each in act.row.left_out],
    )
