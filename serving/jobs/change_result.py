"""What a comparison takes and what comes out, as plain values that go to another process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from detection.domain.building_change import BuildingChange, RoofHeight
from detection.domain.geometry import Polygon
from detection.domain.photo import Flight
from detection.layers.buildings import BuildingLayer


@dataclass(frozen=True, slots=True)
class ComparisonTask:
    """What is compared; without ``base`` only the roofs of ``new`` are measured.

    Photos are named by the numbers of their rows.
    """

    new: Flight
    base: Flight | None
    buildings: BuildingLayer
    threads: int


@dataclass(frozen=True, slots=True)
class ShownIn:
    """Where a photo shows a building, or the part of it that changed: box and outline, pixels."""

    photo_id: str
    bbox_xyxy: tuple[float, float, float, float]
    polygons: tuple[Polygon, ...] = ()


@dataclass(frozen=True, slots=True)
class Pictures:
    """A building from straight above, JPEG, and the difference of its heights, PNG.

    All lie on one grid of ``m_per_px`` metres; None where nothing was seen.
    """

    before: bytes | None
    after: bytes | None
    difference: bytes | None
    m_per_px: float


@dataclass(frozen=True, slots=True)
class MeasuredBuilding:
    """What was measured of one building; ``change`` is None where nothing was compared."""

    building_id: str
    change: BuildingChange | None = None
    roof: RoofHeight | None = None
    shown_before: tuple[ShownIn, ...] = ()
    shown_after: tuple[ShownIn, ...] = ()
    pictures: Pictures | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result for every building near the flight.

    ``quality`` holds numbers about the whole: ``sigma_dz_m``, ``overlap_share``, how many photos
    were used. ``settings_hash`` names the settings of the measurement.
    """

    buildings: tuple[MeasuredBuilding, ...]
    settings_hash: str
    quality: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why flights cannot be compared: code, message and remedy of the error that said so."""

    code: str
    message: str
    remedy: str


Report = Callable[[str, int, int], None]
"""Hears the stage, how much of it is done, and of how much."""

CompareFlights = Callable[[ComparisonTask, Report, Callable[[], bool]], Comparison | Refusal | None]
"""Compares, tells how far it is, and asks now and then whether to stop; None where it stopped."""
