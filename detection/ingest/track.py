"""Where something was over time: the points of a subtitle track, an RTK log or a GPS logger."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from pyproj import Geod

GPS_HORIZONTAL_STD_M = 1.5
GPS_VERTICAL_STD_M = 3.0
"""One standard deviation of a position without RTK, per axis: the same as for a photo."""

MAX_GAP_S = 10.0
"""Between points further apart in time than this nothing is interpolated."""

MAX_OUTSIDE_S = 1.0
"""So long beside a gap, before its first and after its last point a track still counts."""

MAX_SPEED_MPS = 60.0
"""Faster than this goes neither a drone over a city nor a car in its streets."""

_SWAY_MPS = 0.5
"""How far a drone may stray from the straight line, per second to the nearest point: one
standard deviation. A guess on the safe side for craft that brake and start at 2-4 m/s²."""

_JUMP_SIGMAS = 3.0
_METRES_PER_DEGREE = 111_700.0
"""At most, of latitude near the poles; a degree of longitude is never longer."""

_GEOD = Geod(ellps="WGS84")


class TrackKind(StrEnum):
    """What wrote the track."""

    SRT = "srt"
    MRK = "mrk"
    GPX = "gpx"
    EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """A place at a moment, with what else was written down there.

    ``lon``/``lat`` are EPSG:4326 degrees. ``at_s`` is seconds from the start of the video, ``at``
    the clock (aware where the zone is known, else naive local time), ``number`` the photo's
    number in an RTK log; what a kind of track does not say is None. ``altitude_agl_m`` is metres
    above the take-off point, ``altitude_m`` above the datum that the device names. Angles are the
    camera's, as in :class:`~detection.domain.camera.CameraPose`; ``focal_35mm`` is the focal
    length as if on 35 mm film. The ``*_std_m`` fields are one standard deviation per axis.
    ``source`` names the kind of track, with ``+rtk`` where the solution was fixed.
    """

    lon: float
    lat: float
    source: str
    horizontal_std_m: float = GPS_HORIZONTAL_STD_M
    vertical_std_m: float = GPS_VERTICAL_STD_M
    at_s: float | None = None
    at: datetime | None = None
    number: int | None = None
    altitude_agl_m: float | None = None
    altitude_m: float | None = None
    yaw_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float | None = None
    focal_35mm: float | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """Points in the order of their time, and the codes of what was wrong with the rest.

    Either all points have ``at_s`` (subtitles, embedded) or all have ``at`` (logs, loggers).
    """

    kind: TrackKind
    points: tuple[TrackPoint, ...]
    warnings: tuple[str, ...] = ()


def interpolate_track(track: Track, at: float | datetime) -> TrackPoint | None:
    """Return where the track was at ``at``: seconds of the video, or a moment of the clock.

    Between points more than ``MAX_GAP_S`` apart and outside of all of them it is where the
    nearest is, or None where that is more than ``MAX_OUTSIDE_S`` away. The standard deviation
    grows with the time to the nearest point; of subtitles it also holds the way between two
    points, since a subtitle names its moment only to about its own length (a uniform error:
    length over the root of 12).

    Raises:
        ValueError: the track has no such times, or a moment with a zone is asked of a track
            without one or the reverse.
    """
    points = track.points
    after = bisect_right(points, 0.0, key=lambda point: _seconds_until(point, at))
    before = max(after - 1, 0)
    after = min(after, len(points) - 1)
    if not points:
        return None
    first, last = points[before], points[after]
    start_s, end_s = _seconds_until(first, at), _seconds_until(last, at)
    if before == after or end_s - start_s > MAX_GAP_S:
        nearest, away_s = min(((first, start_s), (last, end_s)), key=lambda one: abs(one[1]))
        return _widen(nearest, at, away_s, 0.0) if abs(away_s) <= MAX_OUTSIDE_S else None
    is_subtitle = track.kind in {TrackKind.SRT, TrackKind.EMBEDDED}
    way_m = measure_distance_m(first, last) if is_subtitle else 0.0
    share = -start_s / (end_s - start_s)
    return _widen(_mix(first, last, share), at, min(-start_s, end_s), way_m)


def measure_distance_m(first: TrackPoint, second: TrackPoint) -> float:
    """Return the distance on the ground between two points in metres."""
    return float(_GEOD.inv(first.lon, first.lat, second.lon, second.lat)[2])


def has_jumps(points: Sequence[TrackPoint]) -> bool:
    """Return whether any step is faster than ``MAX_SPEED_MPS`` allows, errors counted off.

    Two points of one moment were timed by a clock of whole seconds.
    """
    for first, second in pairwise(points):
        seconds = _measure_step_s(first, second) or 1.0
        error_m = _JUMP_SIGMAS * math.hypot(first.horizontal_std_m, second.horizontal_std_m)
        allowed_m = MAX_SPEED_MPS * seconds + error_m
        if _is_beyond(first, second, allowed_m) and measure_distance_m(first, second) > allowed_m:
            return True
    return False


def _measure_step_s(first: TrackPoint, second: TrackPoint) -> float:
    if first.at_s is not None and second.at_s is not None:
        return second.at_s - first.at_s
    if first.at is not None and second.at is not None:
        return (second.at - first.at).total_seconds()
    return 0.0


def _is_beyond(first: TrackPoint, second: TrackPoint, distance_m: float) -> bool:
    """Return whether two points can be further apart at all; cheap, for tracks of 60 Hz."""
    degrees = abs(second.lon - first.lon) + abs(second.lat - first.lat)
    return degrees * _METRES_PER_DEGREE > distance_m


def _seconds_until(point: TrackPoint, at: float | datetime) -> float:
    if isinstance(at, datetime):
        if point.at is None or (point.at.tzinfo is None) != (at.tzinfo is None):
            message = "the track has no clock, or only one of the two moments has a zone"
            raise ValueError(message)
        return (point.at - at).total_seconds()
    if point.at_s is None:
        message = "the points of the track have no time within a video"
        raise ValueError(message)
    return point.at_s - at


def _widen(point: TrackPoint, at: float | datetime, away_s: float, way_m: float) -> TrackPoint:
    """Return ``point`` at the moment asked for, with the error of not having been there."""
    extra_m = math.hypot(_SWAY_MPS * abs(away_s), way_m / math.sqrt(12.0))
    return replace(
        point,
        at_s=point.at_s if isinstance(at, datetime) else at,
        at=at if isinstance(at, datetime) else point.at,
        horizontal_std_m=math.hypot(point.horizontal_std_m, extra_m),
        vertical_std_m=math.hypot(point.vertical_std_m, _SWAY_MPS * abs(away_s)),
    )


def _mix(first: TrackPoint, last: TrackPoint, share: float) -> TrackPoint:
    """Return the point ``share`` of the way from ``first`` to ``last``, all numbers linear."""

    def line(start: float | None, end: float | None) -> float | None:
        return None if start is None or end is None else start + share * (end - start)

    def turn(start: float | None, end: float | None) -> float | None:
        return None if start is None or end is None else mix_angles_deg(start, end, share)

    clock = None
    if first.at is not None and last.at is not None:
        clock = first.at + share * (last.at - first.at)
    return replace(
        first,
        lon=mix_angles_deg(first.lon, last.lon, share),
        lat=first.lat + share * (last.lat - first.lat),
        horizontal_std_m=max(first.horizontal_std_m, last.horizontal_std_m),
        vertical_std_m=max(first.vertical_std_m, last.vertical_std_m),
        at=clock,
        altitude_agl_m=line(first.altitude_agl_m, last.altitude_agl_m),
        altitude_m=line(first.altitude_m, last.altitude_m),
        yaw_deg=turn(first.yaw_deg, last.yaw_deg),
        pitch_deg=turn(first.pitch_deg, last.pitch_deg),
        roll_deg=turn(first.roll_deg, last.roll_deg),
    )


def mix_angles_deg(start: float, end: float, share: float) -> float:
    """Return the angle ``share`` of the short way from ``start`` to ``end``, in [-180, 180)."""
    turn = (end - start + 180.0) % 360.0 - 180.0
    return (start + share * turn + 180.0) % 360.0 - 180.0
