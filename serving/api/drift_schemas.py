"""What goes in and out over HTTP about drift."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from detection.domain.hazard import HazardClass
from serving.api.schemas import Answer

SeenNote = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$"),
]


class DriftPeriod(Answer):
    """What one period shows: a mean score or share with its 95 % interval, scores by bin."""

    flights: int
    count: int
    value: float | None
    low: float | None
    high: float | None
    histogram: list[int]


class SeenAnswer(Answer):
    """Who read an alarm, and what they say."""

    username: str
    note: str
    created_at: datetime


class DriftSliceItem(Answer):
    """One class in one slice by one measure.

    ``change`` is the difference of the shares confirmed, or the distance of the distributions of
    scores (the largest difference of their cumulative shares). An alarm is a change whose
    ``p_value`` is at most ``p_needed``. ``is_new``: held against all earlier flights, for the
    slice has too few of its own.
    """

    id: int
    hazard_class: HazardClass
    dimension: str
    value: str
    measure: Literal["scores", "confirmed"]
    is_new: bool
    reference: DriftPeriod
    recent: DriftPeriod
    change: float | None
    p_value: float | None
    p_needed: float | None
    verdict: Literal["alarm", "steady", "cannot_tell"]
    reason: str | None
    alarm_since: datetime | None
    is_part: bool = Field(description="part of the alarm of the whole class, read with it")
    seen: SeenAnswer | None


class DriftAnswer(Answer):
    """The latest look; ``made_at`` is null before the first. Alarms stand in front."""

    made_at: datetime | None
    settings: dict[str, Any]
    summary: dict[str, Any]
    open_alarms: int = Field(description="alarms that nobody has read yet")
    slices: list[DriftSliceItem]


class DriftAlarms(Answer):
    """How many alarms nobody has read yet."""

    open_alarms: int


class SeenRequest(BaseModel):
    """What somebody says of an alarm: what was found, what was done."""

    model_config = ConfigDict(extra="forbid")

    note: SeenNote
