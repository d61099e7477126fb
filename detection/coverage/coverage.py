"""What a flight saw of buildings, covers and areas: the result, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shapely.geometry.base import BaseGeometry

from detection.coverage.footprint import Footprint


class TargetKind(StrEnum):
    """What should be seen."""

    BUILDING = "building"
    COVER = "cover"


class SeenState(StrEnum):
    """How well a target was seen, best first."""

    SEEN = "seen"
    PARTLY_SEEN = "partly_seen"
    TOO_COARSE = "too_coarse"
    POOR_PHOTO = "poor_photo"
    NOT_SEEN = "not_seen"


@dataclass(frozen=True, slots=True)
class TargetCoverage:
    """One building or cover.

    ``share`` is the part of the roof (of a cover: 0 or 1) that enough good photos show finely
    enough, ``views`` how many of them show its best part. ``gsd_m`` is the finest pixel in any
    photo (None: none shows it) and ``max_gsd_m`` the coarsest that would do. ``walls_share`` is
    the part of a building's outer walls seen finely enough for cracks, ``walls_gsd_m`` the finest
    pixel on them; None for a cover.
    """

    kind: TargetKind
    target_id: str
    name: str
    geometry: BaseGeometry
    state: SeenState
    share: float
    views: int
    gsd_m: float | None
    max_gsd_m: float
    walls_share: float | None = None
    walls_gsd_m: float | None = None


@dataclass(frozen=True, slots=True)
class AreaCoverage:
    """One area: its size, the part that usable photos show, and the gaps worth flying again."""

    area_id: str
    name: str
    level: str
    geometry: BaseGeometry
    area_m2: float
    share: float
    gaps: tuple[BaseGeometry, ...]


@dataclass(frozen=True, slots=True)
class PhotoFlags:
    """What is wrong with one photo: reason codes, empty where nothing is."""

    photo_id: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NeedMet:
    """How many photos are fine enough for one purpose, at the middle of what they show.

    ``key`` is ``manhole_state``, ``added_storey``, ``crack_seen`` or ``crack_width``.
    """

    key: str
    max_gsd_m: float
    photos: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """The result for one flight. All shapes are EPSG:4326, longitude first.

    ``covered`` is the ground that usable photos show with pixels fine enough for anything at all.
    ``flags`` has a row for each photo, ``needs_met`` one for each purpose. ``focal_px`` is the
    usual focal length, from which the height to fly at follows; None where no photo tells.
    """

    footprints: tuple[Footprint, ...]
    covered: BaseGeometry
    targets: tuple[TargetCoverage, ...]
    areas: tuple[AreaCoverage, ...]
    flags: tuple[PhotoFlags, ...]
    needs_met: tuple[NeedMet, ...]
    focal_px: float | None

    def list_targets(self, kind: TargetKind) -> tuple[TargetCoverage, ...]:
        """Return the targets of one kind."""
        return tuple(one for one in self.targets if one.kind is kind)

    def compute_share(self, kind: TargetKind) -> float | None:
        """Return 覆盖率 of one kind: the part of its targets that is seen; None without any."""
        targets = self.list_targets(kind)
        if not targets:
            return None
        return sum(one.state is SeenState.SEEN for one in targets) / len(targets)

    def compute_area_share(self) -> float | None:
        """Return 覆盖率 of the areas together, by size; None without any."""
        total_m2 = sum(one.area_m2 for one in self.areas)
        if total_m2 <= 0:
            return None
        return sum(one.share * one.area_m2 for one in self.areas) / total_m2
