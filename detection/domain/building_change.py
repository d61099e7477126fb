"""What two flights say of a building, and what speaks for a storey that was added to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

LonLatRing = tuple[tuple[float, float], ...]
"""Corners of a ring, EPSG:4326, longitude first."""


class ChangeVerdict(StrEnum):
    """What became of a roof between two flights, as far as their photos tell."""

    UNCHANGED = "unchanged"
    RISE = "rise"
    FALL = "fall"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class BuildingChange:
    """The difference of the heights of one building between an earlier and a later flight.

    ``height_change_m`` is the median over the part that changed, of an unchanged building over
    all of its roof, with one standard deviation that holds what the co-registration adds;
    ``area_m2`` is the area of that part and ``part_lonlat`` its outline. ``roof_before_m`` and
    ``roof_after_m`` are that part's heights above the ground at the building's foot. All are None
    where the verdict is ``CANNOT_TELL``; then ``reason`` is a code of `detection.domain.reasons`.
    ``seen_share`` is the share of the footprint of which both flights show a height.
    """

    building_id: str
    verdict: ChangeVerdict
    reason: str | None = None
    height_change_m: float | None = None
    height_change_std_m: float | None = None
    area_m2: float | None = None
    part_lonlat: tuple[LonLatRing, ...] = ()
    roof_before_m: float | None = None
    roof_after_m: float | None = None
    seen_share: float = 0.0


@dataclass(frozen=True, slots=True)
class RoofHeight:
    """How high a building's main roof stands above the ground at its foot, as one flight shows.

    Both numbers are None where the flight cannot tell; ``reason`` then says why (a code).
    """

    building_id: str
    height_m: float | None
    height_std_m: float | None
    reason: str | None = None


class EvidenceKind(StrEnum):
    """The three things that may speak for an added storey."""

    CHANGE = "change"
    REGISTER = "register"
    PHOTO = "photo"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that speaks for, or against, a storey having been added to a building.

    ``probability`` in [0, 1] is that of the signal alone: that the roof really rose, that the
    building has more storeys than it is permitted, that a photo shows an addition. ``figures``
    are the numbers behind it, for a person to read.
    """

    kind: EvidenceKind
    probability: float
    figures: Mapping[str, float | int | str | None] = field(default_factory=dict)
