"""The cameras of a flight as arrays, and the rays from them to what they showed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.dedupe.rays import ERRORS, MIN_DROP_M, Rays
from detection.domain.finding import GeoDetection
from detection.domain.geometry import FloatArray
from detection.domain.photo import Photo
from detection.domain.sight import compute_camera_axes
from detection.plane import LocalPlane
from detection.taxonomy import load_taxonomy

RELATIVE_POSITION_STD_M = 0.6
"""One standard deviation, per axis, of a photo's position against its neighbours. A receiver's
error drifts over minutes, so that the photos of a flight share most of it; gating with the whole
of it joins covers that stand metres apart."""

_FROM_RAYS = frozenset({"flat_ground", "terrain", "surface"})
_PIXEL_STD_PX = 1.5
_BOX_STD = 0.03
_CUT_BOX_STD = 0.25
_EDGE_PX = 2.0
_FOCAL_STD = 0.01
_STEEP = 0.3


@dataclass(frozen=True, eq=False)
class Cameras:
    """The cameras of ``p`` photos; ``known`` (p,) tells whose pose and lens are complete.

    ``place_m`` (p, 3) is east, north and height above the take-off, ``turns`` (p, 3, 3) the up,
    level right and heading vectors, ``axes`` (p, 3, 3) right, down and forward, ``stds`` (p, 7)
    the deviations of `ERRORS` in metres, radians and shares, ``lens`` (p, 5) focal length,
    principal point and size of the photo, pixels.
    """

    known: NDArray[np.bool_]
    place_m: FloatArray
    turns: FloatArray
    axes: FloatArray
    stds: FloatArray
    lens: FloatArray


def list_cameras(photos: Sequence[Photo], plane: LocalPlane) -> Cameras:
    """Return the cameras of ``photos`` in their order."""
    rows = np.array([_list_numbers(photo) for photo in photos], dtype=np.float64)
    known = np.asarray(~np.isnan(rows).any(axis=1))
    rows = np.where(known[:, None], rows, 1.0)
    lon, lat, up, yaw, pitch, roll = rows[:, :6].T
    heading = np.radians(yaw)
    flat = np.zeros(len(rows))
    turns = np.stack(
        [
            np.stack([flat, flat, flat + 1], axis=-1),
            np.stack([np.cos(heading), -np.sin(heading), flat], axis=-1),
            np.stack([np.sin(heading), np.cos(heading), flat], axis=-1),
        ],
        axis=1,
    )
    return Cameras(
        known=known,
        place_m=np.column_stack([plane.to_metres(np.column_stack([lon, lat])), up]),
        turns=turns,
        axes=compute_camera_axes(yaw, pitch, roll),
        stds=rows[:, 6 : 6 + ERRORS],
        lens=rows[:, 6 + ERRORS :],
    )


def _list_numbers(photo: Photo) -> list[float]:
    """Return pose, deviations and lens of a photo as one row, NaN where it does not say."""
    pose, lens = photo.pose, photo.intrinsics
    if pose is None or lens is None or not pose.is_complete:
        return [float("nan")] * (6 + ERRORS + 5)
    stated = (pose.lon, pose.lat, pose.altitude_agl_m, pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
    share = _FOCAL_STD if lens.focal_std_px is None else lens.focal_std_px / lens.focal_px
    relative_m = min(pose.horizontal_std_m, RELATIVE_POSITION_STD_M)
    angles = np.radians([pose.yaw_std_deg, pose.pitch_std_deg, pose.roll_std_deg])
    stds = (relative_m, relative_m, pose.vertical_std_m, *angles, share)
    size = (photo.width_px, photo.height_px)
    return [float(v or 0.0) for v in (*stated, *stds, lens.focal_px, lens.cx_px, lens.cy_px, *size)]


def cast_rays(
    sightings: Sequence[GeoDetection],
    photo: NDArray[np.intp],
    stated_m: FloatArray,
    cameras: Cameras,
) -> tuple[Rays, FloatArray, NDArray[np.bool_]]:
    """Return the rays to places (n, 2), the noise (n, 2, 2) of their pixels, and which are true.

    A place that was not found along a ray (on a wall, at the camera, of a photo that lacks
    numbers) gets a ray that nothing moves.
    """
    follows = cameras.known[photo] & [
        seen.ground is not None and seen.ground.method in _FROM_RAYS for seen in sightings
    ]
    boxes = np.array([seen.detection.bbox_xyxy.xyxy for seen in sightings])
    axes, lens = cameras.axes[photo], cameras.lens[photo]
    offset_m = stated_m - cameras.place_m[photo, :2]
    drop_m = cameras.place_m[photo, 2] - _list_heights(sightings)
    ray = np.column_stack([offset_m, -_measure_drops(boxes, axes, lens, offset_m, drop_m)])
    shown = follows[:, None]
    rays = Rays(
        ray_m=np.where(shown, ray, [0.0, 0.0, -1.0]),
        axes=cameras.turns[photo],
        forward=axes[:, 2],
        stds=np.where(shown, cameras.stds[photo], 0.0),
    )
    return rays, rays.spread_pixels(_list_box_stds(boxes, lens) / lens[:, 0]), follows


def _measure_drops(
    boxes: FloatArray, axes: FloatArray, lens: FloatArray, offset_m: FloatArray, drop_m: FloatArray
) -> FloatArray:
    """Return how far below the camera the places are, metres (n,).

    Over a terrain only the slant of the ray tells, where it is slanted enough; else the height
    above the take-off stands in.
    """
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    in_camera = np.column_stack([(middle - lens[:, 1:3]) / lens[:, :1], np.ones(len(boxes))])
    ray = np.einsum("ni,nij->nj", in_camera, axes)
    run = np.hypot(ray[:, 0], ray[:, 1])
    slanted = run > _STEEP * -ray[:, 2]
    slant_drop = np.hypot(*offset_m.T) * -ray[:, 2] / np.where(slanted, run, 1.0)
    return np.asarray(np.maximum(np.where(slanted, slant_drop, drop_m), MIN_DROP_M))


def _list_heights(sightings: Sequence[GeoDetection]) -> FloatArray:
    taxonomy = load_taxonomy()
    return np.array([taxonomy[seen.detection.hazard_class].target_height_m for seen in sightings])


def _list_box_stds(boxes: FloatArray, lens: FloatArray) -> FloatArray:
    """Return how far the middle of each box may be off, pixels (n,)."""
    longer = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    is_cut = (boxes[:, :2] <= _EDGE_PX) | (boxes[:, 2:] >= lens[:, 3:] - _EDGE_PX)
    share = np.where(is_cut.any(axis=1), _CUT_BOX_STD, _BOX_STD)
    return np.asarray(np.maximum(_PIXEL_STD_PX, share * longer))
