"""Whether what was found can be what it is taken for: its size, and the camera's view of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from detection.domain.camera import CameraIntrinsics, CameraPose, compute_gsd_m
from detection.domain.finding import GeoDetection, GroundPoint
from detection.domain.geometry import FloatArray
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo
from detection.domain.sight import compute_rays
from detection.georeference.refusal import NotPlacedError, require_pose
from detection.georeference.sights import build_sights
from detection.georeference.surroundings import Surroundings
from detection.taxonomy import TaxonomyEntry

SIGMAS = 2.0
"""Standard deviations of the pose and of the target's height within which a thing is possible."""


def judge_sizes(
    placed: Sequence[GeoDetection],
    photo: Photo,
    taxonomy: Mapping[HazardClass, TaxonomyEntry],
    *,
    surroundings: Surroundings | None = None,
) -> list[bool]:
    """Return for each detection of a photo whether its longer side can be that of its class.

    The distance is taken from the ground, so the size is a range in metres: what the errors of the
    camera's and the target's height allow. True where the range meets the bounds of the class, and
    where the detection has no place on the ground from its own ray: what cannot be measured is
    kept.
    """
    try:
        camera = require_pose(photo)
    except NotPlacedError:
        return [True] * len(placed)
    rays = _list_rays(placed, photo, taxonomy)
    return [
        _fits_size(one, taxonomy[one.detection.hazard_class], -float(ray[2]), camera, surroundings)
        for one, ray in zip(placed, rays, strict=True)
    ]


def judge_views(
    placed: Sequence[GeoDetection],
    photo: Photo,
    taxonomy: Mapping[HazardClass, TaxonomyEntry],
) -> list[bool]:
    """Return for each detection of a photo whether the camera can see there what its class is on.

    Of a wall below the camera nearly nothing shows: what is marked there lies on paving or a roof.
    True where the photo does not say enough, and for what is on a known building.
    """
    try:
        pose, _ = require_pose(photo)
    except NotPlacedError:
        return [True] * len(placed)
    x, y, z = _list_rays(placed, photo, taxonomy).T
    depressions_deg = np.degrees(np.arctan2(-z, np.hypot(x, y)))
    slack_deg = SIGMAS * math.hypot(pose.pitch_std_deg, pose.roll_std_deg)
    limits_deg = [taxonomy[one.detection.hazard_class].max_depression_deg for one in placed]
    is_too_steep = depressions_deg > np.array(limits_deg) + slack_deg  # outside the lens it is NaN
    return [
        one.on_building is not None or not steep
        for one, steep in zip(placed, is_too_steep.tolist(), strict=True)
    ]


def _list_rays(
    placed: Sequence[GeoDetection], photo: Photo, taxonomy: Mapping[HazardClass, TaxonomyEntry]
) -> FloatArray:
    """Return the rays ``(n, 3)`` through the middles of the boxes, see `compute_rays`.

    Raises:
        NotPlacedError: pose or focal length is incomplete.
    """
    pose, intrinsics = require_pose(photo)
    centers = [one.detection.bbox_xyxy.center for one in placed]
    heights_m = [taxonomy[one.detection.hazard_class].target_height_m for one in placed]
    return compute_rays(build_sights(pose, intrinsics, centers, heights_m), intrinsics)


def _fits_size(
    one: GeoDetection,
    entry: TaxonomyEntry,
    sink: float,
    camera: tuple[CameraPose, CameraIntrinsics],
    surroundings: Surroundings | None,
) -> bool:
    """Whether the range of sizes that a box may have on the ground meets that of its class.

    ``sink`` is how far its ray goes down in its length of one along the optical axis.
    """
    ground = one.ground
    if ground is None or one.on_building or ground.method == "camera_position":
        return True
    ground_m = _find_ground_height(ground, surroundings)
    if math.isnan(ground_m):
        return True
    pose, intrinsics = camera
    drop_m = (pose.altitude_agl_m or 0.0) - ground_m - entry.target_height_m
    spread_m = SIGMAS * math.hypot(pose.vertical_std_m, entry.target_height_std_m)
    depth_m = (drop_m + spread_m) / sink
    box = one.detection.bbox_xyxy
    largest_m = max(box.width_px, box.height_px) * compute_gsd_m(intrinsics, depth_m)
    smallest_m = largest_m * max(0.0, drop_m - spread_m) / (drop_m + spread_m)
    return smallest_m <= entry.max_size_m and largest_m >= entry.min_size_m


def _find_ground_height(ground: GroundPoint, surroundings: Surroundings | None) -> float:
    """Return the height of the ground under a place, above the take-off; NaN if not known."""
    if surroundings is None or surroundings.terrain is None:
        return 0.0
    return float(surroundings.terrain.view_from(ground.lon, ground.lat).heights_at(np.zeros(2)))
