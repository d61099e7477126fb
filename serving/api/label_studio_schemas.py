"""What goes in and out over HTTP about Label Studio."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from detection.domain.hazard import HazardClass
from serving.api.schemas import Answer, RowId

Geometry = Literal["boxes", "outlines"]
CandidateState = Literal["pending", "confirmed", "rejected", "unsure", "duplicate"]
MAX_PUSHED = 5000


class LabelProblemAnswer(Answer):
    """Something that is not mended."""

    code: str
    message: str
    remedy: str
    first_at: datetime | None = None
    last_at: datetime


class LabelProjectAnswer(Answer):
    """One project: what was sent, what came back."""

    geometry: Geometry
    classes: list[str]
    project_id: int | None
    address: str | None = Field(description="where people draw")
    is_outdated: bool = Field(description="labels changed since it was set up")
    has_webhook: bool
    synced_at: datetime | None
    tasks: int
    waiting: int
    pushed: int
    drawn: int
    skipped: int
    disagreeing: int
    refused: int
    deleted: int
    foreign: int = Field(description="tasks there that are not ours")
    agreement: float | None = Field(description="mean share on which several people agree")
    compared: int
    failure: LabelProblemAnswer | None


class LabelPushAnswer(Answer):
    """An order to have photos drawn on."""

    id: int
    state: Literal["queued", "done", "failed"]
    selection_id: int | None
    new_tasks: int
    known_tasks: int
    username: str
    created_at: datetime
    finished_at: datetime | None
    failure_code: str | None
    failure_message: str | None
    failure_remedy: str | None


class LabelStatusAnswer(Answer):
    """How things stand with Label Studio."""

    is_set: bool = Field(description="address, token and own address are given")
    projects: list[LabelProjectAnswer]
    problems: list[LabelProblemAnswer]
    pushes: list[LabelPushAnswer]
    waiting_events: int


class LabelPushRequest(BaseModel):
    """Which photos to send: those of a selection, or the best of each candidate that fits."""

    model_config = ConfigDict(extra="forbid")

    selection_id: RowId | None = None
    flight_id: RowId | None = None
    hazard_class: HazardClass | None = None
    state: CandidateState | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PUSHED)] = 100

    @model_validator(mode="after")
    def check_one_way(self) -> LabelPushRequest:
        """A selection says by itself which photos it holds."""
        if self.selection_id is not None and (
            self.flight_id or self.hazard_class or self.state or "limit" in self.model_fields_set
        ):
            message = "give a selection, or a filter"
            raise ValueError(message)
        return self


class EventAnswer(Answer):
    """What became of an event."""

    kept: bool = Field(description="false where it was kept before, or tells of nothing for us")
