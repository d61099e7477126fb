"""Disputes for arbiters, marks of what is certain, statistics of people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from serving.accounts.roles import Permission
from serving.accounts.users import Person
from serving.api.cursors import cursor_from_id, id_from_cursor
from serving.api.paging import PageDep
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID
from serving.api.second_review_schemas import (
    CheckMarkAnswer,
    DisputeAnswer,
    DisputePage,
    OwnStatistics,
    TeamStatistics,
)
from serving.deps import Decider, SessionDep, need
from serving.review.blind.checks import mark_certain, unmark_certain
from serving.review.blind.disputes import get_dispute, list_disputes
from serving.review.blind.statistics import measure_person, measure_team

router = APIRouter(tags=["second review"])

RowNumber = Annotated[int, Path(ge=1, le=MAX_ID)]
DEFAULT_DAYS = 30
Days = Annotated[int, Query(ge=1, le=366, description="how far back")]

ArbiterDep = Annotated[Person, Depends(need(Permission.ARBITRATE))]
StatisticsReader = Annotated[Person, Depends(need(Permission.SEE_STATISTICS))]
CheckMarker = Annotated[Person, Depends(need(Permission.MARK_CHECKS))]


@router.get("/disputes", responses=describe_problems())
def read_disputes(_: ArbiterDep, session: SessionDep, page: PageDep) -> DisputePage:
    """List where two people disagree, the oldest first; who said what is not told."""
    found = list_disputes(session, limit=page.probe, after=id_from_cursor(page.cursor))
    shown = found[: page.limit]
    more = len(found) > len(shown)
    return DisputePage(
        items=[DisputeAnswer.model_validate(each) for each in shown],
        next_cursor=cursor_from_id(shown[-1].id) if more else None,
    )


@router.get("/disputes/{dispute_id}", responses=describe_problems(404))
def read_dispute(dispute_id: RowNumber, _: ArbiterDep, session: SessionDep) -> DisputeAnswer:
    """Return a dispute; once an arbiter has decided, with the names."""
    return DisputeAnswer.model_validate(get_dispute(session, dispute_id))


@router.post(
    "/candidates/{candidate_id}/check-mark", status_code=201, responses=describe_problems(404, 409)
)
def mark(candidate_id: RowNumber, person: CheckMarker, session: SessionDep) -> CheckMarkAnswer:
    """Say that what is decided is certain: it may be shown again, hidden, as a check."""
    return CheckMarkAnswer.model_validate(mark_certain(session, person.actor, candidate_id))


@router.delete(
    "/candidates/{candidate_id}/check-mark", status_code=204, responses=describe_problems(404)
)
def unmark(candidate_id: RowNumber, person: CheckMarker, session: SessionDep) -> None:
    """Take the mark back; answers that were given stay."""
    unmark_certain(session, person.actor, candidate_id)


@router.get("/statistics", responses=describe_problems())
def read_statistics(
    _: StatisticsReader, session: SessionDep, days: Days = DEFAULT_DAYS
) -> TeamStatistics:
    """Return agreement, live recall, speed and load of everybody."""
    return TeamStatistics.model_validate(asdict(measure_team(session, days)) | {"days": days})


@router.get("/statistics/mine", responses=describe_problems())
def read_own_statistics(
    person: Decider, session: SessionDep, days: Days = DEFAULT_DAYS
) -> OwnStatistics:
    """Return the same of the person who asks."""
    found = measure_person(session, person.user_id, person.username, days)
    return OwnStatistics.model_validate(asdict(found) | {"days": days})
