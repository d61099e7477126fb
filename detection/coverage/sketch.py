"""The map of a flight's coverage as inline SVG shapes: north up, one scale, no background map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from detection.coverage.coverage import Coverage, SeenState, TargetKind
from detection.coverage.geojson import polygon_from_ring
from detection.coverage.refly import ReflySpot
from detection.coverage.views import find_flight_plane
from detection.domain.geometry import FloatArray
from detection.layers.layer import as_geometry_array, project_geometries
from detection.plane import LocalPlane

WIDTH_PX = 900
MIN_HEIGHT_PX, MAX_HEIGHT_PX = 420, 820
MARGIN_PX = 36
MAX_BAR_PX = 180
MAX_FOOTPRINTS = 400
"""Of more photos only their union is drawn; single rings would be one grey."""

_MIN_EXTENT_M = 30.0
_MAX_EXTENT_M = 20_000.0
"""From the middle of the flight; what is further away is a wrong position."""

_COVER_RADIUS_PX = 4.0
_SIMPLIFY_PX = 0.3


@dataclass(frozen=True, slots=True)
class TargetMark:
    """A building's outline or a cover's circle as an SVG path, its state and its title."""

    path: str
    state: SeenState
    label: str


@dataclass(frozen=True, slots=True)
class SpotMark:
    """A spot to fly again: its outline, number and where the number stands."""

    path: str
    number: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class CoverageSketch:
    """Everything to draw, in the units of the SVG's view box; paths are SVG path data."""

    width: int
    height: int
    covered: str
    footprints: str
    areas: str
    gaps: str
    cameras: str
    targets: tuple[TargetMark, ...]
    spots: tuple[SpotMark, ...]
    bar_px: float
    bar_m: float


@dataclass(frozen=True, eq=False)
class _Paper:
    """Degrees to the view box."""

    plane: LocalPlane
    middle_m: FloatArray
    px_per_m: float
    width: int
    height: int

    def draw(self, shapes: Sequence[BaseGeometry]) -> str:
        """Return the outlines of shapes in degrees as SVG path data; points as circles."""
        if not shapes:
            return ""
        placed = shapely.transform(
            project_geometries(as_geometry_array(shapes), self.plane), self.locate
        )
        kept = shapely.simplify(placed, _SIMPLIFY_PX)
        return " ".join(_path_from_shape(one) for one in shapely.get_parts(kept).tolist())

    def locate(self, metres: FloatArray) -> FloatArray:
        """Return view box coordinates ``(n, 2)`` of metres ``(n, 2)``."""
        offset_px = (metres - self.middle_m) * self.px_per_m * np.array([1.0, -1.0])
        return np.asarray(offset_px + np.array([self.width, self.height]) / 2)


def build_sketch(coverage: Coverage, spots: Sequence[ReflySpot]) -> CoverageSketch | None:
    """Return the sketch; None where no photo has a position."""
    cameras = [(one.pose.lon, one.pose.lat) for one in coverage.footprints if one.pose]
    if not cameras:
        return None
    lonlat = np.array(cameras, dtype=np.float64)
    paper = _lay_paper(coverage, spots, lonlat)
    rings = [polygon_from_ring(one.ring) for one in coverage.footprints if one.ring]
    bar_m = _choose_bar_m(MAX_BAR_PX / paper.px_per_m)
    return CoverageSketch(
        width=paper.width,
        height=paper.height,
        covered=paper.draw([coverage.covered]),
        footprints=paper.draw(rings if len(rings) <= MAX_FOOTPRINTS else []),
        areas=paper.draw([one.geometry for one in coverage.areas]),
        gaps=paper.draw([gap for one in coverage.areas for gap in one.gaps]),
        cameras=_draw_dots(paper.locate(paper.plane.to_metres(lonlat))),
        targets=_draw_targets(coverage, paper),
        spots=tuple(_draw_spot(one, paper) for one in spots),
        bar_px=round(bar_m * paper.px_per_m, 1),
        bar_m=bar_m,
    )


def _lay_paper(coverage: Coverage, spots: Sequence[ReflySpot], lonlat: FloatArray) -> _Paper:
    """Choose scale and height so that all but single footprints fits."""
    plane = find_flight_plane(lonlat)
    shapes = [
        coverage.covered,
        *(one.geometry for one in coverage.areas),
        *(one.geometry for one in coverage.targets),
        *(one.polygon for one in spots),
    ]
    places_m = np.concatenate(
        [
            plane.to_metres(lonlat),
            plane.to_metres(shapely.get_coordinates(as_geometry_array(shapes))),
        ]
    )
    places_m = places_m[np.hypot(*places_m.T) <= _MAX_EXTENT_M]
    if not len(places_m):  # two photos, one of them elsewhere: the middle is nowhere
        places_m = np.zeros((1, 2))
    low, high = places_m.min(axis=0), places_m.max(axis=0)
    width_m, height_m = np.maximum(high - low, _MIN_EXTENT_M)
    inner = WIDTH_PX - 2 * MARGIN_PX
    wanted = inner * height_m / width_m + 2 * MARGIN_PX
    height = round(min(max(wanted, MIN_HEIGHT_PX), MAX_HEIGHT_PX))
    scale = min(inner / width_m, (height - 2 * MARGIN_PX) / height_m)
    return _Paper(plane, (low + high) / 2, float(scale), WIDTH_PX, height)


def _draw_targets(coverage: Coverage, paper: _Paper) -> tuple[TargetMark, ...]:
    """Return buildings before covers, so that a cover on a roof line stays visible."""
    ordered = (
        *coverage.list_targets(TargetKind.BUILDING),
        *coverage.list_targets(TargetKind.COVER),
    )
    return tuple(
        TargetMark(paper.draw([one.geometry]), one.state, f"{one.target_id} {one.name}".strip())
        for one in ordered
    )


def _draw_spot(spot: ReflySpot, paper: _Paper) -> SpotMark:
    middle = shapely.transform(
        project_geometries(as_geometry_array([spot.polygon]), paper.plane), paper.locate
    )[0].representative_point()
    return SpotMark(paper.draw([spot.polygon]), spot.number, round(middle.x, 1), round(middle.y, 1))


def _path_from_shape(shape: BaseGeometry) -> str:
    if isinstance(shape, shapely.Polygon):
        return "".join(_path_from_ring(one) for one in (shape.exterior, *shape.interiors))
    return "".join(_circle(x, y) for x, y in shapely.get_coordinates(shape))


def _path_from_ring(ring: BaseGeometry) -> str:
    corners = shapely.get_coordinates(ring)[:-1]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners) + "Z" if len(corners) else ""


def _circle(x: float, y: float) -> str:
    radius = _COVER_RADIUS_PX
    arc = f"a{radius} {radius} 0 1 0"
    return f"M{x - radius:.1f} {y:.1f}{arc} {2 * radius} 0{arc} {-2 * radius} 0Z"


def _draw_dots(places: FloatArray) -> str:
    """Return lines without length, which round caps turn into dots: one path for all cameras."""
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)


def _choose_bar_m(longest_m: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is no longer than ``longest_m``."""
    power = 10.0 ** math.floor(math.log10(longest_m))
    return max(step * power for step in (1.0, 2.0, 5.0) if step * power <= longest_m * (1 + 1e-9))
