"""Candidates: the queue, one candidate with its evidence, decisions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path
from fastapi.responses import FileResponse

from serving.accounts.roles import Permission, Role, is_allowed
from serving.accounts.users import Person
from serving.api.cursors import cursor_from_queue, queue_from_cursor
from serving.api.paging import PageDep
from serving.api.photos import find_photo, photo_file
from serving.api.pictures import CACHE_SHORTLY, IMAGE_ANSWER, answer_picture
from serving.api.problems import describe_problems
from serving.api.queue_params import FilterDep
from serving.api.queue_views import view_queue_items
from serving.api.review_schemas import (
    CandidateAnswer,
    CandidatePage,
    CountsAnswer,
    DecisionAnswer,
    DecisionRequest,
    GroupingAnswer,
    MergeRequest,
    SplitRequest,
)
from serving.api.schemas import MAX_ID
from serving.api.views import view_candidate
from serving.db.tables import ReviewEventRow
from serving.deps import Decider, QueueReader, Services, ServicesDep, SessionDep
from serving.jobs.grouping_undo import undo_grouping
from serving.jobs.hand_grouping import merge_candidates, split_candidate
from serving.jobs.ranking import order_ranking_if_proven
from serving.review import decisions
from serving.review.blind.masks import check_grouping
from serving.review.correction_events import BoxXyxy, load_corrections_for
from serving.review.decision import CandidateState
from serving.review.errors import CandidateNotFoundError
from serving.review.queue import best_sighting, get_candidate, list_candidates, position_of
from serving.review.seen import Seen
from serving.review.tallies import count_queue

router = APIRouter(tags=["review"])

CandidateId = Annotated[int, Path(ge=1, le=MAX_ID)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=64,
        pattern=r"^[!-~]+$",
        description="the client's own name of the act: sent again, it is not done again",
    ),
]


@router.get("/candidates", responses=describe_problems())
def read_queue(
    person: QueueReader, session: SessionDep, page: PageDep, wanted: FilterDep
) -> CandidatePage:
    """List candidates in the order of the queue: tier, then risk."""
    after = queue_from_cursor(page.cursor)
    rows = list_candidates(session, wanted, limit=page.probe, after=after)
    shown = rows[: page.limit]
    return CandidatePage(
        items=view_queue_items(session, shown, person.user_id),
        next_cursor=cursor_from_queue(position_of(shown[-1])) if len(rows) > len(shown) else None,
    )


@router.get("/candidates/counts", responses=describe_problems())
def read_counts(_: QueueReader, session: SessionDep, wanted: FilterDep) -> CountsAnswer:
    """Count candidates by state, and those of the state (else the pending ones) by tier."""
    counts = count_queue(session, wanted)
    return CountsAnswer.model_validate(counts.states | {"tiers": counts.tiers})


@router.get("/candidates/{candidate_id}", responses=describe_problems(404))
def read_candidate(
    candidate_id: CandidateId, person: QueueReader, session: SessionDep
) -> CandidateAnswer:
    """Return a candidate with its sightings, its place and everything that was decided."""
    return view_candidate(session, candidate_id, person.user_id)


@router.get(
    "/candidates/{candidate_id}/crop.jpg",
    response_class=FileResponse,
    responses=describe_problems(404) | IMAGE_ANSWER,
)
def read_crop(
    candidate_id: CandidateId, person: QueueReader, services: ServicesDep
) -> FileResponse:
    """Return the best sighting cut out of its photo, the box drawn in."""
    with services.sessions() as session:
        candidate = get_candidate(session, candidate_id)
        best = best_sighting(session, candidate)
        corrections = load_corrections_for(session, candidate, person.user_id)
    if best is None:
        raise CandidateNotFoundError(candidate_id)
    return _answer_crop(services, best.photo_id, corrections.box_of(best))


@router.get(
    "/candidates/{candidate_id}/sightings/{detection_id}/crop.jpg",
    response_class=FileResponse,
    responses=describe_problems(404) | IMAGE_ANSWER,
)
def read_sighting_crop(
    candidate_id: CandidateId,
    detection_id: CandidateId,
    person: QueueReader,
    services: ServicesDep,
) -> FileResponse:
    """Return one sighting cut out of its photo, the box drawn in."""
    with services.sessions() as session:
        candidate = get_candidate(session, candidate_id)
        corrections = load_corrections_for(session, candidate, person.user_id)
    for sighting in candidate.sightings:
        if sighting.detection_id == detection_id:
            box = corrections.box_of(sighting.detection)
            return _answer_crop(services, sighting.detection.photo_id, box)
    raise CandidateNotFoundError(candidate_id)


@router.post(
    "/candidates/{candidate_id}/decisions", status_code=201, responses=describe_problems(404, 409)
)
def decide(
    candidate_id: CandidateId,
    body: DecisionRequest,
    person: Decider,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> DecisionAnswer:
    """Decide. A candidate that is not pending needs ``expected_state`` with the state seen."""
    event = decisions.decide(
        session,
        reviewer_from_person(person),
        candidate_id,
        body.verdict,
        note=body.note,
        duplicate_of=body.duplicate_of,
        expected_state=body.expected_state,
        idempotency_key=idempotency_key,
    )
    order_ranking_if_proven(session, [candidate_id])
    return _answer(event)


@router.post("/decisions/{decision_id}/undo", responses=describe_problems(404, 409))
def undo(
    decision_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    person: Decider,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> DecisionAnswer:
    """Take back a decision; the state before it is restored exactly."""
    event = decisions.undo(
        session, reviewer_from_person(person), decision_id, idempotency_key=idempotency_key
    )
    return _answer(event)


@router.post(
    "/candidates/{candidate_id}/merge", status_code=201, responses=describe_problems(404, 409)
)
def merge(
    candidate_id: CandidateId,
    *,
    body: MergeRequest,
    person: Decider,
    services: ServicesDep,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> GroupingAnswer:
    """Say that other candidates of the flight show the same thing; this one takes their photos.

    Only pending candidates can be merged away. They keep their history and come back by undo.
    """
    check_grouping(session, person.user_id, [candidate_id, *(other.id for other in body.others)])
    event = merge_candidates(
        session,
        services.store,
        reviewer_from_person(person),
        Seen(candidate_id, body.revision, body.expected_state),
        [Seen(other.id, other.revision) for other in body.others],
        note=body.note,
        idempotency_key=idempotency_key,
    )
    return GroupingAnswer.model_validate(event)


@router.post(
    "/candidates/{candidate_id}/split", status_code=201, responses=describe_problems(404, 409)
)
def split(
    candidate_id: CandidateId,
    *,
    body: SplitRequest,
    person: Decider,
    services: ServicesDep,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> GroupingAnswer:
    """Say that some sightings show another thing, which becomes a pending candidate."""
    check_grouping(session, person.user_id, [candidate_id])
    event = split_candidate(
        session,
        services.store,
        reviewer_from_person(person),
        Seen(candidate_id, body.revision, body.expected_state),
        body.sightings,
        note=body.note,
        idempotency_key=idempotency_key,
    )
    return GroupingAnswer.model_validate(event)


@router.post("/groupings/{grouping_id}/undo", responses=describe_problems(404, 409))
def undo_merge_or_split(
    grouping_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    person: Decider,
    services: ServicesDep,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> GroupingAnswer:
    """Take back the last merge or split of its candidates."""
    event = undo_grouping(
        session,
        services.store,
        reviewer_from_person(person),
        grouping_id,
        idempotency_key=idempotency_key,
    )
    return GroupingAnswer.model_validate(event)


def reviewer_from_person(person: Person) -> decisions.Reviewer:
    """Return a signed-in person as the one who acts in review."""
    return decisions.Reviewer(
        person.user_id,
        person.username,
        person.role.value,
        may_undo_others=person.role is Role.ADMIN,
        may_arbitrate=is_allowed(person.role, Permission.ARBITRATE),
    )


def _answer_crop(services: Services, photo_id: int, box: BoxXyxy) -> FileResponse:
    photo = find_photo(services, photo_id)
    path = services.derivatives.crop(photo_file(services, photo), photo.sha256, box)
    return answer_picture(path, cache_control=CACHE_SHORTLY)


def _answer(event: ReviewEventRow) -> DecisionAnswer:
    state = CandidateState(event.state_after)
    return DecisionAnswer(id=event.id, candidate_id=event.candidate_id, state=state)
