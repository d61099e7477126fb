"""A true pinhole camera in metres and pixels.

World axes are right-handed with z up. Pixel coordinates are continuous: the centre of the first
pixel is (0.5, 0.5), the photo spans (0, 0) to (width, height).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def rotation_from_gimbal(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Array:
    """Return the ``(3, 3)`` rotation from east-north-up to camera axes (right, down, forward).

    Yaw is clockwise from north, pitch above the horizon (-90 looks straight down, the top of the
    photo then points to the yaw), roll clockwise seen from behind the camera.
    """
    yaw, pitch, roll = (math.radians(value) for value in (yaw_deg, pitch_deg, roll_deg))
    forward = np.array(
        [
            math.sin(yaw) * math.cos(pitch),
            math.cos(yaw) * math.cos(pitch),
            math.sin(pitch),
        ]
    )
    level_right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
    level_up = np.cross(level_right, forward)
    right = level_right * math.cos(roll) - level_up * math.sin(roll)
    up = level_up * math.cos(roll) + level_right * math.sin(roll)
    return np.stack([right, -up, forward])


@dataclass(frozen=True, slots=True)
class PinholeCamera:
    """Position (3,) in metres, rotation world to camera (3, 3), focal length in pixels."""

    width_px: int
    height_px: int
    focal_px: float
    position: Array
    rotation: Array

    @property
    def matrix(self) -> Array:
        """The ``(3, 3)`` calibration matrix; the principal point is the centre of the photo."""
        return np.array(
            [
                [self.focal_px, 0.0, self.width_px / 2],
                [0.0, self.focal_px, self.height_px / 2],
                [0.0, 0.0, 1.0],
            ]
        )

    def scaled(self, factor: int) -> PinholeCamera:
        """Return the same view with ``factor`` times as many pixels along each axis."""
        return PinholeCamera(
            self.width_px * factor,
            self.height_px * factor,
            self.focal_px * factor,
            self.position,
            self.rotation,
        )

    def to_camera(self, points: Array) -> Array:
        """World points ``(n, 3)`` in camera axes; the third column is the depth in metres."""
        return np.asarray((points - self.position) @ self.rotation.T, dtype=np.float64)

    def project(self, points: Array) -> tuple[Array, Array]:
        """World points ``(n, 3)`` to pixels ``(n, 2)`` and depth ``(n,)``; NaN behind the lens."""
        local = self.to_camera(points)
        depth = local[:, 2]
        safe = np.where(depth > 0, depth, np.nan)
        xy = local[:, :2] / safe[:, None] * self.focal_px
        return xy + np.array([self.width_px / 2, self.height_px / 2]), depth

    def rays(self, xy: Array) -> Array:
        """Directions ``(..., 3)`` in the world of pixels ``(..., 2)``; depth 1 along the axis."""
        centred = (xy - np.array([self.width_px / 2, self.height_px / 2])) / self.focal_px
        local = np.concatenate([centred, np.ones((*centred.shape[:-1], 1))], axis=-1)
        return np.asarray(local @ self.rotation, dtype=np.float64)


def aim_camera(
    position: Array, target: Array, *, roll_deg: float, focal_px: float, size_px: tuple[int, int]
) -> PinholeCamera:
    """Return a camera at ``position`` that looks at ``target``; ``size_px`` is width, height."""
    yaw_deg, pitch_deg = compute_aim(position, target)
    rotation = rotation_from_gimbal(yaw_deg, pitch_deg, roll_deg)
    return PinholeCamera(size_px[0], size_px[1], focal_px, position, rotation)


def compute_aim(position: Array, target: Array) -> tuple[float, float]:
    """Yaw (clockwise from +y) and pitch in degrees of the view from ``position``."""
    east, north, up = (float(value) for value in target - position)
    yaw_deg = math.degrees(math.atan2(east, north))
    return yaw_deg, math.degrees(math.atan2(up, math.hypot(east, north)))
