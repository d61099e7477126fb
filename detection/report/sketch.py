"""The map sketch: photo positions and candidates on a local metric plane, as inline SVG shapes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from detection.domain.camera import CameraPose
from detection.domain.ellipse import compute_ellipse
from detection.domain.finding import Candidate
from detection.domain.photo import Photo
from detection.report.content import CLASS_COLORS

METERS_PER_DEGREE = 111_320.0
"""Of latitude; the sketch shows a few hundred metres, where a sphere is exact enough."""

WIDTH_PX = 640
MIN_HEIGHT_PX, MAX_HEIGHT_PX = 300, 560
MARGIN_PX = 40
MIN_EXTENT_M = 20.0
MAX_SHOWN_ERROR_M = 100.0
"""A larger ellipse may leave the sketch rather than make everything else too small to see."""

WEDGE_PX, WEDGE_HALF_DEG = 22.0, 20.0
MAX_BAR_PX = 160


@dataclass(frozen=True, slots=True)
class PhotoMark:
    """Where a photo was taken; ``wedge`` is the outline of its heading, empty if unknown."""

    x: float
    y: float
    wedge: str
    name: str


@dataclass(frozen=True, slots=True)
class CandidateMark:
    """A candidate's number, colour and error ellipse; ``rotate_deg`` as SVG turns it."""

    number: int
    x: float
    y: float
    radius_x: float
    radius_y: float
    rotate_deg: float
    color: str


@dataclass(frozen=True, slots=True)
class Sketch:
    """Everything to draw, in the units of the SVG's view box."""

    width: int
    height: int
    photos: tuple[PhotoMark, ...]
    candidates: tuple[CandidateMark, ...]
    bar_px: float
    bar_m: float


@dataclass(frozen=True, slots=True)
class _Plane:
    """Degrees to the view box: one scale in both directions, north up."""

    lon: float
    lat: float
    px_per_m: float
    width: int
    height: int

    def locate(self, lon: float, lat: float) -> tuple[float, float]:
        east_m, north_m = _offset_m(lon, lat, self.lon, self.lat)
        return (
            round(self.width / 2 + east_m * self.px_per_m, 1),
            round(self.height / 2 - north_m * self.px_per_m, 1),
        )


def build_sketch(photos: Sequence[Photo], ranked: Sequence[Candidate]) -> Sketch | None:
    """Return the sketch, candidates numbered from 1 in the given order; None without positions."""
    poses = [(photo.photo_id, photo.pose) for photo in photos if photo.pose is not None]
    places = [(pose.lon, pose.lat, 0.0) for _, pose in poses]
    places += [
        (one.lon, one.lat, min(one.error_m or 0.0, MAX_SHOWN_ERROR_M))
        for one in ranked
        if one.lon is not None and one.lat is not None
    ]
    if not places:
        return None
    plane = _fit_plane(places)
    bar_m = _choose_bar_m(MAX_BAR_PX / plane.px_per_m)
    return Sketch(
        width=plane.width,
        height=plane.height,
        photos=tuple(_mark_photo(name, pose, plane) for name, pose in poses),
        candidates=tuple(
            mark
            for number, one in enumerate(ranked, start=1)
            if (mark := _mark_candidate(number, one, plane)) is not None
        ),
        bar_px=round(bar_m * plane.px_per_m, 1),
        bar_m=bar_m,
    )


def _offset_m(lon: float, lat: float, lon_0: float, lat_0: float) -> tuple[float, float]:
    east_deg = (lon - lon_0 + 180.0) % 360.0 - 180.0
    east_m = east_deg * math.cos(math.radians(lat_0)) * METERS_PER_DEGREE
    return east_m, (lat - lat_0) * METERS_PER_DEGREE


def _fit_plane(places: Sequence[tuple[float, float, float]]) -> _Plane:
    """Choose middle, scale and height so that every place and its radius is inside the margin."""
    lon_0, lat_0, _ = places[0]
    offsets = [(_offset_m(lon, lat, lon_0, lat_0), radius_m) for lon, lat, radius_m in places]
    low = [min(offset[axis] - radius_m for offset, radius_m in offsets) for axis in (0, 1)]
    high = [max(offset[axis] + radius_m for offset, radius_m in offsets) for axis in (0, 1)]
    width_m, height_m = (max(h - w, MIN_EXTENT_M) for w, h in zip(low, high, strict=True))
    inner = WIDTH_PX - 2 * MARGIN_PX
    wanted = inner * height_m / width_m + 2 * MARGIN_PX
    height = round(min(max(wanted, MIN_HEIGHT_PX), MAX_HEIGHT_PX))
    scale = min(inner / width_m, (height - 2 * MARGIN_PX) / height_m)
    east_m, north_m = ((a + b) / 2 for a, b in zip(low, high, strict=True))
    lon = lon_0 + east_m / (METERS_PER_DEGREE * math.cos(math.radians(lat_0)))
    return _Plane(lon, lat_0 + north_m / METERS_PER_DEGREE, scale, WIDTH_PX, height)


def _mark_photo(name: str, pose: CameraPose, plane: _Plane) -> PhotoMark:
    x, y = plane.locate(pose.lon, pose.lat)
    if pose.yaw_deg is None:
        return PhotoMark(x, y, "", name)
    tips = [
        (
            x + WEDGE_PX * math.sin(math.radians(pose.yaw_deg + turn)),
            y - WEDGE_PX * math.cos(math.radians(pose.yaw_deg + turn)),
        )
        for turn in (-WEDGE_HALF_DEG, WEDGE_HALF_DEG)
    ]
    outline = " ".join(f"{px:.1f},{py:.1f}" for px, py in [(x, y), *tips])
    return PhotoMark(x, y, outline, name)


def _mark_candidate(number: int, candidate: Candidate, plane: _Plane) -> CandidateMark | None:
    if candidate.ground is None or candidate.lon is None or candidate.lat is None:
        return None
    ellipse = compute_ellipse(candidate.ground)
    x, y = plane.locate(candidate.lon, candidate.lat)
    return CandidateMark(
        number,
        x,
        y,
        radius_x=round(ellipse.semi_major_m * plane.px_per_m, 1),
        radius_y=round(ellipse.semi_minor_m * plane.px_per_m, 1),
        rotate_deg=round(ellipse.angle_deg - 90.0, 1),
        color=CLASS_COLORS[candidate.hazard_class],
    )


def _choose_bar_m(longest_m: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is no longer than ``longest_m``."""
    power = 10.0 ** math.floor(math.log10(longest_m))
    return max(step * power for step in (1.0, 2.0, 5.0) if step * power <= longest_m * (1 + 1e-9))
