"""Ground too far away for a model: the tiles that show nothing nearer can hold nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from detection.detectors.manifest import ModelManifest
from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.geometry import FloatArray, Tile
from detection.domain.sight import compute_camera_axes
from detection.looks.plan import CanHold, TileGsd

TILT_MARGIN_DEG = 3.0
"""How much steeper the camera may have looked than it says, at least; else three deviations."""

HEIGHT_MARGIN = 0.7
"""Share of the stated height at which the ground may lie nearest: hills. The stated error of the
height goes off as well, where three deviations of it are more."""


def find_reach(intrinsics: CameraIntrinsics | None, pose: CameraPose | None) -> CanHold | None:
    """Return which tiles show ground near enough for a model; None where the pose cannot tell.

    A tile counts as out of reach where even the nearest ground in it, on level ground below the
    camera and with the margins above on the careful side, has coarser pixels than the
    ``coarsest_gsd_m`` of the model, and where it shows sky alone. A model without that figure
    looks everywhere: what it seeks may stand on a wall.
    """
    if intrinsics is None or pose is None or not _tells_ground(pose):
        return None
    known_intrinsics, known_pose = intrinsics, pose

    def can_hold(tiles: Sequence[Tile], manifest: ModelManifest) -> NDArray[np.bool_]:
        if manifest.coarsest_gsd_m is None:
            return np.ones(len(tiles), dtype=np.bool_)
        nearest_m = compute_nearest_gsd_m(tiles, known_intrinsics, known_pose)
        return np.asarray(nearest_m <= manifest.coarsest_gsd_m, dtype=np.bool_)

    return can_hold


def find_tile_gsd(intrinsics: CameraIntrinsics | None, pose: CameraPose | None) -> TileGsd | None:
    """Return how fine the ground in a tile is, as the pose says; None where it does not."""
    if intrinsics is None or pose is None or not _tells_ground(pose):
        return None
    return partial(compute_nearest_gsd_m, intrinsics=intrinsics, pose=pose, is_careful=False)


def compute_nearest_gsd_m(
    tiles: Sequence[Tile],
    intrinsics: CameraIntrinsics,
    pose: CameraPose,
    *,
    is_careful: bool = True,
) -> FloatArray:
    """Return the finest ground sampling distance in each tile, ``(n,)`` metres a photo pixel.

    With the margins above on the careful side, or as the pose says. It is that of a corner: how far
    a ray sinks in its depth is linear in the pixels. Infinite where a tile shows no ground.
    Distortion is left out; the margins are many times larger.
    """
    corners_px = np.array(
        [
            (x, y)
            for tile in tiles
            for x in (tile.x_min, tile.x_max)
            for y in (tile.y_min, tile.y_max)
        ],
        dtype=np.float64,
    ).reshape(-1, 2)
    offsets = (corners_px - (intrinsics.cx_px, intrinsics.cy_px)) / intrinsics.focal_px
    angles_deg = (pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
    axes = compute_camera_axes(*(angle or 0.0 for angle in angles_deg))
    rays = np.column_stack([offsets, np.ones(len(offsets))]) @ axes
    lengths = np.linalg.norm(rays, axis=1)
    margin = _tilt_margin(pose) if is_careful else 0.0
    below = np.arcsin(np.clip(-rays[:, 2] / lengths, -1.0, 1.0)) + margin
    sinking = lengths * np.sin(np.minimum(below, np.pi / 2))
    stated_m = pose.altitude_agl_m or 0.0
    nearest_m = max(0.0, min(HEIGHT_MARGIN * stated_m, stated_m - 3.0 * pose.vertical_std_m))
    height_m = nearest_m if is_careful else stated_m
    with np.errstate(divide="ignore"):
        gsd_m = np.where(sinking > 0.0, height_m / sinking / intrinsics.focal_px, np.inf)
    return np.asarray(gsd_m.reshape(-1, 4).min(axis=1))


def _tells_ground(pose: CameraPose) -> bool:
    return pose.is_complete and (pose.altitude_agl_m or 0.0) > 0.0


def _tilt_margin(pose: CameraPose) -> float:
    """Return the margin of the angle below the horizon, radians."""
    deviation_deg = max(pose.pitch_std_deg, pose.roll_std_deg)
    return float(np.radians(max(TILT_MARGIN_DEG, 3.0 * deviation_deg)))
