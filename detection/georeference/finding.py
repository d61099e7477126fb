"""A detection with its place: on a building, on the ground, or at the camera of a street photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detection.domain.camera import CameraPose
from detection.domain.finding import Detection, GeoDetection, GroundPoint
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.domain.photo import FlightKind, Photo
from detection.georeference.on_building import BUILDING_THINGS, BuildingHit, find_building_hit
from detection.georeference.place import place_pixels
from detection.georeference.refusal import NotPlacedError
from detection.georeference.sights import MIN_PIXEL_STD_PX
from detection.georeference.surroundings import Surroundings
from detection.taxonomy import TaxonomyEntry

STREET_STD_M = 10.0
"""One standard deviation, per axis, of a thing near a street camera of unknown heading."""

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


def pixel_std_from_box(box: BBox) -> tuple[float, float]:
    """Return how far the middle of a drawn box may be off, px: more for a large box."""
    return (
        max(MIN_PIXEL_STD_PX, _BOX_STD * box.width_px),
        max(MIN_PIXEL_STD_PX, _BOX_STD * box.height_px),
    )


def _place_at_camera(pose: CameraPose) -> GroundPoint:
    variance = STREET_STD_M**2 + pose.horizontal_std_m**2
    return GroundPoint(pose.lon, pose.lat, variance, 0.0, variance, "camera_position")
