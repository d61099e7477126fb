"""Pose and camera of a video frame, from the point of the track at its moment."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from pyproj import Geod

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.ingest.accuracy import Accuracy
from detection.ingest.exif import ExifData
from detection.ingest.intrinsics import read_intrinsics
from detection.ingest.track import Track, TrackPoint, interpolate_track, measure_distance_m

FOCAL_STD = 0.05
"""One standard deviation of a video's focal length as a share. A drone writes that of its photos;
videos are cut from another part of the sensor, and stabilised ones are cut once more."""

_COURSE_STD = Accuracy(yaw_deg=15.0, tilt_deg=3.0)
"""Of angles that nobody wrote down: a drone crabs in the wind, and a pitch is given by hand."""

_COURSE_S, _MIN_COURSE_M = 2.0, 4.0
_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class CameraGiven:
    """What a person says of the camera, for where the track does not.

    ``pitch_deg`` is above the horizon (-90 straight down), ``focal_35mm`` as if on 35 mm film.
    """

    pitch_deg: float | None = None
    focal_35mm: float | None = None


def find_pose(
    track: Track, at_s: float, given: CameraGiven
) -> tuple[CameraPose | None, tuple[str, ...]]:
    """Return the camera's pose at a moment of the video and the warnings about it.

    Angles that the track lacks are taken from ``given`` and the course flown, with the error of
    such an assumption; without either there are none.
    """
    point = interpolate_track(track, at_s)
    if point is None:
        return None, ("no_position",)
    warnings: tuple[str, ...] = () if point.altitude_agl_m is not None else ("no_altitude",)
    accuracy, angle_source = Accuracy(), point.source
    if point.yaw_deg is None or point.pitch_deg is None:
        accuracy, angle_source = _COURSE_STD, "course+given"
        point, extra = _assume_angles(track, point, at_s, given)
        warnings += extra
    source = f"position={point.source};altitude={point.source};angles={angle_source}"
    has_angles = point.yaw_deg is not None and point.pitch_deg is not None
    pose = CameraPose(
        lon=point.lon,
        lat=point.lat,
        altitude_agl_m=point.altitude_agl_m,
        altitude_m=point.altitude_m,
        yaw_deg=point.yaw_deg,
        pitch_deg=point.pitch_deg,
        roll_deg=(point.roll_deg or 0.0) if has_angles else None,
        horizontal_std_m=point.horizontal_std_m,
        vertical_std_m=point.vertical_std_m,
        yaw_std_deg=accuracy.yaw_deg,
        pitch_std_deg=accuracy.tilt_deg,
        roll_std_deg=accuracy.tilt_deg,
        source=source if has_angles else source.replace(angle_source, "none"),
    )
    return pose, warnings


def _assume_angles(
    track: Track, point: TrackPoint, at_s: float, given: CameraGiven
) -> tuple[TrackPoint, tuple[str, ...]]:
    course_deg = measure_course_deg(track, at_s)
    if given.pitch_deg is None or course_deg is None:
        return replace(point, yaw_deg=None, pitch_deg=None, roll_deg=None), ("no_attitude",)
    assumed = replace(point, yaw_deg=course_deg, pitch_deg=given.pitch_deg, roll_deg=0.0)
    return assumed, ("assumed_attitude",)


def measure_course_deg(track: Track, at_s: float) -> float | None:
    """Return the direction of the way flown around a moment, degrees clockwise from north.

    None where the way within two seconds to both sides is shorter than 4 m or than its error.
    """
    first = interpolate_track(track, at_s - _COURSE_S) or interpolate_track(track, at_s)
    second = interpolate_track(track, at_s + _COURSE_S) or interpolate_track(track, at_s)
    if first is None or second is None:
        return None
    least_m = max(_MIN_COURSE_M, 2.0 * math.hypot(first.horizontal_std_m, second.horizontal_std_m))
    if measure_distance_m(first, second) < least_m:
        return None
    return float(_GEOD.inv(first.lon, first.lat, second.lon, second.lat)[0])


def find_intrinsics(
    width_px: int, height_px: int, point: TrackPoint | None, given: CameraGiven
) -> CameraIntrinsics | None:
    """Return the camera of frames of this size, None where no focal length is known."""
    written = point.focal_35mm if point is not None else None
    focal_35mm = given.focal_35mm or written
    found = read_intrinsics(width_px, height_px, ExifData(focal_35mm=focal_35mm))
    if found is None:
        return None
    source = "given" if given.focal_35mm else "track:focal_len"
    return replace(found, source=source, focal_std_px=FOCAL_STD * found.focal_px)
