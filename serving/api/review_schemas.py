"""What goes in and out over HTTP in review: candidates, decisions, merges and splits."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from detection.domain.finding import BuildingPart
from detection.domain.hazard import HazardClass
from serving.api.correction_schemas import CorrectionItem, StandingCorrection
from serving.api.queue_schemas import ClaimAnswer, RiskAnswer, TierCounts
from serving.api.schemas import MAX_ID, Answer, BoxXyxy, Note, Ring, RowId
from serving.review.decision import CandidateState, Verdict
from serving.review.tiers import Tier


class SightingItem(Answer):
    """One box that shows a candidate."""

    photo_id: int
    bbox_xyxy: BoxXyxy
    score: float


class VoteItem(Answer):
    """How many photos show a candidate as one class."""

    hazard_class: HazardClass
    photos: int


class VotesAnswer(Answer):
    """What the photos of a candidate say.

    ``covering`` counts the photos whose picture holds the place; null where nobody looked.
    """

    counts: list[VoteItem]
    views: int
    covering: int | None


class OnSameBuildingItem(Answer):
    """Another candidate of the flight on the same building."""

    id: int
    hazard_class: HazardClass


class OnBuildingAnswer(Answer):
    """The building that a candidate is on; the height is above the ground at its foot."""

    building_id: str
    name: str | None
    part: BuildingPart
    height_m: float
    height_std_m: float = Field(description="one standard deviation")
    probability: float
    roof_height_m: float | None = Field(default=None, description="of the building, by the layer")
    storeys: int | None = Field(default=None, description="by the layer")
    permitted_storeys: int | None = Field(default=None, description="by the layer, where it says")
    use: str | None = Field(default=None, description="by the layer, where it says")
    others: list[OnSameBuildingItem] = Field(default_factory=list)


class AreaAnswer(Answer):
    """An administrative area; ``near_border``: the 95 % ellipse reaches across its border."""

    level: str
    area_id: str
    name: str
    near_border: bool


class MeasureAnswer(Answer):
    """Size of a crack: pixels always, millimetres only where ``width_measurable``."""

    length_px: float
    mean_width_px: float
    max_width_px: float
    gsd_mm: float | None
    width_measurable: bool
    reason: str | None
    length_mm: float | None
    length_std_mm: float | None
    mean_width_mm: float | None
    max_width_mm: float | None
    width_std_mm: float | None


class CandidateItem(Answer):
    """A candidate in the queue; ``lon``, ``lat``, ``error_m`` are null together.

    ``is_ambiguous``: another thing of the kind is so near that the errors do not keep both apart.
    """

    id: int
    flight_id: int
    hazard_class: HazardClass
    score: float
    state: CandidateState
    lon: float | None
    lat: float | None
    error_m: float | None
    crop_url: str
    sightings: list[SightingItem]
    votes: VotesAnswer | None = None
    is_ambiguous: bool = False
    revision: int = Field(default=1, description="grows with each change of the sightings")
    tier: Tier = Tier.NORMAL
    risk: RiskAnswer | None = Field(default=None, description="why it comes where it does")
    claim: ClaimAnswer | None = Field(default=None, description="in lists: who looks at it now")
    origin: Literal["new", "stock"] | None = Field(
        default=None, description="whether it came since the baseline flight; null: not known"
    )


class NextAnswer(Answer):
    """Candidates that the caller holds now, in the order of the queue; empty: none is free.

    A claim ends ``lease_s`` seconds after the last heartbeat.
    """

    items: list[CandidateItem]
    lease_s: float
    heartbeat_s: float


class CandidatePage(Answer):
    """A page of candidates in the order of the queue: tier, then risk."""

    items: list[CandidateItem]
    next_cursor: str | None


class CountsAnswer(Answer):
    """How many candidates are in each state, and how many of them in each tier.

    ``tiers`` counts those of the state of the filter, the pending ones where it has none.
    """

    pending: int
    confirmed: int
    rejected: int
    unsure: int
    duplicate: int
    tiers: TierCounts


class Ellipse(Answer):
    """The 95 % error ellipse; the angle is that of the longer axis, clockwise from north."""

    semi_major_m: float
    semi_minor_m: float
    angle_deg: float


class SightingDetail(SightingItem):
    """A sighting with its photo, its outline and the model that saw it."""

    polygons: list[Ring] = Field(
        description="rings of x, y in photo pixels, one per piece; empty from a model of boxes"
    )
    hazard_class: HazardClass
    model_name: str
    weights_sha256: str
    threshold: float | None
    calibration_id: int | None = Field(
        default=None, description="the calibration that the threshold comes from; null: the model"
    )
    photo_name: str
    photo_url: str
    thumbnail_url: str
    width_px: int
    height_px: int
    lon: float | None
    lat: float | None
    yaw_deg: float | None
    pitch_deg: float | None = None
    focal_px: float | None = None
    captured_at: str | None
    unplaced_reason: str | None
    detection_id: int = Field(default=0, description="names the sighting in a split")
    is_current: bool = Field(
        default=True, description="false: of an earlier run; the last one did not find it again"
    )
    measure: MeasureAnswer | None = None
    model_bbox_xyxy: BoxXyxy | None = Field(
        default=None, description="as the model drew it, where a person corrected the box"
    )
    model_class: HazardClass | None = Field(
        default=None, description="as the model says, where a person corrected the class"
    )
    box_correction: StandingCorrection | None = None
    class_correction: StandingCorrection | None = None


class EventItem(Answer):
    """One act in the history of a candidate."""

    id: int
    kind: Literal["decision", "opinion", "undo"] = Field(
        description="an opinion was said without knowing the decision, and changed nothing"
    )
    verdict: Verdict | None
    state_before: CandidateState
    state_after: CandidateState
    note: str | None
    duplicate_of: int | None
    undoes: int | None
    undone: bool
    made_by: str
    made_at: datetime


class GroupingItem(Answer):
    """One act in the grouping of a candidate; ``others`` are the candidates on the other side."""

    id: int
    kind: Literal["merge", "split", "undo"]
    candidate_id: int
    others: list[int]
    sightings: int = Field(description="how many came or went")
    note: str | None
    undoes: int | None
    undone: bool
    is_last: bool = Field(description="whether it can be undone now")
    made_by: str
    made_at: datetime


class SamePlaceItem(Answer):
    """A candidate of another flight at the same place, latest first."""

    id: int
    flight_id: int
    flight_name: str
    hazard_class: HazardClass
    state: CandidateState
    seen_on: str = Field(description="day of its photos, else of the flight (ISO 8601)")


class CandidateAnswer(CandidateItem):
    """A candidate with everything a reviewer looks at.

    One that was merged into another names it in ``merged_into`` and has no sightings.
    """

    key: str
    duplicate_of: int | None
    method: str | None
    ellipse: Ellipse | None
    unplaced_reason: str | None
    config_hash: str
    model_names: list[str]
    sightings: list[SightingDetail]  # type: ignore[assignment]  # the same rows in more detail
    history: list[EventItem]
    merged_into: int | None = None
    in_dispute: bool = Field(
        default=False, description="two reviewers disagree; an arbiter is to decide"
    )
    is_marked_certain: bool = Field(
        default=False, description="may be shown as a check; told only to who may mark"
    )
    place_key: str | None = None
    on_building: OnBuildingAnswer | None = None
    areas: list[AreaAnswer] = Field(default_factory=list)
    measure: MeasureAnswer | None = Field(default=None, description="of its finest sighting")
    groupings: list[GroupingItem] = Field(default_factory=list)
    same_place: list[SamePlaceItem] = Field(default_factory=list)
    model_class: HazardClass | None = Field(
        default=None, description="as the models say, where a person corrected the class"
    )
    class_correction: StandingCorrection | None = None
    corrections: list[CorrectionItem] = Field(default_factory=list)


class DecisionRequest(BaseModel):
    """What a reviewer says. ``expected_state`` overrules a decision that the reviewer has seen."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict
    note: Note | None = None
    duplicate_of: RowId | None = None
    expected_state: CandidateState | None = None


class DecisionAnswer(Answer):
    """The number of the decision, for undo, and the state that followed."""

    id: int
    candidate_id: int
    state: CandidateState


class SeenCandidate(BaseModel):
    """Another candidate as the reviewer saw it."""

    model_config = ConfigDict(extra="forbid")

    id: RowId
    revision: int = Field(ge=1, le=MAX_ID)


class MergeRequest(BaseModel):
    """These others show the same thing. ``expected_state`` is needed where it is not pending."""

    model_config = ConfigDict(extra="forbid")

    revision: int = Field(ge=1, le=MAX_ID)
    others: list[SeenCandidate] = Field(min_length=1, max_length=50)
    expected_state: CandidateState = CandidateState.PENDING
    note: Note | None = None


class SplitRequest(BaseModel):
    """These sightings show another thing. ``expected_state`` is needed where it is not pending."""

    model_config = ConfigDict(extra="forbid")

    revision: int = Field(ge=1, le=MAX_ID)
    sightings: list[RowId] = Field(
        min_length=1, max_length=5000, description="their ``detection_id``"
    )
    expected_state: CandidateState = CandidateState.PENDING
    note: Note | None = None


class GroupingAnswer(Answer):
    """The number of the act, for undo, and the candidates that it concerns."""

    id: int
    kind: Literal["merge", "split", "undo"]
    candidate_id: int
    candidate_ids: list[int]
