"""The photos of a flight to an epoch: structure from motion with its positions as priors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from detection.change.epoch import Epoch
from detection.change.errors import NotJoinedError, TooFewPhotosError, TooFewPointsError
from detection.domain.camera import CameraPose
from detection.domain.photo import Flight, Photo
from detection.plane import LocalPlane
from detection.refine.adjust import adjust_model
from detection.refine.reconstruct import MIN_TRACK, SparseModel, reconstruct
from detection.refine.surface import drop_outliers
from detection.refine.watch import Progress, Watch

MIN_JOINED = 0.5
"""Share of the photos that must be joined, or the model is that of a corner of the flight."""
MIN_POINTS = 200
UNKNOWN_HEIGHT_STD_M = 60.0
"""Of a photo that says nothing of its height: the zero of an epoch's heights is free anyway."""
GPS_HEIGHT_STD_M = 10.0
"""Of EXIF's GPS altitude against the flight's other photos; what it is off as a whole is free."""


def build_epoch(
    flight: Flight,
    *,
    plane: LocalPlane | None = None,
    threads: int = 1,
    on_progress: Progress | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> Epoch:
    """Return the flight's photos with poses of their own making and the points that they show.

    Photos without gimbal angles or height above take-off take part. ``plane`` is that of the
    first photo unless given. ``on_progress`` hears the stages of `detection.refine.reconstruct`.

    Raises:
        TooFewPhotosError: fewer than three photos of one camera have position and focal length.
        NotJoinedError: fewer than half of the photos could be joined.
        TooFewPointsError: they share too few points.
        ConfigurationError: pycolmap is not installed.
        CancelledError: ``is_cancelled`` said so.
    """
    photos = _pick_photos(flight)
    poses = {photo.photo_id: photo.pose for photo in photos if photo.pose is not None}
    first = poses[photos[0].photo_id]
    plane = plane or LocalPlane(first.lon, first.lat)
    model = reconstruct(photos, plane, threads=threads, watch=Watch(on_progress, is_cancelled))
    if model is None or len(model.photo_ids) < MIN_JOINED * len(photos):
        raise NotJoinedError(flight.name, len(model.photo_ids) if model else 0, len(photos))
    if len(model.points_m) < MIN_POINTS:
        raise TooFewPointsError(flight.name, len(model.points_m))
    by_id = {photo.photo_id: photo for photo in photos}
    joined = tuple(by_id[photo_id] for photo_id in model.photo_ids)
    settled = _settle(model, [poses[photo_id] for photo_id in model.photo_ids], plane)
    return Epoch(joined, settled, plane)


def _pick_photos(flight: Flight) -> list[Photo]:
    """Return the photos of the commonest camera that have a position, all with a height."""
    placed = [
        photo for photo in flight.photos if photo.pose is not None and photo.intrinsics is not None
    ]
    cameras = Counter(_camera_of(photo) for photo in placed)
    commonest, count = cameras.most_common(1)[0] if cameras else ((), 0)
    if count < MIN_TRACK:
        raise TooFewPhotosError(flight.name, count, len(flight.photos))
    return _give_heights([photo for photo in placed if _camera_of(photo) == commonest])


def _camera_of(photo: Photo) -> tuple[object, ...]:
    focal = round(photo.intrinsics.focal_px) if photo.intrinsics else 0
    return photo.camera_model, photo.width_px, photo.height_px, focal


def _give_heights(photos: Sequence[Photo]) -> list[Photo]:
    """Return the photos with one kind of height for all: of different kinds the zeros differ."""
    poses = [photo.pose for photo in photos if photo.pose is not None]
    if all(pose.altitude_agl_m is not None for pose in poses):
        return list(photos)
    if all(pose.altitude_m is not None for pose in poses):
        heights = [(pose.altitude_m, GPS_HEIGHT_STD_M) for pose in poses]
    else:
        heights = [(0.0, UNKNOWN_HEIGHT_STD_M) for _ in poses]
    return [
        replace(photo, pose=replace(pose, altitude_agl_m=height_m, vertical_std_m=std_m))
        for photo, pose, (height_m, std_m) in zip(photos, poses, heights, strict=True)
    ]


def _settle(model: SparseModel, poses: Sequence[CameraPose], plane: LocalPlane) -> SparseModel:
    """Return the model turned to positions and gimbal, without points that stand off alone."""
    adjusted = adjust_model(model, poses, plane)
    turned = adjusted.model if adjusted.agrees.mean() >= MIN_JOINED else model
    return replace(turned, points_m=drop_outliers(turned.points_m))
