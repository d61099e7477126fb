"""What goes in and out over HTTP. Lists hold ``items`` and a ``next_cursor`` (null at the end)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from detection.domain.hazard import HazardClass
from detection.domain.photo import FlightKind
from serving.accounts.roles import Role
from serving.db.permit_books import Permit, PermitAnswer

MAX_ID = 2**63 - 1
SCHEME: Final = "bearer"

Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]
Note = Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00]*$")]
RowId = Annotated[int, Field(ge=1, le=MAX_ID)]
BoxXyxy = tuple[float, float, float, float]
Ring = list[tuple[float, float]]
FlightState = Literal["draft", "queued", "processing", "done", "failed", "cancelled"]
PhotoState = Literal["queued", "done", "failed", "left_out"]


class Answer(BaseModel):
    """Parent of everything that goes out."""

    model_config = ConfigDict(from_attributes=True)


class TokenAnswer(Answer):
    """A session token, as OAuth2 names its parts."""

    access_token: str
    token_type: Literal["bearer"] = SCHEME
    expires_in: int = Field(description="seconds")


class SessionRequest(BaseModel):
    """Who signs in, from a page."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(max_length=200)
    password: str = Field(max_length=1000)


class MeAnswer(Answer):
    """Who is signed in, and what they may do."""

    id: int
    username: str
    role: Role
    permissions: list[str]


class HealthAnswer(Answer):
    """Whether the service can work."""

    status: Literal["ok", "degraded"]
    database: Literal["ok", "unavailable"]
    worker: Literal["ok", "absent", "stalled", "unknown"]
    worker_heartbeat_s: float | None = Field(description="seconds since a worker showed life")
    version: str


class FlightRequest(BaseModel):
    """A new flight."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    kind: FlightKind
    site: Name | None = None
    views: Annotated[int, Field(ge=0, le=20)] | None = Field(
        default=None,
        description="good photos that shall show every spot of the ground; 0: look at every photo",
    )


class FlightCreated(Answer):
    """The number of the new flight."""

    id: int


class ProgressAnswer(Answer):
    """Exact counts; at the end done, failed and left out together are ``photos_total``."""

    photos_total: int
    photos_done: int
    photos_failed: int
    photos_left_out: int
    candidates: int


class FailureAnswer(Answer):
    """A file that could not be used, and what a person can do."""

    photo_id: int | None
    file_name: str
    code: str
    message: str
    remedy: str
    created_at: datetime


class FlightFailure(Answer):
    """Why a whole flight could not be processed."""

    code: str
    message: str
    remedy: str


class FlightSummary(Answer):
    """A flight in a list."""

    id: int
    name: str
    kind: FlightKind
    site: str | None
    state: FlightState
    created_at: datetime
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    progress: ProgressAnswer


class FlightAnswer(FlightSummary):
    """A flight with what could not be used of it."""

    failure: FlightFailure | None
    failures: list[FailureAnswer]


class FlightPage(Answer):
    """A page of flights, newest first."""

    items: list[FlightSummary]
    next_cursor: str | None


class FlightStateAnswer(Answer):
    """A flight's new state."""

    id: int
    state: FlightState


class PhotoAccepted(Answer):
    """A photo that is stored for good."""

    id: int
    flight_id: int
    name: str
    sha256: str
    size_bytes: int
    width_px: int
    height_px: int
    lon: float | None
    lat: float | None
    captured_at: str | None
    warnings: list[str]
    flags: list[str] = Field([], description="faults of the picture itself: blur, exposure")


class PhotoItem(Answer):
    """A photo of a flight, for the map."""

    id: int
    name: str
    lon: float | None
    lat: float | None
    yaw_deg: float | None
    state: PhotoState
    captured_at: str | None
    flags: list[str] = Field(description="faults of the picture itself: blur, exposure")
    thumbnail_url: str


class PhotoPage(Answer):
    """A page of photos in the order of arrival."""

    items: list[PhotoItem]
    next_cursor: str | None


class PhotoAnswer(PhotoItem):
    """A photo with all that is needed to show it."""

    flight_id: int
    sha256: str
    size_bytes: int
    media_type: str
    width_px: int
    height_px: int
    camera_model: str | None
    altitude_agl_m: float | None
    pitch_deg: float | None
    warnings: list[str]
    original_url: str
    tiles_url: str = Field(description="with {level}, {x} and {y}; DZI levels, no overlap")
    tile_px: int
    overlap_px: int
    max_level: int


class HazardPermit(Answer):
    """What people found of one permit; nobody is named while two reviewers disagree."""

    permit: Permit
    answer: PermitAnswer
    note: str | None
    checked_by: str
    checked_at: datetime


class HazardItem(Answer):
    """A confirmed candidate."""

    id: int
    flight_id: int
    flight_name: str
    site: str | None
    hazard_class: HazardClass
    score: float
    lon: float | None
    lat: float | None
    error_m: float | None
    sightings: int
    models: list[str]
    threshold: float | None
    confirmed_by: str = Field(description="empty while two reviewers disagree")
    confirmed_at: datetime
    decision_id: int = Field(description="for undo")
    note: str | None
    crop_url: str
    in_dispute: bool = Field(
        default=False, description="two reviewers disagree; an arbiter is to decide"
    )
    permits: list[HazardPermit] = Field(
        default_factory=list, description="those that somebody looked for"
    )


class HazardPointItem(Answer):
    """Where a confirmed candidate lies, for a map."""

    id: int
    hazard_class: HazardClass
    lon: float
    lat: float


class HazardPoints(Answer):
    """Hazards that have a place, latest confirmation first; ``is_cut``: there are more.

    ``unplaced`` counts those that have none.
    """

    items: list[HazardPointItem]
    is_cut: bool
    unplaced: int


class HazardPage(Answer):
    """A page of hazards, latest confirmation first."""

    items: list[HazardItem]
    next_cursor: str | None


class ShadowTally(Answer):
    """What a shadow model said so far: photos looked at, and boxes of each class in them."""

    photos: int
    boxes: dict[HazardClass, int]


class ModelItem(Answer):
    """One version of a model; ``since`` is when it got its status, null where nobody wrote it."""

    name: str
    task: str
    status: Literal["candidate", "shadow", "active", "retired"]
    version: str
    since: str | None
    trained_at: str
    tile_px: int
    thresholds: dict[HazardClass, float]
    weights_sha256: str
    int8_weights_sha256: str | None
    signature: str
    forced: str | None
    shadow: ShadowTally | None


class ModelList(Answer):
    """Every version in the models folder; ``shadow_runs`` says whether shadows look at flights."""

    items: list[ModelItem]
    shadow_runs: bool
