"""The connected parts of a roof that rose or fell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.change.heights import Grid, HeightPatch, fill_heights
from detection.change.settings import ChangeSettings
from detection.domain.building_change import LonLatRing
from detection.domain.geometry import FloatArray
from detection.plane import LocalPlane

Cells = NDArray[np.bool_]
"""(rows, columns)."""

SPREAD_M = 0.75
"""Heights this near to the commonest one are the same roof."""
FILL_M = 2.0
"""Unseen cells this near to seen ones take part in a part's shape; they prove nothing."""
MIN_KNOWN_SHARE = 0.5
MIN_CORE_SHARE = 0.4
"""Shares of the smallest area that must be seen, and seen further inside than the footprint may
be off."""
FRINGE = 0.35
"""Of the window in which photos are compared: so far a box seems to reach beyond its edge."""
GAP_CELLS = 5
"""Gaps this wide that are not seen belong to the part on both sides."""
OVERBUILT_M = 0.4
"""What stood on a roof already, such as a stairwell, need rise only so much where a new roof
runs over it: the new surface shows that it belongs to the part."""
MIN_SEED_M2 = 2.0
SPECKLE_CELLS = 3
"""Side of the square that a part must hold somewhere at each of its cells."""
CANOPY_WINDOW_M = 1.4
CANOPY_ROUGHNESS_M = 0.25
CANOPY_OVERHANG_M2 = 6.0
CANOPY_REACH = 2.0
"""A tree's surface is rough, and goes on as rough outside the building (further than so many times
what the footprint may be off); a storey is smooth, ends at the wall, or touches a smooth roof."""
CANOPY_DROP_M = 1.5
SIMPLIFY_CELLS = 1.0


@dataclass(frozen=True, slots=True)
class Zones:
    """Cells of one footprint: ``inside`` it, its ``core`` away from the walls, well ``outside``."""

    inside: Cells
    core: Cells
    outside: Cells


@dataclass(frozen=True, slots=True)
class ChangedPart:
    """One connected part of a roof.

    ``cells`` are all of it, ``core`` those away from the footprint's edge that both flights show.
    ``change_m`` is the difference that most of it has, so that a stairwell on a new storey does
    not count; ``main`` are the cells that have it.
    """

    cells: Cells
    core: Cells
    main: Cells
    area_m2: float
    change_m: float


def draw_zones(grid: Grid, footprint_m: BaseGeometry, error_m: float) -> Zones:
    """Return the zones of a footprint whose walls may be off by ``error_m``."""
    return Zones(
        inside=grid.rasterize(footprint_m),
        core=grid.rasterize(footprint_m.buffer(-error_m)),
        outside=~grid.rasterize(footprint_m.buffer(CANOPY_REACH * error_m)),
    )


def find_parts(
    before: HeightPatch, after: HeightPatch, zones: Zones, settings: ChangeSettings
) -> tuple[list[ChangedPart], Cells]:
    """Return the parts that changed like the largest one (all up, or all down), largest first.

    The second result are the cells under trees, of which nothing is to be concluded.
    """
    found: list[ChangedPart] = []
    canopy = np.zeros_like(zones.inside)
    for sign, lower, upper in ((1.0, before, after), (-1.0, after, before)):
        for part in _find_risen(lower, upper, zones, settings):
            if _is_canopy(part, upper, zones):
                canopy |= part.cells
            else:
                found.append(replace(part, change_m=sign * part.change_m))
    found.sort(key=lambda part: -part.area_m2)
    return [part for part in found if part.change_m * found[0].change_m > 0], canopy


def _find_risen(
    lower: HeightPatch, upper: HeightPatch, zones: Zones, settings: ChangeSettings
) -> list[ChangedPart]:
    known = lower.seen & upper.seen
    rise = fill_heights(upper, FILL_M) - fill_heights(lower, FILL_M)
    changed = zones.inside & (np.nan_to_num(rise, nan=-1.0) >= settings.min_rise_m)
    cell_m2 = lower.cell_m**2
    changed = _add_overbuilt(changed, zones.inside & known, rise, upper.heights, cell_m2)
    changed = _bridge_gaps(changed, known, zones.inside)
    parts = []
    for solid, whole in _separate(changed, zones.inside, settings.window_m / lower.cell_m):
        part = _measure_part(whole, known, rise, zones, cell_m2)
        cells = min(
            solid.sum(),
            (whole & known).sum() / MIN_KNOWN_SHARE,
            part.core.sum() / MIN_CORE_SHARE,
        )
        if cells * cell_m2 >= settings.min_area_m2:
            parts.append(part)
    return parts


def _separate(changed: Cells, inside: Cells, window_cells: float) -> Iterator[tuple[Cells, Cells]]:
    """Return each connected part without its fringe, and with it.

    Windows make whatever stands out too wide, so that a shed of nine square metres looks like
    sixteen; where a part ends at the footprint nothing outside counts, and there is no fringe. What
    hangs together with its fringe is one part, however narrow the place that joins it.
    """
    side = 2 * round(FRINGE * window_cells) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    kept = changed & (cv2.erode((changed | ~inside).astype(np.uint8), disc) > 0)
    solids = _open(kept)
    _, labels = cv2.connectedComponents(changed.astype(np.uint8), connectivity=4)
    for label in np.unique(labels[solids]):
        solid = solids & (labels == label)
        grown = cv2.dilate(solid.astype(np.uint8), disc) > 0
        yield solid, np.asarray(grown & changed, dtype=np.bool_)


def _add_overbuilt(
    changed: Cells, known: Cells, rise: FloatArray, heights: FloatArray, cell_m2: float
) -> Cells:
    """Return the changed cells with those that the same new surface covers and that rose less."""
    whole = changed.copy()
    count, labels = cv2.connectedComponents(changed.astype(np.uint8), connectivity=4)
    for label in range(1, count):
        seed = (labels == label) & known
        if seed.sum() * cell_m2 < MIN_SEED_M2:
            continue
        level = find_mode(heights[seed], SPREAD_M)
        covered = known & (np.abs(np.nan_to_num(heights, nan=np.inf) - level) <= SPREAD_M)
        covered &= ~changed & (np.nan_to_num(rise, nan=0.0) >= OVERBUILT_M)
        # The rim of a shed, too, is at its height and rose less; it is narrower than a stairwell.
        covered = _open(covered)
        _, joined = cv2.connectedComponents((covered | seed).astype(np.uint8), connectivity=4)
        whole |= np.isin(joined, np.unique(joined[seed]))
    return whole


def _open(cells: Cells) -> Cells:
    """Return the cells without what is narrower than `SPECKLE_CELLS`."""
    square = np.ones((SPECKLE_CELLS, SPECKLE_CELLS), np.uint8)
    opened = cv2.morphologyEx(cells.astype(np.uint8), cv2.MORPH_OPEN, square)
    return np.asarray(opened > 0, dtype=np.bool_)


def _bridge_gaps(changed: Cells, known: Cells, inside: Cells) -> Cells:
    """Return the cells with narrow gaps filled in that are not seen, up to the footprint's edge."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (GAP_CELLS, GAP_CELLS))
    closed = cv2.morphologyEx((changed | ~inside).astype(np.uint8), cv2.MORPH_CLOSE, disc) > 0
    return np.asarray(changed | (closed & inside & ~known), dtype=np.bool_)


def _measure_part(
    cells: Cells, known: Cells, rise: FloatArray, zones: Zones, cell_m2: float
) -> ChangedPart:
    seen = cells & known
    change, main = 0.0, seen
    if seen.any():
        change = find_mode(rise[seen], SPREAD_M)
        main = seen & (np.abs(rise - change) <= SPREAD_M)
        change = float(np.median(rise[main]))
    return ChangedPart(cells, seen & zones.core, main, float(cells.sum()) * cell_m2, change)


def find_mode(heights: FloatArray, spread_m: float) -> float:
    """Return the height within ``spread_m`` of which most of the ``heights`` lie."""
    ordered = np.sort(heights)
    count = np.searchsorted(ordered, ordered + 2 * spread_m) - np.arange(len(ordered))
    return float(ordered[int(count.argmax())]) + spread_m


def _is_canopy(part: ChangedPart, upper: HeightPatch, zones: Zones) -> bool:
    """Return whether a part's upper surface is that of a tree beside the building."""
    top = float(np.median(upper.heights[part.core]))
    high = upper.seen & (np.nan_to_num(upper.heights, nan=-np.inf) >= top - CANOPY_DROP_M)
    _, labels = cv2.connectedComponents(high.astype(np.uint8), connectivity=4)
    joined = np.isin(labels, np.unique(labels[part.core & high])) & high
    overhang = joined & zones.outside
    if float(overhang.sum()) * upper.cell_m**2 < CANOPY_OVERHANG_M2:
        return False
    # The next house's roof may be as high as a new one: its surface, without its edge, tells.
    beyond = float(np.median(_measure_roughness(upper, joined)[overhang]))
    within = float(np.median(_measure_roughness(upper, upper.seen)[part.core]))
    return min(beyond, within) >= CANOPY_ROUGHNESS_M


def _measure_roughness(patch: HeightPatch, cells: Cells) -> FloatArray:
    """Return the standard deviation of the heights of those ``cells``, all seen, round each one."""
    side = max(3, round(CANOPY_WINDOW_M / patch.cell_m))
    seen = cells.astype(np.float64)
    heights = np.where(cells, patch.heights - np.nanmedian(patch.heights), 0.0)
    count = np.maximum(cv2.blur(seen, (side, side)), 1e-9)
    mean = cv2.blur(heights, (side, side)) / count
    squares = cv2.blur(heights * heights, (side, side)) / count
    return np.asarray(np.sqrt(np.maximum(squares - mean * mean, 0.0)), dtype=np.float64)


def list_rings(cells: Cells, grid: Grid, plane: LocalPlane) -> tuple[LonLatRing, ...]:
    """Return the outer rings of the cells, EPSG:4326."""
    fine = np.kron(cells.astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(fine, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    rings = []
    for contour in contours:
        corners = (contour.reshape(-1, 2) + 0.5) / 2 * grid.cell_m
        if len(corners) < 4:  # noqa: PLR2004  # less than a triangle, closed
            continue
        metres = np.column_stack([grid.west_m + corners[:, 0], grid.north_m - corners[:, 1]])
        outline = shapely.simplify(shapely.linearrings(metres), SIMPLIFY_CELLS * grid.cell_m)
        lonlat = plane.to_lonlat(shapely.get_coordinates(outline))
        rings.append(tuple((float(lon), float(lat)) for lon, lat in lonlat))
    return tuple(rings)
