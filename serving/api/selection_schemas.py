"""What goes in and out over HTTP about what to label next."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from detection.domain.hazard import HazardClass
from detection.selection import SelectionSettings
from serving.api.schemas import Answer, RowId
from serving.learning.selection_wish import SelectionWish

MAX_BUDGET = 1000
Weight = Annotated[float, Field(ge=0.0, le=10.0, allow_inf_nan=False)]
_DEFAULT = SelectionSettings()


class WeightsRequest(BaseModel):
    """How much each part of the choice weighs; only the proportions count."""

    model_config = ConfigDict(extra="forbid")

    uncertainty: Weight = _DEFAULT.uncertainty
    diversity: Weight = _DEFAULT.diversity
    rarity: Weight = _DEFAULT.rarity
    disagreement: Weight = _DEFAULT.disagreement
    novelty: Weight = _DEFAULT.novelty

    @model_validator(mode="after")
    def _one_counts(self) -> WeightsRequest:
        if not any(self.model_dump().values()):
            message = "one of the weights has to be more than 0"
            raise ValueError(message)
        return self


class SelectionRequest(BaseModel):
    """So many photos to label next; no classes or flights means all of them."""

    model_config = ConfigDict(extra="forbid")

    budget: int = Field(ge=1, le=MAX_BUDGET)
    hazard_classes: list[HazardClass] = Field(default_factory=list, max_length=len(HazardClass))
    flight_ids: list[RowId] = Field(default_factory=list, max_length=1000)
    days: int | None = Field(default=None, ge=1, le=3660, description="flights of so many days")
    empty_share: float = Field(
        default=0.1, ge=0.0, le=1.0, description="for photos in which nothing was found"
    )
    weights: WeightsRequest = Field(default_factory=WeightsRequest)

    def make_wish(self) -> SelectionWish:
        """Return what was asked for."""
        return SelectionWish(
            budget=self.budget,
            hazard_classes=tuple(sorted({each.value for each in self.hazard_classes})),
            flight_ids=tuple(sorted(set(self.flight_ids))),
            days=self.days,
            empty_share=self.empty_share,
            weights=SelectionSettings(**self.weights.model_dump()),
        )


class SelectionFailure(Answer):
    """Why a selection could not be made, and what to do."""

    code: str
    message: str
    remedy: str | None


class SelectionItem(Answer):
    """One selection: what was asked for, how far it is, how much of it is drawn."""

    id: int
    state: Literal["queued", "done", "failed"]
    budget: int
    settings: dict[str, Any]
    summary: dict[str, Any] | None
    error: SelectionFailure | None
    chosen: int
    drawn: int = Field(description="photos of it that somebody has drawn")
    ordered_by: str
    created_at: datetime
    finished_at: datetime | None
    sent_at: datetime | None


class SelectionPage(Answer):
    """Selections, the latest first."""

    items: list[SelectionItem]
    next_cursor: str | None


class PickParts(Answer):
    """What speaks for a photo, each in [0, 1]."""

    uncertainty: float
    diversity: float
    rarity: float
    disagreement: float
    novelty: float


class PickItem(Answer):
    """One chosen photo; ``candidate_id`` is null where nothing was found in it."""

    rank: int
    kind: Literal["candidate", "photo"]
    photo_id: int
    candidate_id: int | None
    hazard_class: HazardClass | None
    total: float
    parts: PickParts
    reason: str
    evidence: dict[str, Any]
    is_drawn: bool


class PickPage(Answer):
    """The picks of a selection, the first to label in front."""

    items: list[PickItem]
    next_cursor: str | None
