"""The map of the buildings as inline SVG shapes: north up, one scale, no background map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from detection.change.report.outcome import BuildingState, Outcome
from detection.domain.building_change import LonLatRing
from detection.domain.geometry import FloatArray
from detection.layers.layer import as_geometry_array, find_middle, project_geometries
from detection.plane import LocalPlane

WIDTH_PX = 900
MIN_HEIGHT_PX, MAX_HEIGHT_PX = 360, 900
MARGIN_PX = 40
MAX_BAR_PX = 180
_MIN_EXTENT_M = 40.0


@dataclass(frozen=True, slots=True)
class BuildingMark:
    """A building as an SVG path with its state, its name, and where the name stands."""

    path: str
    state: BuildingState
    building_id: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class ChangeSketch:
    """Everything to draw, in the units of the SVG's view box; paths are SVG path data."""

    width: int
    height: int
    buildings: tuple[BuildingMark, ...]
    parts: str
    bar_px: float
    bar_m: float


@dataclass(frozen=True, slots=True)
class _Paper:
    """Degrees to the view box."""

    plane: LocalPlane
    middle_m: FloatArray
    px_per_m: float
    height: int

    def place(self, shape: BaseGeometry) -> BaseGeometry:
        """Return a shape in degrees in the units of the view box."""
        placed: BaseGeometry = project_geometries(as_geometry_array([shape]), self.plane)[0]
        return shapely.transform(placed, self._locate)

    def _locate(self, metres: FloatArray) -> FloatArray:
        offset_px = (metres - self.middle_m) * self.px_per_m * np.array([1.0, -1.0])
        return np.asarray(offset_px + np.array([WIDTH_PX, self.height]) / 2)


def build_sketch(outcomes: Sequence[Outcome]) -> ChangeSketch | None:
    """Return the sketch; None where there is no building."""
    if not outcomes:
        return None
    paper = _lay_paper(outcomes)
    bar_m = _choose_bar_m(MAX_BAR_PX / paper.px_per_m)
    parts = [
        shapely.Polygon(ring)
        for one in outcomes
        if one.change is not None
        for ring in one.change.part_lonlat
        if _is_ring(ring)
    ]
    return ChangeSketch(
        width=WIDTH_PX,
        height=paper.height,
        buildings=tuple(_mark(one, paper) for one in reversed(outcomes)),
        parts=" ".join(_draw(paper.place(one)) for one in parts),
        bar_px=round(bar_m * paper.px_per_m, 1),
        bar_m=bar_m,
    )


def _lay_paper(outcomes: Sequence[Outcome]) -> _Paper:
    shapes = as_geometry_array([one.building.polygon for one in outcomes])
    plane = LocalPlane(*find_middle(shapely.get_coordinates(shapes)))
    low_x, low_y, high_x, high_y = shapely.total_bounds(project_geometries(shapes, plane)).tolist()
    width_m, height_m = max(high_x - low_x, _MIN_EXTENT_M), max(high_y - low_y, _MIN_EXTENT_M)
    inner = WIDTH_PX - 2 * MARGIN_PX
    wanted = inner * height_m / width_m + 2 * MARGIN_PX
    height = round(min(max(wanted, MIN_HEIGHT_PX), MAX_HEIGHT_PX))
    scale = min(inner / width_m, (height - 2 * MARGIN_PX) / height_m)
    middle_m = np.array([low_x + high_x, low_y + high_y]) / 2
    return _Paper(plane, middle_m, scale, height)


def _mark(outcome: Outcome, paper: _Paper) -> BuildingMark:
    shape = paper.place(outcome.building.polygon)
    inside = shape.representative_point()
    return BuildingMark(
        _draw(shape),
        outcome.state,
        outcome.building.building_id,
        round(inside.x, 1),
        round(inside.y, 1),
    )


def _draw(shape: BaseGeometry) -> str:
    polygons = [one for one in shapely.get_parts(shape) if isinstance(one, shapely.Polygon)]
    rings = [ring for one in polygons for ring in (one.exterior, *one.interiors)]
    return "".join(_draw_ring(shapely.get_coordinates(ring)[:-1]) for ring in rings)


def _draw_ring(corners: FloatArray) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners) + "Z" if len(corners) else ""


def _is_ring(ring: LonLatRing) -> bool:
    return len(set(ring)) >= 3  # noqa: PLR2004  # corners of a triangle


def _choose_bar_m(longest_m: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is no longer than ``longest_m``."""
    power = 10.0 ** math.floor(math.log10(longest_m))
    return max(step * power for step in (1.0, 2.0, 5.0) if step * power <= longest_m * (1 + 1e-9))
