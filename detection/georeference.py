"""A pixel and a pose to a place on flat ground with its error, or the reason why there is none.

The ground is a plane at the height of the take-off point; what a class is assumed to stand above
it (a cover 0 m, a crack in a facade 8 m, give or take 6 m) comes from the taxonomy and adds to
the error. East and north metres are taken along geodesics from the camera, so that projecting a
point and placing it again are exact inverses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from pyproj import Geod

from detection.domain.camera import CameraIntrinsics, CameraPose, compute_gsd_m
from detection.domain.finding import Detection, GeoDetection, GroundPoint
from detection.domain.geometry import BBox, FloatArray
from detection.domain.hazard import HazardClass
from detection.domain.photo import FlightKind, Photo
from detection.domain.sight import (
    SightColumn,
    compute_camera_axes,
    compute_jacobian,
    compute_rays,
    intersect_ground,
)
from detection.taxonomy import TaxonomyEntry

MIN_DEPRESSION_DEG = 5.0
MAX_RANGE_M = 1000.0
STREET_STD_M = 10.0
"""One standard deviation, per axis, of a thing near a street camera of unknown heading."""

SIZE_SIGMAS = 2.0
"""Standard deviations of the heights within which a size counts as possible."""

_GEOD = Geod(ellps="WGS84")
_FOCAL_STD = {"xmp:CalibratedFocalLength": 0.005, "exif:FocalLength+sensor": 0.01}
_FOCAL_STD_OTHER = 0.02
_MIN_PIXEL_STD_PX = 1.5
_BOX_STD = 0.03


class NotPlacedError(Exception):
    """A ray that has no usable meeting point with the ground; ``reason`` is the code."""

    def __init__(self, reason: str) -> None:
        """Keep the reason code."""
        super().__init__(reason)
        self.reason = reason


def project_point(
    pose: CameraPose, intrinsics: CameraIntrinsics, lon: float, lat: float, height_m: float = 0.0
) -> tuple[float, float] | None:
    """Return the pixel ``(x, y)`` of a point ``height_m`` above the take-off ground.

    The pixel may lie outside the photo; None where the point is behind the camera.

    Raises:
        ValueError: the pose lacks height or angles.
    """
    if (
        pose.altitude_agl_m is None
        or pose.yaw_deg is None
        or pose.pitch_deg is None
        or pose.roll_deg is None
    ):
        message = "the pose lacks height or angles"
        raise ValueError(message)
    azimuth_deg, _, distance_m = _GEOD.inv(pose.lon, pose.lat, lon, lat)
    azimuth = math.radians(azimuth_deg)
    offset = np.array(
        [
            distance_m * math.sin(azimuth),
            distance_m * math.cos(azimuth),
            height_m - pose.altitude_agl_m,
        ]
    )
    axes = compute_camera_axes(pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
    right, down, forward = (float(value) for value in axes @ offset)
    if forward <= 0:
        return None
    return (
        intrinsics.cx_px + intrinsics.focal_px * right / forward,
        intrinsics.cy_px + intrinsics.focal_px * down / forward,
    )


def place_pixel(
    photo: Photo,
    x_px: float,
    y_px: float,
    *,
    target_height_m: float = 0.0,
    target_height_std_m: float = 0.0,
    pixel_std_px: tuple[float, float] = (_MIN_PIXEL_STD_PX, _MIN_PIXEL_STD_PX),
) -> GroundPoint:
    """Return where the ray of one pixel of the displayed photo meets the target's height.

    The covariance sums the errors of position, height, angles, focal length, pixel and target
    height, each through its derivative.

    Raises:
        NotPlacedError: pose or focal length is incomplete, or the ray is too flat, upward or
            too long.
    """
    pose, intrinsics = _require_pose(photo)
    sight = _build_sight(pose, intrinsics, x_px, y_px, target_height_m)
    ray = compute_rays(sight[None], intrinsics)[0]
    _check_ray(ray, pose, target_height_m)
    stds = _list_stds(pose, intrinsics, target_height_std_m, pixel_std_px)
    jacobian = compute_jacobian(sight, intrinsics)
    covariance = (jacobian * stds**2) @ jacobian.T + np.eye(2) * pose.horizontal_std_m**2
    offset_m = intersect_ground(sight[None], intrinsics)[0]
    east_m, north_m = (float(value) for value in offset_m)
    lon, lat, _ = _GEOD.fwd(
        pose.lon, pose.lat, math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m)
    )
    return GroundPoint(
        lon=float(lon),
        lat=float(lat),
        cov_ee_m2=float(covariance[0, 0]),
        cov_en_m2=float(covariance[0, 1]),
        cov_nn_m2=float(covariance[1, 1]),
        method="flat_ground",
    )


def _require_pose(photo: Photo) -> tuple[CameraPose, CameraIntrinsics]:
    pose, intrinsics = photo.pose, photo.intrinsics
    if pose is None:
        reason = "no_position"
    elif None in (pose.yaw_deg, pose.pitch_deg, pose.roll_deg):
        reason = "no_attitude"
    elif pose.altitude_agl_m is None:
        reason = "no_altitude"
    elif intrinsics is None:
        reason = "no_focal_length"
    else:
        return pose, intrinsics
    raise NotPlacedError(reason)


def _build_sight(
    pose: CameraPose,
    intrinsics: CameraIntrinsics,
    x_px: float,
    y_px: float,
    target_height_m: float,
) -> FloatArray:
    """Return the nominal value of every `SightColumn`; the pose is complete."""
    sight = np.zeros(len(SightColumn))
    sight[SightColumn.ALTITUDE] = pose.altitude_agl_m
    sight[SightColumn.TARGET_HEIGHT] = target_height_m
    sight[SightColumn.YAW] = pose.yaw_deg
    sight[SightColumn.PITCH] = pose.pitch_deg
    sight[SightColumn.ROLL] = pose.roll_deg
    sight[SightColumn.X], sight[SightColumn.Y] = x_px, y_px
    sight[SightColumn.FOCAL] = intrinsics.focal_px
    return sight


def _check_ray(ray: FloatArray, pose: CameraPose, target_height_m: float) -> None:
    """Refuse a ray that does not meet the target's height within reach."""
    depression = math.atan2(-float(ray[2]), math.hypot(float(ray[0]), float(ray[1])))
    if depression < math.radians(MIN_DEPRESSION_DEG):
        reason = "above_horizon"
        raise NotPlacedError(reason)
    drop_m = (pose.altitude_agl_m or 0.0) - target_height_m
    if drop_m <= 0:
        reason = "below_target"
        raise NotPlacedError(reason)
    if drop_m / math.sin(depression) > MAX_RANGE_M:
        reason = "too_far"
        raise NotPlacedError(reason)


def _list_stds(
    pose: CameraPose,
    intrinsics: CameraIntrinsics,
    target_height_std_m: float,
    pixel_std_px: tuple[float, float],
) -> FloatArray:
    """Return one standard deviation per `SightColumn`."""
    stds = np.zeros(len(SightColumn))
    stds[SightColumn.ALTITUDE] = pose.vertical_std_m
    stds[SightColumn.TARGET_HEIGHT] = target_height_std_m
    stds[SightColumn.YAW] = pose.yaw_std_deg
    stds[SightColumn.PITCH] = pose.pitch_std_deg
    stds[SightColumn.TILT] = pose.roll_std_deg
    stds[SightColumn.X], stds[SightColumn.Y] = pixel_std_px
    share = _FOCAL_STD.get(intrinsics.source, _FOCAL_STD_OTHER)
    stds[SightColumn.FOCAL] = share * intrinsics.focal_px
    return stds


def georeference_detection(
    detection: Detection,
    photo: Photo,
    taxonomy: Mapping[HazardClass, TaxonomyEntry],
    *,
    kind: FlightKind = FlightKind.DRONE,
) -> GeoDetection:
    """Return the detection with its place, or with the reason why it has none.

    The ray goes through the middle of the box. A street photo without a full pose is placed at
    its camera, with an error that says so. Reasons: ``no_position``, ``no_attitude``,
    ``no_altitude``, ``no_focal_length``, ``above_horizon``, ``below_target``, ``too_far``.
    """
    entry = taxonomy[detection.hazard_class]
    x_px, y_px = detection.bbox_xyxy.center
    try:
        ground = place_pixel(
            photo,
            x_px,
            y_px,
            target_height_m=entry.target_height_m,
            target_height_std_m=entry.target_height_std_m,
            pixel_std_px=_pixel_std_from_box(detection.bbox_xyxy),
        )
    except NotPlacedError as refusal:
        if kind is FlightKind.STREET and photo.pose is not None:
            return GeoDetection(detection, _place_at_camera(photo.pose))
        return GeoDetection(detection, None, refusal.reason)
    return GeoDetection(detection, ground)


def has_plausible_size(
    placed: GeoDetection, photo: Photo, taxonomy: Mapping[HazardClass, TaxonomyEntry]
) -> bool:
    """Whether the longer side of the box, in metres, can be that of its class.

    The distance is taken from flat ground, so the size is a range: what two standard deviations
    of the camera's and the target's height allow. True where the range meets the bounds of the
    class, and where the detection has no place from its own ray: what cannot be measured is kept.
    """
    if placed.ground is None or placed.ground.method != "flat_ground":
        return True
    pose, intrinsics = _require_pose(photo)
    entry = taxonomy[placed.detection.hazard_class]
    box = placed.detection.bbox_xyxy
    sight = _build_sight(pose, intrinsics, *box.center, entry.target_height_m)
    ray = compute_rays(sight[None], intrinsics)[0]
    drop_m = (pose.altitude_agl_m or 0.0) - entry.target_height_m
    spread_m = SIZE_SIGMAS * math.hypot(pose.vertical_std_m, entry.target_height_std_m)
    # The ray has length one along the optical axis, so this is the depth that scales pixels.
    depth_m = (drop_m + spread_m) / -float(ray[2])
    largest_m = max(box.width_px, box.height_px) * compute_gsd_m(intrinsics, depth_m)
    smallest_m = largest_m * max(0.0, drop_m - spread_m) / (drop_m + spread_m)
    return smallest_m <= entry.max_size_m and largest_m >= entry.min_size_m


def _pixel_std_from_box(box: BBox) -> tuple[float, float]:
    """Return how far the middle of a drawn box may be off, px: more for a large box."""
    return (
        max(_MIN_PIXEL_STD_PX, _BOX_STD * box.width_px),
        max(_MIN_PIXEL_STD_PX, _BOX_STD * box.height_px),
    )


def _place_at_camera(pose: CameraPose) -> GroundPoint:
    variance = STREET_STD_M**2 + pose.horizontal_std_m**2
    return GroundPoint(pose.lon, pose.lat, variance, 0.0, variance, "camera_position")
