"""The subtitle track of a DJI video to points in time: every family of subtitles DJI wrote."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from detection.ingest.coordinate_order import (
    CoordinateOrder,
    HomeDistance,
    Pair,
    find_order,
    is_near,
    is_on_earth,
)
from detection.ingest.sidecar_text import read_sidecar_text
from detection.ingest.srt_text import SubtitleReading, read_subtitle
from detection.ingest.subrip import Cue, split_cues
from detection.ingest.track import (
    GPS_HORIZONTAL_STD_M,
    Track,
    TrackKind,
    TrackPoint,
    has_jumps,
)

COARSE_STD_M = 2.0
"""From this error by rounding alone a track counts as coarse: four decimals give 3.2 m."""

_NULL_ISLAND_DEG = 1e-4
_METRES_PER_DEGREE = 111_320.0


def read_srt(path: Path, near: Pair | None = None) -> Track:
    """Read a subtitle file; what cannot be used of it is named in the track's warnings.

    ``near`` is (lon, lat) of a place within 100 km of the flight, for the models that write two
    numbers without saying which is the longitude. Where nothing tells their order the track has
    no points and says ``ambiguous_coordinate_order``.

    Raises:
        InvalidInputError: the file cannot be opened or is too large.
    """
    return track_from_cues(split_cues(read_sidecar_text(path)), TrackKind.SRT, near)


def track_from_cues(cues: Sequence[Cue], kind: TrackKind, near: Pair | None = None) -> Track:
    """Return the points of subtitles, in the order of their time; see `read_srt`."""
    readings = [read_subtitle(cue.text) for cue in cues]
    places, warnings = _find_places(readings, near)
    moments = _find_moments(cues, readings)
    rounding_m = _find_rounding_std_m(readings)
    found = (
        _build_point(reading, place, at_s, kind, rounding_m)
        for reading, place, at_s in zip(readings, places, moments, strict=True)
        if place is not None and at_s is not None
    )
    points = tuple(sorted(found, key=lambda point: point.at_s or 0.0))
    if not points:
        return Track(kind, (), tuple(warnings or ["empty_track"]))
    if near is not None and not is_near((points[0].lon, points[0].lat), near):
        return Track(kind, (), (*warnings, "track_elsewhere"))
    warnings += ["track_incomplete"] if len(points) < len(cues) else []
    warnings += ["track_jump"] if has_jumps(points) else []
    warnings += ["coarse_position"] if rounding_m >= COARSE_STD_M else []
    return Track(kind, points, tuple(warnings))


def _find_places(
    readings: Sequence[SubtitleReading], near: Pair | None
) -> tuple[list[Pair | None], list[str]]:
    """Return (lon, lat) of each reading that has a usable one, and the codes of the others."""
    labelled = [one.labelled for one in readings if one.labelled is not None]
    pairs = [one.pair for one in readings if one.labelled is None and one.pair is not None]
    distances = [
        HomeDistance(one.pair, one.home_pair, one.home_distance_m)
        for one in readings
        if one.pair is not None and one.home_pair is not None and one.home_distance_m is not None
    ]
    order = find_order(pairs, distances, labelled[0] if labelled else near)
    codes = [_name_missing_order(pairs, near)] if pairs and order is None else []
    places: list[Pair | None] = []
    for one in readings:
        place = one.labelled
        if place is None and one.pair is not None and order is not None:
            place = order.read(one.pair)
        trouble = _name_trouble(place)
        codes += [trouble] if trouble and trouble not in codes else []
        places.append(None if trouble else place)
    return places, codes


def _name_missing_order(pairs: Sequence[Pair], near: Pair | None) -> str:
    orders = list(CoordinateOrder)
    ways = [order.read(pair) for pair in pairs for order in orders if order.allows(pair)]
    is_elsewhere = near is not None and not any(is_near(way, near) for way in ways)
    return "track_elsewhere" if is_elsewhere else "ambiguous_coordinate_order"


def _name_trouble(place: Pair | None) -> str | None:
    if place is None:
        return None
    if max(abs(place[0]), abs(place[1])) <= _NULL_ISLAND_DEG:
        return "null_island"
    return None if is_on_earth(*place) else "invalid_position"


def _find_moments(cues: Sequence[Cue], readings: Sequence[SubtitleReading]) -> list[float | None]:
    """Return seconds of the video of each cue; by the clock where the file has no times."""
    if any(cue.start_s is not None for cue in cues):
        return [cue.start_s for cue in cues]
    start = next((one.at for one in readings if one.at is not None), None)
    return [
        (one.at - start).total_seconds() if start is not None and one.at is not None else None
        for one in readings
    ]


def _build_point(
    reading: SubtitleReading, place: Pair, at_s: float, kind: TrackKind, rounding_m: float
) -> TrackPoint:
    return TrackPoint(
        lon=place[0],
        lat=place[1],
        source=kind.value,
        horizontal_std_m=math.hypot(GPS_HORIZONTAL_STD_M, rounding_m),
        at_s=at_s,
        at=reading.at,
        altitude_agl_m=reading.altitude_agl_m,
        altitude_m=reading.altitude_m,
        yaw_deg=reading.yaw_deg,
        pitch_deg=reading.pitch_deg,
        roll_deg=reading.roll_deg,
        focal_35mm=reading.focal_35mm,
    )


def _find_rounding_std_m(readings: Sequence[SubtitleReading]) -> float:
    """Return the error of the digits written, one standard deviation per axis.

    Rounding is uniform over one step, whose standard deviation is its length over the root of
    12: four decimals of a degree are steps of 11 m and give 3.2 m. The file's longest number
    counts, since trailing zeros may be left out.
    """
    decimals = max((one.decimals for one in readings), default=0)
    return _METRES_PER_DEGREE * 10.0**-decimals / math.sqrt(12.0)
