"""The queue at work: take the next candidates, keep them, let them go, assign shares of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from serving.accounts.errors import ForbiddenError
from serving.accounts.roles import Permission, is_allowed, roles_with
from serving.accounts.users import Person
from serving.api.assignment_views import view_assignments
from serving.api.problems import describe_problems
from serving.api.queue_schemas import (
    AssignmentItem,
    AssignmentList,
    AssignmentRequest,
    ClaimAnswer,
    ClaimRequest,
    ClaimState,
    HeldAnswer,
    HeldRequest,
    LostItem,
    NextRequest,
    ReleaseRequest,
)
from serving.api.queue_views import view_claim, view_queue_items
from serving.api.review_schemas import NextAnswer
from serving.api.schemas import MAX_ID
from serving.deps import Decider, QueueReader, SessionDep, need
from serving.review import assignments, claims
from serving.review.claims import Holder
from serving.review.decision import CandidateState
from serving.review.queue import claim_next, get_candidate
from serving.review.queue_filter import QueueFilter
from serving.review.rules import load_rules

router = APIRouter(tags=["review"])

RowNumber = Annotated[int, Path(ge=1, le=MAX_ID)]
Arbiter = Annotated[Person, Depends(need(Permission.ARBITRATE))]


@router.post("/queue/next", responses=describe_problems())
def take_next(body: NextRequest, person: Decider, session: SessionDep) -> NextAnswer:
    """Claim the first candidates of a filter that nobody else looks at; again is harmless."""
    wanted = QueueFilter(
        state=CandidateState.PENDING.value,
        viewer_id=person.user_id,
        **body.model_dump(exclude={"count", "passed"}),
    )
    rules = load_rules().claims
    count = body.count or 1 + rules.prefetch
    rows = claim_next(
        session, holder_from_person(person), wanted, count=count, passed=frozenset(body.passed)
    )
    return NextAnswer(
        items=view_queue_items(session, rows, person.user_id),
        lease_s=rules.lease_s,
        heartbeat_s=rules.heartbeat_s,
    )


@router.post("/queue/heartbeat", responses=describe_problems())
def keep_claims(body: HeldRequest, person: Decider, session: SessionDep) -> HeldAnswer:
    """Show that the person is still at it; says which claims somebody else has meanwhile."""
    held = claims.renew(session, person.user_id, body.held)
    found = claims.list_claims(session, body.held)
    lost = [
        LostItem(candidate_id=each, username=found[each].username if each in found else None)
        for each in body.held
        if each not in held
    ]
    ends = [found[each].expires_at for each in held if each in found]
    return HeldAnswer(held=sorted(held), lost=lost, expires_at=min(ends, default=None))


@router.post("/queue/release", status_code=204, responses=describe_problems())
def release(body: ReleaseRequest, person: Decider, session: SessionDep) -> None:
    """Let candidates go."""
    if body.candidate_ids is None:
        claims.end_all(session, person.user_id)
    else:
        claims.end_claims(session, person.user_id, body.candidate_ids)


@router.post("/candidates/{candidate_id}/claim", responses=describe_problems(404, 409))
def claim_one(
    candidate_id: RowNumber, body: ClaimRequest, person: Decider, session: SessionDep
) -> ClaimAnswer:
    """Claim one candidate. Whoever may arbitrate can take it over from somebody else."""
    if body.take_over and not is_allowed(person.role, Permission.ARBITRATE):
        raise ForbiddenError
    row = claims.claim(session, holder_from_person(person), candidate_id, take_over=body.take_over)
    return view_claim(row, person.user_id)


@router.get("/candidates/{candidate_id}/claim", responses=describe_problems(404))
def read_claim(candidate_id: RowNumber, person: QueueReader, session: SessionDep) -> ClaimState:
    """Say who looks at a candidate just now; null where nobody does."""
    get_candidate(session, candidate_id)
    row = claims.list_claims(session, [candidate_id]).get(candidate_id)
    return ClaimState(claim=view_claim(row, person.user_id) if row else None)


@router.post("/candidates/{candidate_id}/release", status_code=204, responses=describe_problems())
def release_one(candidate_id: RowNumber, person: Decider, session: SessionDep) -> None:
    """Let one candidate go; nothing to let go is fine."""
    claims.end_claim(session, candidate_id, person.user_id)


@router.get("/assignments", responses=describe_problems())
def read_assignments(_: Arbiter, session: SessionDep) -> AssignmentList:
    """List who was given which share of the queue."""
    rows = assignments.list_open(session)
    return AssignmentList(items=view_assignments(session, rows))


@router.post("/assignments", status_code=201, responses=describe_problems())
def assign(body: AssignmentRequest, person: Arbiter, session: SessionDep) -> AssignmentItem:
    """Give a person a share of the queue; given again, the share that is there is returned."""
    share = assignments.Share(
        hazard_class=body.hazard_class,
        flight_id=body.flight_id,
        area=body.area,
        area_name=body.area_name,
    )
    deciding = roles_with(Permission.DECIDE)
    row = assignments.assign(session, person.actor, body.user_id, share, deciding=deciding)
    return view_assignments(session, [row])[0]


@router.delete("/assignments/{assignment_id}", status_code=204, responses=describe_problems(404))
def end_assignment(assignment_id: RowNumber, person: Arbiter, session: SessionDep) -> None:
    """Take a share back. What the person decided of it stays."""
    assignments.end(session, person.actor, assignment_id)


def holder_from_person(person: Person) -> Holder:
    """Return a signed-in person as the one who claims."""
    return Holder(person.user_id, person.username)
