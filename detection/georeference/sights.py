"""The numbers of a photo's sights and how far each of them may be off."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.geometry import FloatArray
from detection.domain.sight import SightColumn

MIN_PIXEL_STD_PX = 1.5

_FOCAL_STD = {"xmp:CalibratedFocalLength": 0.005, "exif:FocalLength+sensor": 0.01}
_FOCAL_STD_OTHER = 0.02


def build_sights(
    pose: CameraPose, intrinsics: CameraIntrinsics, xy_px: ArrayLike, target_height_m: ArrayLike
) -> FloatArray:
    """Return the stated value of every `SightColumn` for pixels ``(n, 2)`` of a complete pose."""
    xy = np.asarray(xy_px, dtype=np.float64).reshape(-1, 2)
    sights = np.zeros((len(xy), len(SightColumn)))
    sights[:, SightColumn.ALTITUDE] = pose.altitude_agl_m
    sights[:, SightColumn.TARGET_HEIGHT] = target_height_m
    sights[:, SightColumn.YAW] = pose.yaw_deg
    sights[:, SightColumn.PITCH] = pose.pitch_deg
    sights[:, SightColumn.ROLL] = pose.roll_deg
    sights[:, [SightColumn.X, SightColumn.Y]] = xy
    sights[:, SightColumn.FOCAL] = intrinsics.focal_px
    return sights


def list_stds(
    pose: CameraPose,
    intrinsics: CameraIntrinsics,
    target_height_std_m: ArrayLike,
    pixel_std_px: ArrayLike,
    count: int,
) -> FloatArray:
    """Return one standard deviation per sight and `SightColumn`, ``(count, 11)``.

    ``target_height_std_m`` is one number for all sights, or one for each, ``pixel_std_px`` (x, y)
    for all or one pair for each. A focal length whose source states no deviation gets that of its
    kind: half a percent where calibrated, 1 % from a sensor table, else 2 %.
    """
    stds = np.zeros((count, len(SightColumn)))
    stds[:, SightColumn.ALTITUDE] = pose.vertical_std_m
    stds[:, SightColumn.TARGET_HEIGHT] = target_height_std_m
    stds[:, SightColumn.YAW] = pose.yaw_std_deg
    stds[:, SightColumn.PITCH] = pose.pitch_std_deg
    stds[:, SightColumn.TILT] = pose.roll_std_deg
    stds[:, [SightColumn.X, SightColumn.Y]] = pixel_std_px
    stds[:, SightColumn.FOCAL] = _find_focal_std(intrinsics)
    stds[:, [SightColumn.EAST, SightColumn.NORTH]] = pose.horizontal_std_m
    return stds


def _find_focal_std(intrinsics: CameraIntrinsics) -> float:
    if intrinsics.focal_std_px is not None:
        return intrinsics.focal_std_px
    return _FOCAL_STD.get(intrinsics.source, _FOCAL_STD_OTHER) * intrinsics.focal_px
