"""What goes in and out over HTTP about thresholds of cameras."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from detection.domain.hazard import HazardClass
from serving.api.schemas import Answer, BoxXyxy, FlightFailure
from serving.learning.calibration_labels import Answer as LabelAnswer

MAX_NOTE = 2000
Score = Annotated[float, Field(gt=0.0, lt=1.0)]
Note = Annotated[str | None, Field(max_length=MAX_NOTE)]


class CalibrationRequest(BaseModel):
    """Which camera of the flight; ``anew``: another one beside one that is there."""

    model_config = ConfigDict(extra="forbid")

    camera: str = Field(min_length=1, max_length=200)
    anew: bool = False


class LabelRequest(BaseModel):
    """Whether the box shows its class; ``hazard_class``: what it is, where it is another one."""

    model_config = ConfigDict(extra="forbid")

    answer: LabelAnswer
    hazard_class: HazardClass | None = None


class ThresholdsRequest(BaseModel):
    """Classes with the thresholds that the person saw.

    ``confirm_raise``: guarded classes of which it is confirmed that the threshold rises.
    """

    model_config = ConfigDict(extra="forbid")

    thresholds: dict[HazardClass, Score] = Field(min_length=1)
    model: str | None = Field(
        default=None,
        max_length=100,
        description="whose thresholds; needed for a class that several models seek",
    )
    confirm_raise: list[HazardClass] = []
    only_site: bool = Field(default=False, description="only flights of the same site")
    note: Note = None


class WithdrawalRequest(BaseModel):
    """Why what was applied is taken back."""

    model_config = ConfigDict(extra="forbid")

    note: Note = None


class EstimateItem(Answer):
    """A figure with its 95 % interval."""

    mean: float
    low: float
    high: float


class OperationItem(Answer):
    """What happens at a threshold in the photos that were looked at.

    ``recall``: of the true things to which the model gives any score from its floor upwards.
    """

    threshold: float
    recall: EstimateItem
    alarms_per_photo: EstimateItem


class FitItem(Answer):
    """What the labels say; ``gain_per_photo`` in false alarms, a miss counted as configured."""

    verdict: Literal["change", "keep", "too_few", "cannot_tell"]
    now: OperationItem
    proposed: OperationItem
    recall_change: EstimateItem
    alarms_change: EstimateItem
    gain_per_photo: EstimateItem
    chance: float = Field(description="how likely the change saves anything in the long run")
    labels: int
    confirmed: int
    more: int | None


class ClassItem(Answer):
    """One class; ``fit`` null with fewer labels than say anything, or for a ``reason``."""

    model: str
    version: str
    hazard_class: HazardClass
    threshold: float
    boxes: int
    suggested: int
    labelled: int
    unsure: int
    is_guarded: bool
    more: int | None = Field(
        description="labels that are missing; null: the flight has not so many"
    )
    reason: str
    fit: FitItem | None
    raised: FitItem | None = Field(description="of a guarded class: were the threshold to rise")


class EventItem(Answer):
    """What somebody did with the figures; ``thresholds`` with the figures of then."""

    id: int
    kind: Literal["propose", "apply", "withdraw"]
    thresholds: list[dict[str, Any]]
    site: str | None
    raised: list[str]
    note: str | None
    undoes: int | None
    username: str
    created_at: datetime


class CalibrationSummary(Answer):
    """One calibration; ``labelling``: its boxes can be labelled."""

    id: int
    flight_id: int
    camera: str
    state: Literal["queued", "running", "labelling", "failed"]
    photos: int
    done: int
    created_at: datetime
    error: FlightFailure | None
    is_applied: bool


class CalibrationAnswer(CalibrationSummary):
    """A calibration with what its labels say, and what was done with it."""

    classes: list[ClassItem]
    events: list[EventItem]


class CameraItem(Answer):
    """A camera of a flight; ``is_new``: no earlier flight had it."""

    camera: str
    photos: int
    is_new: bool


class FlightCalibrations(Answer):
    """The cameras of a flight and their calibrations."""

    cameras: list[CameraItem]
    items: list[CalibrationSummary]


class BoxItem(Answer):
    """A box to be labelled. Its score is not told: it would lead whoever looks."""

    id: int
    photo_id: int
    model: str
    hazard_class: HazardClass
    bbox_xyxy: BoxXyxy
    crop_url: str
    answer: LabelAnswer | None
    labelled_class: HazardClass | None
    label_id: int | None


class BoxList(Answer):
    """The boxes to be labelled, in their order."""

    items: list[BoxItem]


class LabelItem(Answer):
    """A label, or that one was taken back."""

    id: int
    box_id: int
    kind: Literal["label", "undo"]
    answer: LabelAnswer | None
    hazard_class: HazardClass | None
    undoes: int | None
