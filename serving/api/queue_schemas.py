"""What goes in and out over HTTP about the queue: the order, claims, assignments."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from detection.domain.hazard import HazardClass
from serving.api.schemas import Answer, RowId
from serving.review.tiers import Tier

MAX_AT_ONCE = 20
MAX_PASSED = 500
MAX_HELD = 100

Score = Annotated[float, Field(ge=0.0, le=1.0)]
AreaName = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,16}:[^\x00]{1,200}$")]
ShortText = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]+$")]


class FactorItem(Answer):
    """One factor of the risk: class, score, key_place, storeys, commercial, waiting.

    ``detail`` is the class, or the name of the key place or the use; ``value`` the metres to the
    place, the storeys, or the days of waiting.
    """

    code: str
    factor: float
    detail: str
    value: float | None


class RiskAnswer(Answer):
    """Why a candidate comes where it does. Never a hazard grade: only the order means something."""

    value: float
    factors: list[FactorItem]


class ClaimAnswer(Answer):
    """Who looks at a candidate just now; ``mine`` tells whether that is the caller."""

    candidate_id: int
    user_id: int
    username: str
    expires_at: datetime
    mine: bool


class ClaimState(Answer):
    """Who looks at a candidate; null: nobody."""

    claim: ClaimAnswer | None


class TierCounts(Answer):
    """How many candidates are in each tier."""

    urgent: int
    normal: int
    low: int


class QueueFilterBody(BaseModel):
    """Which pending candidates; what is left out means all."""

    model_config = ConfigDict(extra="forbid")

    tier: Tier | None = None
    hazard_class: HazardClass | None = None
    flight_id: RowId | None = None
    site: ShortText | None = None
    area: AreaName | None = None
    model: ShortText | None = None
    min_score: Score | None = None
    max_score: Score | None = None
    ambiguous: bool | None = None
    mine: bool = False


class NextRequest(QueueFilterBody):
    """Claim the next ones. ``passed`` are those that the person stepped over."""

    count: int | None = Field(
        default=None, ge=1, le=MAX_AT_ONCE, description="none: one, and those to load ahead"
    )
    passed: list[RowId] = Field(default_factory=list, max_length=MAX_PASSED)


class ClaimRequest(BaseModel):
    """``take_over`` is for whoever may arbitrate."""

    model_config = ConfigDict(extra="forbid")

    take_over: bool = False


class HeldRequest(BaseModel):
    """What a page holds and still looks at."""

    model_config = ConfigDict(extra="forbid")

    held: list[RowId] = Field(max_length=MAX_HELD)


class ReleaseRequest(BaseModel):
    """What to let go; null: everything that the caller holds."""

    model_config = ConfigDict(extra="forbid")

    candidate_ids: list[RowId] | None = Field(default=None, max_length=MAX_HELD)


class LostItem(Answer):
    """A claim that is no more; ``username`` is who has it now, null where nobody has."""

    candidate_id: int
    username: str | None


class HeldAnswer(Answer):
    """Which claims go on, and until when."""

    held: list[int]
    lost: list[LostItem]
    expires_at: datetime | None


class AssignmentRequest(BaseModel):
    """A share of the queue for a person: a class, a flight, an area, or what they have in common.

    ``area`` is ``level:area_id``; ``area_name`` is only shown.
    """

    model_config = ConfigDict(extra="forbid")

    user_id: RowId
    hazard_class: HazardClass | None = None
    flight_id: RowId | None = None
    area: AreaName | None = None
    area_name: ShortText | None = None

    @model_validator(mode="after")
    def _give_something(self) -> Self:
        if self.hazard_class is None and self.flight_id is None and self.area is None:
            message = "name a class, a flight or an area"
            raise ValueError(message)
        return self


class AssignmentItem(Answer):
    """A share of the queue, and how many pending candidates are in it."""

    id: int
    user_id: int
    username: str
    hazard_class: HazardClass | None
    flight_id: int | None
    flight_name: str | None
    area: str | None
    area_name: str | None
    pending: int
    created_by: str
    created_at: datetime


class AssignmentList(Answer):
    """The assignments that have not ended, by person."""

    items: list[AssignmentItem]
