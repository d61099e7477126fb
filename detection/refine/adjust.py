"""Bring a sparse model into the frame of the written poses, and say how well that is known.

Structure from motion knows where photos stand to each other; how the whole is turned it knows
from the positions alone, and of one straight strip not even that. So the turn is found from
positions and gimbal angles together, each by its error: seven unknowns (shift, turn, scale), by
least squares.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detection.domain.camera import CameraPose
from detection.domain.geometry import FloatArray
from detection.domain.sight import compute_camera_axes
from detection.plane import LocalPlane
from detection.refine.attitude import angles_from_axes, turn_axes, turn_between
from detection.refine.reconstruct import SparseModel

RELATIVE_POSITION_STD_M = 0.5
"""One standard deviation of a photo's position against its neighbours without RTK; the rest of a
receiver's error is shared by the whole flight and no turn."""
RELATIVE_HEIGHT_STD_M = 0.3
PHOTO_ANGLE_STD_DEG = 0.05
"""What is left of an angle between neighbouring photos: 1 px of 1,600 at 24 mm is 0.04 degrees."""
MAX_BEND_DEG = 3.0
"""Gimbal and model may turn so differently from photo to photo."""
MAX_SIGMAS = 3.5
"""Gimbal and model may differ so much, in standard deviations of the gimbal's shared error."""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A model in the frame of the flight, with what is still uncertain.

    ``turn_std_deg`` ``(3,)`` is one standard deviation of the whole model's turn about east,
    north and up. ``gimbal_turn_deg`` ``(n, 3)`` is how far each written attitude is off, and
    ``agrees`` ``(n,)`` whether it is off like those of most photos: one that is not was joined
    wrongly, or the model bends because the lens is not described.
    """

    model: SparseModel
    turn_std_deg: FloatArray
    gimbal_turn_deg: FloatArray
    agrees: NDArray[np.bool_]


def adjust_model(model: SparseModel, poses: Sequence[CameraPose], plane: LocalPlane) -> Adjusted:
    """Shift, turn and scale ``model`` to fit the written ``poses`` of its photos.

    The poses are in the order of ``model.photo_ids`` and have a height; their angles may be
    missing, then positions alone decide. Photos that turn against most others do not count.
    """
    written_m = _positions(poses, plane)
    axes, known = _written_axes(poses)
    turns = np.where(known[:, None], turn_between(axes, model.axes), 0.0)
    usual = np.median(turns[known], axis=0) if known.any() else np.zeros(3)
    agrees = ~known | (np.abs(turns - usual) < math.radians(MAX_BEND_DEG)).all(axis=1)
    middle = model.centers_m[agrees].mean(axis=0)
    rows, values, weights = _position_equations(
        model.centers_m[agrees] - middle,
        (written_m - model.centers_m)[agrees],
        [pose for pose, kept in zip(poses, agrees, strict=True) if kept],
    )
    if (known & agrees).any():
        turn = turns[known & agrees].mean(axis=0)
        rows = np.vstack([rows, np.hstack([np.zeros((3, 3)), np.eye(3), np.zeros((3, 1))])])
        values = np.append(values, turn)
        weights = np.append(weights, 1.0 / _shared_angle_stds(poses))
    solution, covariance = _solve(rows, values, weights)
    shift, turn, scale = solution[:3], solution[3:6], 1.0 + float(solution[6])
    moved = replace(
        model,
        centers_m=_move(model.centers_m, middle, shift, turn, scale),
        points_m=_move(model.points_m, middle, shift, turn, scale),
        axes=turn_axes(model.axes, turn),
    )
    off = np.zeros((len(poses), 3))
    off[known] = np.degrees(turn_between(axes[known], moved.axes[known]))
    stds = np.degrees(np.sqrt(np.diag(covariance)[3:6]))
    return Adjusted(moved, stds, off, np.asarray(agrees))


def refine_pose(
    written: CameraPose, adjusted: Adjusted, index: int, plane: LocalPlane
) -> CameraPose:
    """Return the pose of the photo at ``index`` of the model.

    The position's standard deviation stays that of the receiver: the error that a whole flight
    shares cannot be seen in its photos. The angles' become those of the model: its turn, and how
    differently gimbal and model turn from photo to photo.
    """
    model = adjusted.model
    lon, lat = (float(value) for value in plane.to_lonlat(model.centers_m[index, :2]))
    yaw, pitch, roll = angles_from_axes(model.axes[index])
    jitter = adjusted.gimbal_turn_deg[adjusted.agrees].std(axis=0)
    spread = np.maximum(jitter, PHOTO_ANGLE_STD_DEG)
    east_std, north_std, up_std = np.hypot(adjusted.turn_std_deg, spread)
    tilt_std = float(max(east_std, north_std))
    sources = [part for part in written.source.split(";") if not part.startswith("angles=")]
    return replace(
        written,
        lon=lon,
        lat=lat,
        altitude_agl_m=float(model.centers_m[index, 2]),
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=roll,
        yaw_std_deg=float(up_std),
        pitch_std_deg=tilt_std,
        roll_std_deg=tilt_std,
        source=";".join([*(f"{part}+sfm" for part in sources), "angles=sfm"]),
    )


def _positions(poses: Sequence[CameraPose], plane: LocalPlane) -> FloatArray:
    level = plane.to_metres([(pose.lon, pose.lat) for pose in poses])
    heights = [[pose.altitude_agl_m or 0.0] for pose in poses]
    return np.asarray(np.hstack([level, heights]))


def _position_equations(
    arms: FloatArray, misses: FloatArray, poses: Sequence[CameraPose]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return rows ``(3n, 7)``, values and weights: miss = shift + turn x arm + scale * arm."""
    blocks = []
    for arm in arms:
        east, north, up = (float(value) for value in arm)
        turned = [[0.0, up, -north], [-up, 0.0, east], [north, -east, 0.0]]
        blocks.append(np.hstack([np.eye(3), turned, arm[:, None]]))
    weights = [
        [1 / min(pose.horizontal_std_m, RELATIVE_POSITION_STD_M)] * 2
        + [1 / min(pose.vertical_std_m, RELATIVE_HEIGHT_STD_M)]
        for pose in poses
    ]
    return np.vstack(blocks), misses.ravel(), np.asarray(weights).ravel()


def _written_axes(poses: Sequence[CameraPose]) -> tuple[FloatArray, NDArray[np.bool_]]:
    known = np.array([pose.is_complete for pose in poses])
    angles = np.array([[p.yaw_deg or 0.0, p.pitch_deg or 0.0, p.roll_deg or 0.0] for p in poses])
    return compute_camera_axes(angles[:, 0], angles[:, 1], angles[:, 2]), known


def _shared_angle_stds(poses: Sequence[CameraPose]) -> FloatArray:
    """Return the error (rad) of the mean gimbal turn about east, north, up.

    Compass and gimbal are off by the same all flight long, so that many photos do not help.
    """
    tilt = max(poses[0].pitch_std_deg, poses[0].roll_std_deg)
    return np.radians([tilt, tilt, poses[0].yaw_std_deg])


def _solve(
    rows: FloatArray, values: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    weighted = rows * weights[:, None]
    covariance = np.asarray(np.linalg.pinv(weighted.T @ weighted), dtype=np.float64)
    return covariance @ (weighted.T @ (values * weights)), covariance


def _move(
    points: FloatArray, middle: FloatArray, shift: FloatArray, turn: FloatArray, scale: float
) -> FloatArray:
    axes = turn_axes(np.eye(3), turn)  # rows are the turned base vectors
    return np.asarray(middle + shift + scale * (points - middle) @ axes)
