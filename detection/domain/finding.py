"""What the models found: a box in a photo, the same with a place, and one thing seen often."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from detection.domain.geometry import BBox, Polygon
from detection.domain.hazard import HazardClass


@dataclass(frozen=True, slots=True)
class CrackShape:
    """Length and widths of a crack in pixels of the full photo, as seen in its pixels.

    ``width_std_px`` is one standard deviation of the mean width.
    """

    length_px: float
    mean_width_px: float
    max_width_px: float
    width_std_px: float


@dataclass(frozen=True, slots=True)
class Detection:
    """One box in one photo, with the model that said so.

    ``bbox_xyxy`` is in pixels of the full photo as displayed, ``score`` in [0, 1]. ``polygons``
    outline the thing in the same pixels, one ring per piece; a model of boxes leaves them out.
    ``crack`` is the shape of a crack, where it was measured while the pixels were at hand.
    """

    photo_id: str
    hazard_class: HazardClass
    score: float
    bbox_xyxy: BBox
    model_name: str
    weights_sha256: str
    polygons: tuple[Polygon, ...] = ()
    crack: CrackShape | None = None


@dataclass(frozen=True, slots=True)
class GroundPoint:
    """A place with its error.

    ``lon``/``lat`` are EPSG:4326 degrees. The covariance is in the local east/north plane, m².
    ``method`` says how the place was found (``flat_ground``, ``terrain``, ``surface``,
    ``building_facade``, ``building_roof``, ``building_measured``, ``camera_position``).
    """

    lon: float
    lat: float
    cov_ee_m2: float
    cov_en_m2: float
    cov_nn_m2: float
    method: str


class BuildingPart(StrEnum):
    """Where on a building something is."""

    FACADE = "facade"
    ROOF = "roof"


@dataclass(frozen=True, slots=True)
class OnBuilding:
    """The building of an imported layer that a detection is on.

    ``height_m`` is metres above the ground at its foot, with one standard deviation;
    ``probability`` the share of what the errors allow that meets this building.
    """

    building_id: str
    part: BuildingPart
    height_m: float
    height_std_m: float
    probability: float


@dataclass(frozen=True, slots=True)
class AreaMembership:
    """An administrative area (区, 街道, 社区, 网格) that a place lies in.

    ``near_border`` tells that the 95 % ellipse reaches across the area's border.
    """

    level: str
    area_id: str
    name: str
    near_border: bool


@dataclass(frozen=True, slots=True)
class CrackMeasure:
    """Length and width of a crack.

    Pixels are those of the full photo and always given; millimetres, with one standard
    deviation, only where ``width_measurable``. Otherwise ``reason`` says why not (a code).
    """

    length_px: float
    mean_width_px: float
    max_width_px: float
    gsd_mm: float | None
    width_measurable: bool
    reason: str | None = None
    length_mm: float | None = None
    length_std_mm: float | None = None
    mean_width_mm: float | None = None
    max_width_mm: float | None = None
    width_std_mm: float | None = None


@dataclass(frozen=True, slots=True)
class GeoDetection:
    """A detection with its place, or the reason why it has none."""

    detection: Detection
    ground: GroundPoint | None
    unplaced_reason: str | None = None
    on_building: OnBuilding | None = None
    measure: CrackMeasure | None = None


@dataclass(frozen=True, slots=True)
class ViewVotes:
    """What the photos of one thing say: views per class, and views that should show it.

    ``counts`` pairs each class with the photos that show it as that class. ``covering`` counts
    the photos whose picture holds the place; None where that was not looked at.
    """

    counts: tuple[tuple[HazardClass, int], ...]
    covering: int | None = None

    @property
    def views(self) -> int:
        """Photos that show the thing at all."""
        return sum(count for _, count in self.counts)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One physical thing seen in one or more photos, awaiting review. Never a hazard grade.

    ``key`` is stable across re-processing of the same files. ``hazard_class`` is the class that
    its sightings vote for, ``score`` the fused probability that it is a hazard at all
    (`detection.dedupe.score`). ``lon``, ``lat`` and ``error_m`` (semi-major axis of the
    95 % error ellipse, metres) are None together where no sighting could be placed.
    ``is_ambiguous`` tells that another thing of the kind is so near that the errors do not keep
    the two apart.
    """

    key: str
    hazard_class: HazardClass
    score: float
    lon: float | None
    lat: float | None
    error_m: float | None
    ground: GroundPoint | None
    sightings: tuple[GeoDetection, ...]
    votes: ViewVotes | None = None
    on_building: OnBuilding | None = None
    areas: tuple[AreaMembership, ...] = ()
    is_ambiguous: bool = False
