"""What goes in and out over HTTP about comparisons of flights and what speaks for a storey."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from detection.domain.building_change import ChangeVerdict, EvidenceKind
from detection.domain.hazard import HazardClass
from serving.api.schemas import MAX_ID, Answer, BoxXyxy, FlightFailure, Ring

Origin = Literal["new", "stock"]
RunState = Literal["queued", "running", "done", "failed", "cancelled"]


class ChangeRequest(BaseModel):
    """With which earlier flight to compare; null: with the baseline of the place."""

    model_config = ConfigDict(extra="forbid")

    base_flight_id: int | None = Field(default=None, ge=1, le=MAX_ID)


class RunAnswer(Answer):
    """One comparison. ``survey``: only the roofs of one flight, held against the register.

    ``stage`` is one of base_features, base_matches, base_poses, new_features, new_matches,
    new_poses, coregister, heights, pictures, storing; ``done`` of ``total`` of it are done.
    """

    id: int
    kind: Literal["compare", "survey"]
    state: RunState
    stage: str | None
    done: int
    total: int
    base_flight_id: int | None
    base_flight_name: str | None
    new_flight_id: int
    new_flight_name: str
    requested_by: str | None = Field(description="null: the service itself")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    elapsed_s: float | None
    error: FlightFailure | None
    is_standing: bool = Field(description="its findings count for the flight")
    register_only: bool = Field(description="took over the heights of an earlier comparison")
    summary: dict[str, Any] | None = Field(description="counts and quality, where it is done")
    settings_hash: str
    can_cancel: bool
    findings_url: str
    shapes_url: str


class RunPage(Answer):
    """The comparisons of a flight, the latest first."""

    items: list[RunAnswer]
    next_cursor: str | None


class BaseChoiceItem(Answer):
    """An earlier flight over the place; ``overlap_share`` of the flight's ground it shows."""

    id: int
    name: str
    captured_on: str | None
    overlap_share: float
    is_baseline: bool


class OriginCounts(Answer):
    """How many candidates came since the baseline (新增), how many were there (存量)."""

    new: int
    stock: int


class FlightChangeAnswer(Answer):
    """Where a flight stands in the history of its place, and its comparisons.

    ``is_baseline`` is null where nobody can say (a street flight, no positions, not done yet).
    ``run`` is the latest comparison, ``standing`` the one whose findings count.
    """

    flight_id: int
    is_baseline: bool | None
    baseline_flight_id: int | None
    baseline_flight_name: str | None
    overlap_share: float | None
    counts: OriginCounts | None
    building_count: int
    register_count: int = Field(description="of these buildings, whose permitted storeys are known")
    can_start: bool
    start_problem: str | None = Field(description="a code: why no comparison can be begun now")
    base_choices: list[BaseChoiceItem]
    run: RunAnswer | None
    standing: RunAnswer | None


class ShownItem(Answer):
    """A photo that shows a building, with box and outline in its pixels."""

    photo_id: int
    flight_id: int
    name: str
    width_px: int
    height_px: int
    bbox_xyxy: BoxXyxy
    polygons: list[Ring]
    photo_url: str
    thumbnail_url: str


class ShownPhotos(Answer):
    """The best photos of both flights, best first."""

    before: list[ShownItem]
    after: list[ShownItem]


class FindingPictures(Answer):
    """Addresses of the pictures; null where none was drawn."""

    before: str | None
    after: str | None
    difference: str | None


class FindingItem(Answer):
    """What a comparison says of one building.

    ``verdict`` is null in a survey, ``probability`` that the roof really rose or fell.
    """

    id: int
    run_id: int
    layer_id: int
    building_id: str
    name: str | None
    verdict: ChangeVerdict | None
    reason: str | None
    candidate_id: int | None
    probability: float | None
    figures: dict[str, Any]
    pictures: FindingPictures
    picture_m_per_px: float | None
    photos: ShownPhotos
    geometry: dict[str, Any] = Field(description="the footprint, GeoJSON, lon, lat")
    part: dict[str, Any] | None = Field(description="what changed, GeoJSON MultiPolygon")


class FindingPage(Answer):
    """Findings, what matters first."""

    items: list[FindingItem]
    next_cursor: str | None


class EvidenceItem(Answer):
    """One signal; ``probability`` is that of the signal alone."""

    kind: EvidenceKind
    probability: float
    figures: dict[str, Any]


class SilentSignal(Answer):
    """A signal that cannot tell, with the code of the reason."""

    kind: EvidenceKind
    reason: str


class EvidenceAnswer(Answer):
    """What speaks for and against a candidate of a building; nothing of what was decided."""

    candidate_id: int
    hazard_class: HazardClass
    has_evidence: bool
    building_id: str | None
    layer_id: int | None
    building_name: str | None
    score: float
    origin: Origin | None
    evidence: list[EvidenceItem]
    cannot_tell: list[SilentSignal]
    finding: FindingItem | None
    run: RunAnswer | None
