"""A pixel and a pose to a place with its error, or the reason why there is none.

The ground is a plane at the height of the take-off point, or a terrain. East and north metres are
taken along geodesics from the camera, so that projecting a point and placing it again are exact
inverses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from detection.domain.camera import CameraIntrinsics
from detection.domain.finding import GroundPoint
from detection.domain.geometry import FloatArray
from detection.domain.photo import Photo
from detection.domain.sight import SightColumn, compute_rays
from detection.georeference.ground import MAX_RANGE_M, Ground, choose_ground, origins_from_sights
from detection.georeference.projection import lonlat_from_offsets
from detection.georeference.refusal import NotPlacedError, require_pose
from detection.georeference.sights import MIN_PIXEL_STD_PX, build_sights, list_stds
from detection.georeference.spread import compute_spread, move_sights
from detection.georeference.surroundings import Surroundings

MIN_DEPRESSION_DEG = 5.0

_HEIGHT, _DISTANCE = 2, 3
"""Columns of what is measured of a sight's end, after east and north."""


@dataclass(frozen=True, eq=False)
class PlacedPixels:
    """The places of pixels of one photo, ``n`` of them.

    ``lonlat`` ``(n, 2)`` degrees, ``covariances`` ``(n, 2, 2)`` east/north m², ``heights_m``
    ``(n,)`` above the take-off, ``distances_m`` ``(n,)`` from the camera along the ray with one
    standard deviation; all NaN where ``reasons`` has a code instead of None.
    """

    lonlat: FloatArray
    covariances: FloatArray
    heights_m: FloatArray
    distances_m: FloatArray
    distance_stds_m: FloatArray
    reasons: tuple[str | None, ...]
    method: str

    def __len__(self) -> int:
        """Return the number of pixels."""
        return len(self.reasons)

    def ground(self, index: int) -> GroundPoint | None:
        """Return one place; None where it has a reason."""
        if self.reasons[index] is not None:
            return None
        lon, lat = self.lonlat[index].tolist()
        (ee, en), (_, nn) = self.covariances[index].tolist()
        return GroundPoint(lon, lat, ee, en, nn, self.method)


def place_pixels(
    photo: Photo,
    xy_px: ArrayLike,
    *,
    target_height_m: ArrayLike = 0.0,
    target_height_std_m: ArrayLike = 0.0,
    pixel_std_px: ArrayLike = (MIN_PIXEL_STD_PX, MIN_PIXEL_STD_PX),
    surroundings: Surroundings | None = None,
) -> PlacedPixels:
    """Return where the rays of pixels ``(n, 2)`` of the displayed photo meet the target's height.

    The covariance spreads the errors of position, height, angles, focal length, pixel, target
    height and terrain. Target heights are one number for all, or ``(n,)``; ``pixel_std_px`` is
    (x, y) for all, or ``(n, 2)``.

    Raises:
        NotPlacedError: pose or focal length is incomplete, so that no pixel has a place.
    """
    pose, intrinsics = require_pose(photo)
    ground = choose_ground(None if surroundings is None else surroundings.terrain, pose)
    sights = build_sights(pose, intrinsics, xy_px, target_height_m)
    height_std_m = np.hypot(target_height_std_m, ground.std_m)
    stds = list_stds(pose, intrinsics, height_std_m, pixel_std_px, len(sights))
    moved = move_sights(sights, stds)
    ends = _measure_ends(ground, intrinsics, sights)
    moved_ends = _measure_ends(ground, intrinsics, moved.reshape(-1, len(SightColumn)))
    covariances = compute_spread(moved_ends.reshape(*moved.shape[:3], ends.shape[1]), ends)
    reasons = _find_reasons(compute_rays(sights, intrinsics), sights, ends, covariances, ground)
    lost = [reason is not None for reason in reasons]
    ends[lost], covariances[lost] = np.nan, np.nan
    return PlacedPixels(
        lonlat=lonlat_from_offsets(pose.lon, pose.lat, ends[:, :2]),
        covariances=covariances[:, :2, :2],
        heights_m=ends[:, _HEIGHT],
        distances_m=ends[:, _DISTANCE],
        distance_stds_m=np.sqrt(covariances[:, _DISTANCE, _DISTANCE]),
        reasons=reasons,
        method=ground.method,
    )


def place_pixel(
    photo: Photo,
    x_px: float,
    y_px: float,
    *,
    target_height_m: float = 0.0,
    target_height_std_m: float = 0.0,
    pixel_std_px: tuple[float, float] = (MIN_PIXEL_STD_PX, MIN_PIXEL_STD_PX),
    surroundings: Surroundings | None = None,
) -> GroundPoint:
    """Return the place of one pixel as `place_pixels` does.

    Raises:
        NotPlacedError: pose or focal length is incomplete, or the ray has no usable end.
    """
    placed = place_pixels(
        photo,
        [(x_px, y_px)],
        target_height_m=target_height_m,
        target_height_std_m=target_height_std_m,
        pixel_std_px=pixel_std_px,
        surroundings=surroundings,
    )
    ground = placed.ground(0)
    if ground is None:
        raise NotPlacedError(placed.reasons[0] or "")
    return ground


def _measure_ends(ground: Ground, intrinsics: CameraIntrinsics, sights: FloatArray) -> FloatArray:
    """Return east, north, height and distance from the camera of each sight's end, ``(n, 4)``."""
    ends = ground.meet(sights, intrinsics)
    ahead = ends - origins_from_sights(sights)
    return np.concatenate([ends, np.linalg.norm(ahead, axis=1, keepdims=True)], axis=1)


def _find_reasons(
    rays: FloatArray,
    sights: FloatArray,
    ends: FloatArray,
    covariances: FloatArray,
    ground: Ground,
) -> tuple[str | None, ...]:
    """Return why each ray has no usable end; None where it has one."""
    depressions = np.degrees(np.arctan2(-rays[:, 2], np.hypot(rays[:, 0], rays[:, 1])))
    is_lost = np.isnan(ends).any(axis=1) | np.isnan(covariances).any(axis=(1, 2))
    found = np.select(
        [
            np.isnan(depressions),
            depressions < MIN_DEPRESSION_DEG,
            ends[:, _HEIGHT] >= sights[:, SightColumn.ALTITUDE],
            ends[:, _DISTANCE] > MAX_RANGE_M,
            is_lost,
        ],
        ["outside_lens_model", "above_horizon", "below_target", "too_far", ground.lost_reason],
        default="",
    )
    return tuple(reason or None for reason in found.tolist())
