"""The camera's view: rays, where they meet flat ground, and how they are perturbed by errors.

A sight is one row of numbers, one per `SightColumn`; everything here works on rows at once.
Angles are in degrees, metres are east/north/up from the stated place of the camera's foot.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.geometry import FloatArray
from detection.domain.lens import undistort_points


class SightColumn(IntEnum):
    """The numbers that a place depends on: columns of a sight."""

    ALTITUDE = 0
    TARGET_HEIGHT = 1
    YAW = 2
    PITCH = 3
    ROLL = 4
    TILT = 5
    X = 6
    Y = 7
    FOCAL = 8
    EAST = 9
    NORTH = 10


def compute_camera_axes(
    yaw_deg: FloatArray | float, pitch_deg: FloatArray | float, roll_deg: FloatArray | float
) -> FloatArray:
    """Return the camera's right, down and forward axes as rows, in east/north/up.

    Yaw is clockwise from north, pitch above the horizon, roll clockwise seen from behind; scalars
    give ``(3, 3)``, arrays of shape ``(n,)`` give ``(n, 3, 3)``. A gimbal past straight down
    (pitch -89.9, roll 180, yaw turned by 180) needs no special case.
    """
    yaw, pitch, roll = np.radians(yaw_deg), np.radians(pitch_deg), np.radians(roll_deg)
    level_right = np.stack([np.cos(yaw), -np.sin(yaw), np.zeros_like(yaw)], axis=-1)
    forward = np.stack(
        [np.cos(pitch) * np.sin(yaw), np.cos(pitch) * np.cos(yaw), np.sin(pitch)], axis=-1
    )
    level_down = _cross(forward, level_right)
    cosine, sine = np.cos(roll)[..., None], np.sin(roll)[..., None]
    right = cosine * level_right + sine * level_down
    down = cosine * level_down - sine * level_right
    return np.stack([right, down, forward], axis=-2)


def _cross(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return ``np.cross`` of ``(..., 3)`` arrays: for one ray it takes five times as long."""
    x, y, z = first[..., 0], first[..., 1], first[..., 2]
    u, v, w = second[..., 0], second[..., 1], second[..., 2]
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=-1)


def compute_finest_gsd_m(intrinsics: CameraIntrinsics, pose: CameraPose) -> float | None:
    """Return the finest ground sampling distance in a photo of level ground, metres a pixel.

    It is that of the corner, or of the middle, whose ground lies at the least depth along the
    optical axis: depth over focal length. Distortion is left out. None where the pose says too
    little, or where no such ray meets the ground.
    """
    altitude_m = pose.altitude_agl_m or 0.0
    if not pose.is_complete or altitude_m <= 0.0:
        return None
    angles_deg = (pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
    axes = compute_camera_axes(*(angle or 0.0 for angle in angles_deg))
    spots = np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.5)])
    offsets_px = spots * (intrinsics.width_px, intrinsics.height_px)
    offsets_px -= (intrinsics.cx_px, intrinsics.cy_px)
    rays = np.column_stack([offsets_px / intrinsics.focal_px, np.ones(len(spots))]) @ axes
    steepest = -float(rays[:, 2].min())
    return altitude_m / steepest / intrinsics.focal_px if steepest > 0.0 else None


def compute_rays(sights: FloatArray, intrinsics: CameraIntrinsics) -> FloatArray:
    """Return the viewing ray of each sight ``(n, 11)`` in east/north/up, ``(n, 3)``.

    A ray has length one along the optical axis. NaN where the lens model does not reach.
    """
    focal = sights[:, SightColumn.FOCAL]
    shown = np.stack(
        [
            (sights[:, SightColumn.X] - intrinsics.cx_px) / focal,
            (sights[:, SightColumn.Y] - intrinsics.cy_px) / focal,
        ],
        axis=-1,
    )
    if intrinsics.distortion is not None:
        shown = undistort_points(shown, intrinsics.distortion)
    in_camera = np.concatenate([shown, np.ones((len(sights), 1))], axis=1)
    yaw_deg = sights[:, SightColumn.YAW]
    axes = compute_camera_axes(yaw_deg, sights[:, SightColumn.PITCH], sights[:, SightColumn.ROLL])
    rays = np.einsum("ni,nij->nj", in_camera, axes)
    return _tilt_sideways(rays, yaw_deg, sights[:, SightColumn.TILT])


def _tilt_sideways(rays: FloatArray, yaw_deg: FloatArray, tilt_deg: FloatArray) -> FloatArray:
    """Turn rays about the level heading.

    This is how the error of a gimbal's roll acts: on a camera that looks straight down, a roll
    about its own axis would only turn the picture, while the real gimbal leans to the side.
    """
    yaw, tilt = np.radians(yaw_deg), np.radians(tilt_deg)[:, None]
    heading = np.stack([np.sin(yaw), np.cos(yaw), np.zeros_like(yaw)], axis=-1)
    along = np.sum(heading * rays, axis=1, keepdims=True) * heading
    return np.asarray(along + np.cos(tilt) * (rays - along) + np.sin(tilt) * _cross(heading, rays))


def intersect_ground(sights: FloatArray, intrinsics: CameraIntrinsics) -> FloatArray:
    """Return (east, north) metres of each ray's meeting point with flat ground, (n, 2)."""
    rays = compute_rays(sights, intrinsics)
    drop_m = sights[:, SightColumn.ALTITUDE] - sights[:, SightColumn.TARGET_HEIGHT]
    ahead = rays[:, :2] * (drop_m / -rays[:, 2])[:, None]
    return np.asarray(ahead + sights[:, SightColumn.EAST : SightColumn.NORTH + 1])
