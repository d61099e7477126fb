"""A flight with the poses that its own photos tell, or why they cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from detection.domain.camera import CameraPose
from detection.domain.errors import HazardLensError
from detection.domain.photo import Flight, Photo
from detection.plane import LocalPlane
from detection.refine.adjust import MAX_SIGMAS, Adjusted, adjust_model, refine_pose
from detection.refine.reconstruct import MIN_TRACK, SparseModel, reconstruct
from detection.refine.surface import write_surface

MIN_AGREEING = 0.7
"""Share of the joined photos that must turn alike against the gimbal."""
MIN_JOINED = 0.5
"""Share of the photos that must be joined, or the model is that of a corner of the flight."""


class NotRefinedError(HazardLensError):
    """The photos of a flight do not give better poses; ``why`` ends a sentence."""

    code = "not_refined"

    def __init__(self, why: str) -> None:
        """Say what can be done about it."""
        super().__init__(
            f"The poses of this flight cannot be refined: {why}.",
            remedy="Use the poses as written; fly with 70 % overlap or more, keep the originals.",
        )


@dataclass(frozen=True, slots=True)
class Refinement:
    """What refining changed.

    ``photos`` are all photos of the flight, those that could be joined with new poses. The
    medians compare written with refined: metres between positions, degrees of yaw and of tilt.
    """

    photos: tuple[Photo, ...]
    joined: int
    points: int
    reprojection_px: float
    position_shift_m: float
    yaw_turn_deg: float
    tilt_turn_deg: float
    has_surface: bool


def refine_flight(
    flight: Flight,
    surface_path: Path,
    *,
    threads: int = 1,
    on_stage: Callable[[str], None] | None = None,
) -> Refinement:
    """Return the flight's photos with poses adjusted by structure from motion.

    The surface that they show goes to ``surface_path``. Of several cameras the one with most
    photos is taken.

    Raises:
        NotRefinedError: too few photos have position and height or could be joined, the lens is
            not known well enough, or the result contradicts the gimbal.
        ConfigurationError: pycolmap is not installed.
    """
    usable = _pick_photos(flight)
    first = usable[0].pose
    if first is None:  # _pick_photos keeps photos with a pose
        why = "no photo has a pose"
        raise NotRefinedError(why)
    plane = LocalPlane(first.lon, first.lat)
    model = reconstruct(usable, plane, threads=threads, on_stage=on_stage)
    if model is None or len(model.photo_ids) < MIN_JOINED * len(usable):
        joined = 0 if model is None else len(model.photo_ids)
        why = f"only {joined} of {len(usable)} photos could be joined"
        raise NotRefinedError(why)
    written = {photo.photo_id: photo.pose for photo in usable if photo.pose is not None}
    adjusted = adjust_model(model, [written[name] for name in model.photo_ids], plane)
    _check_gimbal(adjusted, [written[name] for name in model.photo_ids])
    poses = {
        name: refine_pose(written[name], adjusted, index, plane)
        for index, name in enumerate(model.photo_ids)
        if adjusted.agrees[index]
    }
    photos = tuple(_with_pose(photo, poses, adjusted.model) for photo in flight.photos)
    has_surface = write_surface(surface_path, adjusted.model.points_m, plane)
    return _summarize(photos, adjusted, written, plane, has_surface=has_surface)


def _pick_photos(flight: Flight) -> list[Photo]:
    """Return the photos with position, height and focal length of the commonest camera."""
    complete = [
        photo
        for photo in flight.photos
        if photo.pose is not None
        and photo.pose.altitude_agl_m is not None
        and photo.intrinsics is not None
    ]
    cameras = Counter(_camera_of(photo) for photo in complete)
    if not cameras or cameras.most_common(1)[0][1] < MIN_TRACK:
        why = "fewer than three photos have position, height and focal length"
        raise NotRefinedError(why)
    commonest = cameras.most_common(1)[0][0]
    return [photo for photo in complete if _camera_of(photo) == commonest]


def _camera_of(photo: Photo) -> tuple[object, ...]:
    focal = round(photo.intrinsics.focal_px) if photo.intrinsics else 0
    return photo.camera_model, photo.width_px, photo.height_px, focal


def _check_gimbal(adjusted: Adjusted, poses: list[CameraPose]) -> None:
    """Refuse a model that bends against the gimbal, or is turned more than its errors allow."""
    if not poses[0].is_complete:
        return
    if adjusted.agrees.mean() < MIN_AGREEING:
        why = "the model bends against the gimbal, so the lens is not described in the photos"
        raise NotRefinedError(why)
    allowed = MAX_SIGMAS * np.array(
        [poses[0].pitch_std_deg, poses[0].roll_std_deg, poses[0].yaw_std_deg]
    )
    mean = np.abs(adjusted.gimbal_turn_deg[adjusted.agrees].mean(axis=0))
    if (mean > allowed).any():
        why = f"gimbal and model differ by {mean.max():.1f} degrees"
        raise NotRefinedError(why)


def _with_pose(photo: Photo, poses: Mapping[str, CameraPose], model: SparseModel) -> Photo:
    pose = poses.get(photo.photo_id)
    return photo if pose is None else replace(photo, pose=pose, intrinsics=model.intrinsics)


def _summarize(
    photos: tuple[Photo, ...],
    adjusted: Adjusted,
    written: Mapping[str, CameraPose],
    plane: LocalPlane,
    *,
    has_surface: bool,
) -> Refinement:
    model, agrees = adjusted.model, adjusted.agrees
    before = plane.to_metres([(written[name].lon, written[name].lat) for name in model.photo_ids])
    shift = np.linalg.norm(model.centers_m[:, :2] - before, axis=1)[agrees]
    turns = adjusted.gimbal_turn_deg[agrees]
    tilt = np.linalg.norm(turns[:, :2], axis=1)
    return Refinement(
        photos=photos,
        joined=int(agrees.sum()),
        points=len(model.points_m),
        reprojection_px=model.reprojection_px,
        position_shift_m=float(np.median(shift)),
        yaw_turn_deg=float(np.median(np.abs(turns[:, 2]))),
        tilt_turn_deg=float(np.median(tilt)),
        has_surface=has_surface,
    )
