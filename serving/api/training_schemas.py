"""What goes in and out over HTTP about trainings and changes of models that people order."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from serving.api.schemas import Answer, FlightFailure

OrderState = Literal["queued", "running", "done", "failed", "cancelled"]
ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
VersionName = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
Reason = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=3, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]


class TrainingRequest(BaseModel):
    """What to train anew, with which decisions, and how long it may take."""

    model_config = ConfigDict(extra="forbid")

    model: ModelName
    since: date | None = Field(default=None, description="photos decided on since; null: all")
    minutes: int | None = Field(default=None, ge=1, le=10_000, description="budget of training")
    epochs: int | None = Field(default=None, ge=1, le=1000)
    last_flights: int | None = Field(default=None, ge=1, le=50)
    estimate_only: bool = Field(default=False, description="say what it would take; train nothing")
    reason: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")] = ""


class PromotionRequest(BaseModel):
    """Which version shall get which status, and why."""

    model_config = ConfigDict(extra="forbid")

    version: VersionName
    to: Literal["candidate", "shadow", "active"]
    reason: Reason
    force: bool = Field(default=False, description="overrule the gate; the reason says why")


class RollbackRequest(BaseModel):
    """Which version to bring back (null: the one before), and why."""

    model_config = ConfigDict(extra="forbid")

    version: VersionName | None = None
    reason: Reason


class RescoringRequest(BaseModel):
    """Why the open queue shall be looked at anew."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")] = ""


class OrderAnswer(Answer):
    """One order. ``done`` of ``total`` of ``stage``; ``result`` is what came of it, in short."""

    id: int
    kind: str
    subject: str
    state: OrderState
    stage: str | None
    done: int
    total: int
    seconds_left: float | None
    parameters: dict[str, Any]
    reason: str
    result: dict[str, Any] | None
    error: FlightFailure | None
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    elapsed_s: float | None
    can_cancel: bool
    can_resume: bool
    log_url: str
    report_url: str | None


class OrderPage(Answer):
    """Orders, the latest first."""

    items: list[OrderAnswer]
    next_cursor: str | None


class WorkerItem(Answer):
    """A worker that can train, and on what."""

    name: str
    device: str
    started_at: datetime
    seen_at: datetime


class WorkerList(Answer):
    """The training workers that live; without one, ``command`` starts it on this machine."""

    items: list[WorkerItem]
    command: str


class RescoringAnswer(Answer):
    """How many pending candidates older weights have seen, and in how many flights."""

    candidates: int
    flights: int
