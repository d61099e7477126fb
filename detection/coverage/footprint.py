"""What part of the ground each photo shows.

On flat ground, or on a ground model. A photo that looks towards the horizon is cut where the
lines of sight become flatter than ``MIN_DEPRESSION_DEG``: beyond, things hide behind each other
and a pixel is several times as long as wide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pyproj import Geod

from detection.coverage.sightline import (
    CORNERS,
    build_camera_array,
    compute_border_rays,
    compute_surface_gsd_m,
    cut_ring,
)
from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.geometry import FloatArray
from detection.domain.photo import Photo
from detection.domain.quality import PhotoQuality
from detection.domain.sight import compute_camera_axes
from detection.terrain import Terrain

MIN_DEPRESSION_DEG = 15.0

LonLat = tuple[float, float]

_GEOD = Geod(ellps="WGS84")
_MIN_CORNERS = 3
_BENT_BORDER = 4
"""Points on each side where lens or ground bend the border."""

_MAX_RANGE_M = 2000.0


@dataclass(frozen=True, slots=True)
class Footprint:
    """The ground that one photo shows, or the reason why it is not known.

    ``ring`` holds the corners ``(lon, lat)`` in EPSG:4326, anticlockwise, not closed; empty where
    ``refused`` names the reason (``no_position``, ``no_attitude``, ``no_altitude``,
    ``no_focal_length``, ``below_target``, ``above_horizon``). ``gsd_m`` is the side of a pixel on
    the ground at the middle of the ring, the root of its area. ``error_m`` is one standard
    deviation of the ring's place. ``is_cut`` tells that the photo goes on towards the horizon.
    ``pose`` and ``intrinsics`` are the photo's own.
    """

    photo_id: str
    ring: tuple[LonLat, ...] = ()
    gsd_m: float | None = None
    refused: str | None = None
    quality: PhotoQuality | None = None
    pose: CameraPose | None = None
    intrinsics: CameraIntrinsics | None = None
    error_m: float = 0.0
    is_cut: bool = False


def compute_footprints(
    photos: Sequence[Photo],
    terrain: Terrain | None = None,
    *,
    qualities: Mapping[str, PhotoQuality] | None = None,
) -> tuple[Footprint, ...]:
    """Return a footprint for every photo, in order; ``qualities`` are given by photo id.

    ``terrain`` has its zero at the ground under the take-off (`Terrain.at_takeoff`); where it has
    no height, the ground is taken as flat.
    """
    known = qualities or {}
    footprints = [
        Footprint(
            photo.photo_id,
            refused=_find_refusal(photo.pose, photo.intrinsics),
            quality=known.get(photo.photo_id),
            pose=photo.pose,
            intrinsics=photo.intrinsics,
        )
        for photo in photos
    ]
    cameras = [
        (one.pose, one.intrinsics)
        for one in footprints
        if one.refused is None and one.pose is not None and one.intrinsics is not None
    ]
    rays = iter(_list_rays(cameras, terrain))
    return tuple(
        one if one.refused is not None else _lay_footprint(one, next(rays), terrain)
        for one in footprints
    )


def _find_refusal(pose: CameraPose | None, intrinsics: CameraIntrinsics | None) -> str | None:
    if pose is None:
        return "no_position"
    if None in (pose.yaw_deg, pose.pitch_deg, pose.roll_deg):
        return "no_attitude"
    if pose.altitude_agl_m is None:
        return "no_altitude"
    if intrinsics is None:
        return "no_focal_length"
    return "below_target" if pose.altitude_agl_m <= 0 else None


def _list_rays(
    cameras: Sequence[tuple[CameraPose, CameraIntrinsics]], terrain: Terrain | None
) -> FloatArray:
    """Return the rays along the borders, ``(n, corners, 3)``; straight borders need four."""
    if not cameras:
        return np.empty((0, len(CORNERS), 3))
    is_straight = terrain is None and all(inner.distortion is None for _, inner in cameras)
    return compute_border_rays(build_camera_array(cameras), 1 if is_straight else _BENT_BORDER)


def _lay_footprint(unlaid: Footprint, rays: FloatArray, terrain: Terrain | None) -> Footprint:
    """Lay the border rays ``(k, 3)`` of a complete pose on the ground."""
    pose, intrinsics = unlaid.pose, unlaid.intrinsics
    if pose is None or intrinsics is None:
        message = "the pose is not complete"
        raise ValueError(message)
    kept = _cut_towards_horizon(rays, pose.yaw_deg or 0.0)
    if len(kept) < _MIN_CORNERS:
        return replace(unlaid, refused="above_horizon")
    offsets_m = _meet_ground(kept, pose, terrain)
    if _signed_area(offsets_m) < 0:
        offsets_m = offsets_m[::-1]
    return replace(
        unlaid,
        ring=_ring_from_offsets(pose, offsets_m),
        gsd_m=_compute_middle_gsd_m(offsets_m, pose, intrinsics),
        error_m=_estimate_error_m(pose, offsets_m),
        is_cut=len(kept) != len(rays) or not np.array_equal(kept, rays),
    )


def _ring_from_offsets(pose: CameraPose, offsets_m: FloatArray) -> tuple[LonLat, ...]:
    east_m, north_m = offsets_m[:, 0], offsets_m[:, 1]
    lon, lat, _ = _GEOD.fwd(
        np.full(len(offsets_m), pose.lon),
        np.full(len(offsets_m), pose.lat),
        np.degrees(np.arctan2(east_m, north_m)),
        np.hypot(east_m, north_m),
    )
    return tuple(zip(lon.tolist(), lat.tolist(), strict=True))


def _compute_middle_gsd_m(
    offsets_m: FloatArray, pose: CameraPose, intrinsics: CameraIntrinsics
) -> float:
    """Return the side of a pixel on level ground in the middle of the ring."""
    middle_m = offsets_m.mean(axis=0)
    axes = compute_camera_axes(pose.yaw_deg or 0.0, pose.pitch_deg or 0.0, pose.roll_deg or 0.0)
    distance_m = float(np.linalg.norm(middle_m))
    gsd_m = compute_surface_gsd_m(
        np.array(distance_m),
        np.array(axes[2] @ middle_m),
        np.array(-middle_m[2] / distance_m),
        np.array(intrinsics.focal_px),
    )
    return float(gsd_m)


def _cut_towards_horizon(rays: FloatArray, yaw_deg: float) -> FloatArray:
    """Cut a border of rays ``(k, 3)`` at four planes, ahead, behind, right and left.

    Each cuts flat ground along a straight line at 1 / tan(MIN_DEPRESSION_DEG) camera heights.
    """
    slope = math.tan(math.radians(MIN_DEPRESSION_DEG))
    sine, cosine = math.sin(math.radians(yaw_deg)), math.cos(math.radians(yaw_deg))
    for east, north in ((sine, cosine), (-sine, -cosine), (cosine, -sine), (-cosine, sine)):
        rays = cut_ring(rays, rays @ np.array([-slope * east, -slope * north, -1.0]))
    return rays


def _meet_ground(rays: FloatArray, pose: CameraPose, terrain: Terrain | None) -> FloatArray:
    """Return the offsets ``(k, 3)`` from the camera to the ground, metres; all rays fall."""
    height_m = pose.altitude_agl_m or 0.0
    flat = rays * (height_m / -rays[:, 2:])
    if terrain is None:
        return flat
    origin = np.array([0.0, 0.0, height_m])
    view = terrain.view_from(pose.lon, pose.lat)
    met = view.meet_rays(np.tile(origin, (len(rays), 1)), rays, _MAX_RANGE_M) - origin
    return np.asarray(np.where(np.isfinite(met).all(axis=1, keepdims=True), met, flat))


def _signed_area(offsets_m: FloatArray) -> float:
    x, y = offsets_m[:, 0], offsets_m[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _estimate_error_m(pose: CameraPose, offsets_m: FloatArray) -> float:
    """Return one standard deviation of the border's place, for its mean distance."""
    flat_m = float(np.hypot(offsets_m[:, 0], offsets_m[:, 1]).mean())
    drop_m = float(-offsets_m[:, 2].mean())
    distance_2 = flat_m**2 + drop_m**2
    tilt_std = math.radians(max(pose.pitch_std_deg, pose.roll_std_deg))
    return math.sqrt(
        pose.horizontal_std_m**2
        + (distance_2 / drop_m * tilt_std) ** 2
        + (flat_m * math.radians(pose.yaw_std_deg)) ** 2
        + (flat_m / drop_m * pose.vertical_std_m) ** 2
    )
