"""What a point of a track does to a photo: it takes the place, or is refused by name."""

from __future__ import annotations

from dataclasses import replace

from pyproj import Geod

from detection.domain.camera import CameraPose
from detection.domain.photo import Photo
from detection.ingest.accuracy import Accuracy
from detection.ingest.pose import name_sources, split_sources
from detection.ingest.track import TrackPoint

MAX_DISAGREEMENT_M = 30.0
"""Further from the camera's own position a track speaks of something else."""

MIN_AGREEING = 0.9
"""Share of the photos with a position that a track must agree with to be believed for the rest."""

_SIGMAS = 3.0
_GEOD = Geod(ellps="WGS84")


def take_position(photo: Photo, point: TrackPoint) -> Photo:
    """Return the photo at the point, unless its own position is better or far away.

    Only the position gets better: the height above the ground is not in a track, and a receiver
    knows nothing of the gimbal.
    """
    pose = photo.pose
    if pose is None:
        return replace(
            photo,
            pose=_build_pose(point),
            warnings=tuple(code for code in photo.warnings if code != "no_position"),
        )
    if measure_m(pose, point) > MAX_DISAGREEMENT_M:
        return add_warnings(photo, "track_mismatch")
    if point.horizontal_std_m > pose.horizontal_std_m:
        return photo
    sources = split_sources(pose.source)
    dropped = "rtk_not_fixed" if point.source.endswith("+rtk") else ""
    return replace(
        photo,
        pose=replace(
            pose,
            lon=point.lon,
            lat=point.lat,
            altitude_m=pose.altitude_m if point.altitude_m is None else point.altitude_m,
            horizontal_std_m=point.horizontal_std_m,
            source=name_sources(
                point.source, sources.get("altitude", "none"), sources.get("angles", "none")
            ),
        ),
        warnings=tuple(code for code in photo.warnings if code != dropped),
    )


def is_near(photo: Photo, point: TrackPoint) -> bool:
    """Whether a photo's own position, if it has one, agrees with a point of a track."""
    if photo.pose is None:
        return True
    error_m = _SIGMAS * (photo.pose.horizontal_std_m + point.horizontal_std_m)
    return measure_m(photo.pose, point) <= MAX_DISAGREEMENT_M + error_m


def measure_m(pose: CameraPose, point: TrackPoint) -> float:
    """Return the distance on the ground between a camera and a point of a track, metres."""
    return float(_GEOD.inv(pose.lon, pose.lat, point.lon, point.lat)[2])


def add_warnings(photo: Photo, *codes: str) -> Photo:
    """Return the photo with these warnings too, each at most once."""
    return replace(photo, warnings=tuple(dict.fromkeys((*photo.warnings, *codes))))


def _build_pose(point: TrackPoint) -> CameraPose:
    """Return a pose that knows nothing but where the camera was."""
    accuracy = Accuracy()
    return CameraPose(
        lon=point.lon,
        lat=point.lat,
        altitude_agl_m=point.altitude_agl_m,
        altitude_m=point.altitude_m,
        yaw_deg=None,
        pitch_deg=None,
        roll_deg=None,
        horizontal_std_m=point.horizontal_std_m,
        vertical_std_m=point.vertical_std_m,
        yaw_std_deg=accuracy.yaw_deg,
        pitch_std_deg=accuracy.tilt_deg,
        roll_std_deg=accuracy.tilt_deg,
        source=name_sources(
            point.source, "none" if point.altitude_agl_m is None else point.source, "none"
        ),
    )
