"""What two height patches say of a building, and how high one of them shows its roof."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from shapely.geometry.base import BaseGeometry

from detection.change.ground import Ground
from detection.change.heights import HeightPatch
from detection.change.parts import (
    SPREAD_M,
    Cells,
    ChangedPart,
    Zones,
    draw_zones,
    find_mode,
    find_parts,
    list_rings,
)
from detection.change.settings import ChangeSettings
from detection.domain.building_change import BuildingChange, ChangeVerdict, RoofHeight
from detection.domain.geometry import FloatArray
from detection.plane import LocalPlane

MIN_SIGMAS = 3.0
"""A change has to exceed its own standard deviation so many times."""
PARAPET_M = 0.5
"""What is not seen of a part may lie so much lower, behind the parapet that is seen."""
UNEVEN = 0.5
"""Of the spread over a part, what its one figure may be off: slopes, stairwells, blank patches."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """One building in both epochs: ``zones`` those of its footprint."""

    before: HeightPatch
    after: HeightPatch
    zones: Zones
    sigma_dz_m: float
    settings: ChangeSettings

    @property
    def both(self) -> Cells:
        """Cells that both flights show."""
        return self.before.seen & self.after.seen

    @property
    def difference(self) -> FloatArray:
        """Height after less height before, NaN where one is not seen."""
        return np.asarray(np.where(self.both, self.after.heights - self.before.heights, np.nan))

    @property
    def seen_share(self) -> float:
        """Share of the footprint that both flights show."""
        return float(self.both[self.zones.inside].mean()) if self.zones.inside.any() else 0.0

    def std_of(self, cells: Cells) -> float:
        """Return one standard deviation of the median difference over some cells."""
        values = self.difference[cells]
        stds = [_std_of_median(values, one, cells, self.settings) for one in self.patches]
        return float(np.hypot(self.sigma_dz_m, max(stds)))

    @property
    def patches(self) -> tuple[HeightPatch, HeightPatch]:
        """Before and after."""
        return self.before, self.after

    def list_above_ground(self, cells: Cells) -> list[float | None]:
        """Return the heights of some cells above the ground at the foot, before and after."""
        found: list[float | None] = []
        for patch in self.patches:
            roof = float(np.nanmedian(patch.heights[cells]))
            found.append(None if patch.ground is None else roof - patch.ground.height_m)
        return found


def compare_building(
    building_id: str,
    before: HeightPatch,
    after: HeightPatch,
    footprint_m: BaseGeometry,
    *,
    plane: LocalPlane,
    sigma_dz_m: float,
    settings: ChangeSettings,
) -> BuildingChange:
    """Return what became of a roof; both patches lie on one grid in one frame of heights.

    ``sigma_dz_m`` is one standard deviation of what the co-registration adds to a difference.
    Cells within ``footprint_error_m`` of a wall belong to a change that reaches further in, but
    make none themselves.
    """
    zones = draw_zones(before.grid, footprint_m, settings.footprint_error_m)
    pair = _Pair(before, after, zones, sigma_dz_m, settings)
    parts, canopy = find_parts(before, after, zones, settings)
    if parts:
        return _describe_change(building_id, pair, parts, plane)
    cells = pair.both & zones.core & ~canopy
    reason = _find_doubt(pair, cells)
    if reason is not None:
        return _cannot_tell(building_id, pair, reason)
    roof_before, roof_after = pair.list_above_ground(cells)
    return BuildingChange(
        building_id,
        ChangeVerdict.UNCHANGED,
        height_change_m=float(np.median(pair.difference[cells])),
        height_change_std_m=pair.std_of(cells),
        area_m2=float(zones.inside.sum()) * before.cell_m**2,
        roof_before_m=roof_before,
        roof_after_m=roof_after,
        seen_share=pair.seen_share,
    )


def measure_roof(
    building_id: str,
    patch: HeightPatch,
    footprint_m: BaseGeometry,
    settings: ChangeSettings,
    ground_m: float | None = None,
) -> RoofHeight:
    """Return the height of the main roof above the ground at the foot of the building.

    The main roof is the height that most of it has, so that a stairwell or a tank does not count.
    ``ground_m`` is that of the patch unless given.
    """
    core = patch.grid.rasterize(footprint_m.buffer(-settings.footprint_error_m))
    seen = core & patch.seen
    if not core.any():
        return RoofHeight(building_id, None, None, "change_footprint_small")
    if seen.sum() < max(1.0, settings.min_seen_share * core.sum()):
        return RoofHeight(building_id, None, None, _why_unseen(patch, core))
    ground = patch.ground if ground_m is None else Ground(ground_m, 0.0)
    if ground is None:
        return RoofHeight(building_id, None, None, "change_ground_not_seen")
    heights = patch.heights[seen]
    near = np.abs(heights - find_mode(heights, SPREAD_M)) <= SPREAD_M
    std = math.hypot(_std_of_median(heights[near], patch, seen, settings), ground.std_m)
    return RoofHeight(building_id, float(np.median(heights[near])) - ground.height_m, std)


def _describe_change(
    building_id: str, pair: _Pair, parts: list[ChangedPart], plane: LocalPlane
) -> BuildingChange:
    largest = parts[0]
    known = largest.cells & pair.both
    spread = _measure_spread(pair.difference[known])
    unseen = PARAPET_M * (1.0 - known.sum() / largest.cells.sum())
    std = math.hypot(pair.std_of(largest.main), UNEVEN * spread, unseen)
    if abs(largest.change_m) < MIN_SIGMAS * std:
        return _cannot_tell(building_id, pair, "change_height_unsure")
    roof_before, roof_after = pair.list_above_ground(largest.main)
    return BuildingChange(
        building_id,
        ChangeVerdict.RISE if largest.change_m > 0 else ChangeVerdict.FALL,
        height_change_m=largest.change_m,
        height_change_std_m=std,
        area_m2=sum(part.area_m2 for part in parts),
        part_lonlat=tuple(
            ring for part in parts for ring in list_rings(part.cells, pair.before.grid, plane)
        ),
        roof_before_m=roof_before,
        roof_after_m=roof_after,
        seen_share=pair.seen_share,
    )


def _cannot_tell(building_id: str, pair: _Pair, reason: str) -> BuildingChange:
    return BuildingChange(
        building_id, ChangeVerdict.CANNOT_TELL, reason, seen_share=pair.seen_share
    )


def _find_doubt(pair: _Pair, cells: Cells) -> str | None:
    """Return why it cannot be told whether a roof changed, or None.

    ``cells`` are those of the core that both flights show, not covered by trees.
    """
    core, settings = pair.zones.core, pair.settings
    if core.sum() * pair.before.cell_m**2 < settings.min_area_m2 / 2:
        return "change_footprint_small"
    if cells.sum() >= max(1.0, settings.min_seen_share * core.sum()):
        return None
    worse = min(pair.patches, key=lambda patch: float(patch.seen[core].mean()))
    return _why_unseen(worse, core)


def _why_unseen(patch: HeightPatch, core: Cells) -> str:
    unseen = core & ~patch.seen
    is_blank = 2 * (patch.blank & unseen).sum() > unseen.sum()
    return "change_roof_blank" if is_blank else "change_not_seen"


def _std_of_median(
    values: FloatArray, patch: HeightPatch, cells: Cells, settings: ChangeSettings
) -> float:
    """Return one standard deviation of a median; cells of one window err together."""
    windows = max(1.0, len(values) * patch.cell_m**2 / settings.window_m**2)
    spread = _measure_spread(values)
    return float(np.hypot(spread, np.nanmedian(patch.std_m[cells])) / np.sqrt(windows))


def _measure_spread(values: FloatArray) -> float:
    """Return the standard deviation of values by their median absolute deviation."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))
