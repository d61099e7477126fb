"""A detection with its place: on a building, on the ground, or at the camera of a street photo."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from detection.domain.camera import CameraPose, compute_gsd_m
from detection.domain.finding import Detection, GeoDetection, GroundPoint
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.domain.photo import FlightKind, Photo
from detection.domain.sight import compute_rays
from detection.georeference.on_building import BUILDING_THINGS, BuildingHit, find_building_hit
from detection.georeference.place import place_pixels
from detection.georeference.refusal import NotPlacedError, require_pose
from detection.georeference.sights import MIN_PIXEL_STD_PX, build_sights
from detection.georeference.surroundings import Surroundings
from detection.taxonomy import TaxonomyEntry

STREET_STD_M = 10.0
"""One standard deviation, per axis, of a thing near a street camera of unknown heading."""

SIZE_SIGMAS = 2.0
"""Standard deviations of the heights within which a size counts as possible."""

_BOX_STD = 0.03


def georeference_detection(
    detection: Detection,
    photo: Photo,
    taxonomy: Mapping[HazardClass, TaxonomyEntry],
    *,
    kind: FlightKind = FlightKind.DRONE,
    surroundings: Surroundings | None = None,
) -> GeoDetection:
    """Return one detection with its place as `georeference_detections` does."""
    (placed,) = georeference_detections(
        [detection], photo, taxonomy, kind=kind, surroundings=surroundings
    )
    return placed


def georeference_detections(
    detections: Sequence[Detection],
    photo: Photo,
    taxonomy: Mapping[HazardClass, TaxonomyEntry],
    *,
    kind: FlightKind = FlightKind.DRONE,
    surroundings: Surroundings | None = None,
) -> list[GeoDetection]:
    """Return the detections of a photo with their places, or with the reason why they have none.

    The ray goes through the middle of the box. What belongs on a building is placed on the one
    that the errors allow, where a layer of buildings is known. A street photo without a full pose
    is placed at its camera, with an error that says so. Reasons: ``no_position``,
    ``no_attitude``, ``no_altitude``, ``no_focal_length``, ``outside_lens_model``,
    ``above_horizon``, ``below_target``, ``too_far``, ``outside_terrain``.
    """
    if not detections:
        return []
    entries = [taxonomy[one.hazard_class] for one in detections]
    try:
        hits = [
            find_hit(one, photo, entry, surroundings)
            for one, entry in zip(detections, entries, strict=True)
        ]
        on_ground = place_pixels(
            photo,
            [one.bbox_xyxy.center for one in detections],
            target_height_m=[entry.target_height_m for entry in entries],
            target_height_std_m=[entry.target_height_std_m for entry in entries],
            pixel_std_px=[pixel_std_from_box(one.bbox_xyxy) for one in detections],
            surroundings=surroundings,
        )
    except NotPlacedError as refusal:
        return [_leave_unplaced(one, photo, kind, refusal.reason) for one in detections]
    placed = []
    for index, (one, hit) in enumerate(zip(detections, hits, strict=True)):
        reason = on_ground.reasons[index]
        if hit is not None:
            placed.append(GeoDetection(one, hit.ground, on_building=hit.on_building))
        elif reason is not None:
            placed.append(_leave_unplaced(one, photo, kind, reason))
        else:
            placed.append(GeoDetection(one, on_ground.ground(index)))
    return placed


def _leave_unplaced(
    detection: Detection, photo: Photo, kind: FlightKind, reason: str
) -> GeoDetection:
    """Return a detection without a place of its own; in a street photo that of the camera."""
    if kind is FlightKind.STREET and photo.pose is not None:
        return GeoDetection(detection, _place_at_camera(photo.pose))
    return GeoDetection(detection, None, reason)


def find_hit(
    detection: Detection, photo: Photo, entry: TaxonomyEntry, surroundings: Surroundings | None
) -> BuildingHit | None:
    """Return the building that the middle of the box is on; None for what is on the ground.

    Raises:
        NotPlacedError: pose or focal length is incomplete.
    """
    if surroundings is None or entry.thing not in BUILDING_THINGS:
        return None
    box = detection.bbox_xyxy
    return find_building_hit(photo, box.center, pixel_std_from_box(box), entry.thing, surroundings)


def judge_sizes(
    placed: Sequence[GeoDetection],
    photo: Photo,
    taxonomy: Mapping[HazardClass, TaxonomyEntry],
    *,
    surroundings: Surroundings | None = None,
) -> list[bool]:
    """Return for each detection of a photo whether its longer side can be that of its class.

    The distance is taken from the ground, so the size is a range in metres: what two standard
    deviations of the camera's and the target's height allow. True where the range meets the
    bounds of the class, and where the detection has no place on the ground from its own ray: what
    cannot be measured is kept.
    """
    plausible = [True] * len(placed)
    if not any(_find_own_ground(one) for one in placed):
        return plausible
    pose, intrinsics = require_pose(photo)
    boxes = [one.detection.bbox_xyxy for one in placed]
    entries = [taxonomy[one.detection.hazard_class] for one in placed]
    centers = [box.center for box in boxes]
    heights_m = [entry.target_height_m for entry in entries]
    rays = compute_rays(build_sights(pose, intrinsics, centers, heights_m), intrinsics)
    for index, (one, box, entry) in enumerate(zip(placed, boxes, entries, strict=True)):
        ground_m = _find_ground_height(_find_own_ground(one), surroundings)
        if math.isnan(ground_m):
            continue
        drop_m = (pose.altitude_agl_m or 0.0) - ground_m - entry.target_height_m
        spread_m = SIZE_SIGMAS * math.hypot(pose.vertical_std_m, entry.target_height_std_m)
        # The ray has length one along the optical axis, so this is the depth that scales pixels.
        depth_m = (drop_m + spread_m) / -float(rays[index, 2])
        largest_m = max(box.width_px, box.height_px) * compute_gsd_m(intrinsics, depth_m)
        smallest_m = largest_m * max(0.0, drop_m - spread_m) / (drop_m + spread_m)
        plausible[index] = smallest_m <= entry.max_size_m and largest_m >= entry.min_size_m
    return plausible


def _find_own_ground(placed: GeoDetection) -> GroundPoint | None:
    """Return where the ray through the box ended on the ground, if it did."""
    ground = placed.ground
    if ground is None or placed.on_building or ground.method == "camera_position":
        return None
    return ground


def _find_ground_height(ground: GroundPoint | None, surroundings: Surroundings | None) -> float:
    """Return the height of the ground under a place, above the take-off; NaN if not known."""
    if ground is None:
        return math.nan
    if surroundings is None or surroundings.terrain is None:
        return 0.0
    return float(surroundings.terrain.view_from(ground.lon, ground.lat).heights_at(np.zeros(2)))


def pixel_std_from_box(box: BBox) -> tuple[float, float]:
    """Return how far the middle of a drawn box may be off, px: more for a large box."""
    return (
        max(MIN_PIXEL_STD_PX, _BOX_STD * box.width_px),
        max(MIN_PIXEL_STD_PX, _BOX_STD * box.height_px),
    )


def _place_at_camera(pose: CameraPose) -> GroundPoint:
    variance = STREET_STD_M**2 + pose.horizontal_std_m**2
    return GroundPoint(pose.lon, pose.lat, variance, 0.0, variance, "camera_position")
