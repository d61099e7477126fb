"""What goes out over HTTP of a place seen on several dates."""

from __future__ import annotations

from pydantic import Field

from detection.domain.hazard import HazardClass
from serving.api.schemas import Answer, BoxXyxy, PhotoAnswer
from serving.review.decision import CandidateState


class PlaceInPhotoAnswer(Answer):
    """Where a photo shows the place, and how: two of these lay two photos over each other."""

    point_px: tuple[float, float]
    px_per_m: float
    turn_deg: float | None = Field(
        description="east clockwise from the right of the photo; null: the photo is upright"
    )


class SightingTie(Answer):
    """Where the photo of a sighting shows the place; ``shown`` is null without a full pose."""

    detection_id: int
    shown: PlaceInPhotoAnswer | None


class PlaceView(Answer):
    """A photo of another flight that shows the place.

    The candidate, its class and its state are those of the other flight, null where nothing was
    found there. ``is_exact``: the point is the box that was found; else it was computed from the
    pose, and ``error_m`` says how far it may be off (95 %).
    """

    flight_id: int
    flight_name: str
    taken_on: str = Field(description="day of the photo, else of the flight (ISO 8601)")
    is_earlier: bool
    photo: PhotoAnswer
    shown: PlaceInPhotoAnswer | None
    is_exact: bool
    error_m: float | None
    candidate_id: int | None
    hazard_class: HazardClass | None
    state: CandidateState | None
    bbox_xyxy: BoxXyxy | None


class PlaceAnswer(Answer):
    """A place on other dates, the latest first."""

    taken_on: str
    sightings: list[SightingTie]
    views: list[PlaceView]


class CounterpartAnswer(Answer):
    """The photo of another flight that shows best what is in the middle of a photo."""

    photo: PhotoAnswer
    shown: PlaceInPhotoAnswer | None
    other: PhotoAnswer | None
    other_shown: PlaceInPhotoAnswer | None
