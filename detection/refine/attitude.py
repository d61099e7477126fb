"""Camera axes to gimbal angles and back, and small turns."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial.transform import Rotation

from detection.domain.geometry import FloatArray
from detection.domain.sight import compute_camera_axes

_STRAIGHT_DOWN = 1e-6
"""Below this length of the level part of the view, yaw and roll are one and the same turn."""


def angles_from_axes(axes: FloatArray) -> tuple[float, float, float]:
    """Return (yaw, pitch, roll) in degrees of camera axes ``(3, 3)``.

    The inverse of `compute_camera_axes`: rows are right, down and forward in east, north and up.
    For a camera that looks straight down or up the whole turn is counted as yaw.
    """
    right, _, forward = axes
    level = math.hypot(float(forward[0]), float(forward[1]))
    pitch = math.degrees(math.atan2(float(forward[2]), level))
    if level < _STRAIGHT_DOWN:
        return math.degrees(math.atan2(-float(right[1]), float(right[0]))), pitch, 0.0
    yaw = math.degrees(math.atan2(float(forward[0]), float(forward[1])))
    level_right, level_down, _ = compute_camera_axes(yaw, pitch, 0.0)
    roll = math.atan2(float(right @ level_down), float(right @ level_right))
    return yaw, pitch, math.degrees(roll)


def turn_between(axes: FloatArray, reference: FloatArray) -> FloatArray:
    """Return the turn ``(..., 3)`` in east, north, up (rad) that brings ``reference`` to ``axes``.

    Both are camera axes ``(..., 3, 3)``; the direction is the axis, the length the angle.
    """
    turned = np.swapaxes(axes, -1, -2) @ reference
    return np.asarray(Rotation.from_matrix(turned).as_rotvec(), dtype=np.float64)


def turn_axes(axes: FloatArray, turn: FloatArray) -> FloatArray:
    """Return camera axes ``(..., 3, 3)`` after a turn ``(3,)`` in east, north, up (rad)."""
    matrix = Rotation.from_rotvec(turn).as_matrix()
    return np.asarray(axes @ matrix.T, dtype=np.float64)
