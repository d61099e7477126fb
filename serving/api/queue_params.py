"""The filter of the queue as it stands in an address."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Query

from detection.domain.hazard import HazardClass
from serving.api.queue_schemas import AreaName, Score, ShortText
from serving.api.schemas import MAX_ID
from serving.deps import QueueReader
from serving.review.decision import CandidateState
from serving.review.queue_filter import QueueFilter
from serving.review.tiers import Tier


def read_queue_filter(
    person: QueueReader,
    *,
    state: CandidateState | None = None,
    tier: Tier | None = None,
    hazard_class: HazardClass | None = None,
    flight_id: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    site: ShortText | None = None,
    area: Annotated[AreaName | None, Query(description="level:area_id")] = None,
    model: Annotated[ShortText | None, Query(description="name@first twelve of its hash")] = None,
    min_score: Score | None = None,
    max_score: Score | None = None,
    ambiguous: bool | None = None,
    origin: Annotated[
        Literal["new", "stock"] | None, Query(description="since the baseline flight, or before")
    ] = None,
    mine: Annotated[bool, Query(description="only what was assigned to me")] = False,
) -> QueueFilter:
    """Return what is wanted, as the person who asks may see it."""
    return QueueFilter(
        state=state,
        tier=tier,
        hazard_class=hazard_class,
        flight_id=flight_id,
        site=site,
        area=area,
        model=model,
        min_score=min_score,
        max_score=max_score,
        ambiguous=ambiguous,
        origin=origin,
        mine=mine,
        viewer_id=person.user_id,
    )


FilterDep = Annotated[QueueFilter, Depends(read_queue_filter)]
