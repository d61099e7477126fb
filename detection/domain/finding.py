"""What the models found: a box in a photo, the same with a place, and one thing seen often."""

from __future__ import annotations

from dataclasses import dataclass

from detection.domain.geometry import BBox, Polygon
from detection.domain.hazard import HazardClass


@dataclass(frozen=True, slots=True)
class Detection:
    """One box in one photo, with the model that said so.

    ``bbox_xyxy`` is in pixels of the full photo as displayed, ``score`` in [0, 1]. ``polygons``
    outline the thing in the same pixels, one ring per piece; a model of boxes leaves them out.
    """

    photo_id: str
    hazard_class: HazardClass
    score: float
    bbox_xyxy: BBox
    model_name: str
    weights_sha256: str
    polygons: tuple[Polygon, ...] = ()


@dataclass(frozen=True, slots=True)
class GroundPoint:
    """A place with its error.

    ``lon``/``lat`` are EPSG:4326 degrees. The covariance is in the local east/north plane, m².
    ``method`` says how the place was found (``flat_ground``, ``camera_position``).
    """

    lon: float
    lat: float
    cov_ee_m2: float
    cov_en_m2: float
    cov_nn_m2: float
    method: str


@dataclass(frozen=True, slots=True)
class GeoDetection:
    """A detection with its place, or the reason why it has none."""

    detection: Detection
    ground: GroundPoint | None
    unplaced_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One physical thing seen in one or more photos, awaiting review. Never a hazard grade.

    ``key`` is stable across re-processing of the same files. ``hazard_class`` is the class that
    its sightings vote for, ``score`` the mean over all sightings of the score for a hazard class
    (a sighting as intact counts 0). ``lon``, ``lat`` and ``error_m`` (semi-major axis of the
    95 % error ellipse, metres) are None together where no sighting could be placed.
    """

    key: str
    hazard_class: HazardClass
    score: float
    lon: float | None
    lat: float | None
    error_m: float | None
    ground: GroundPoint | None
    sightings: tuple[GeoDetection, ...]
