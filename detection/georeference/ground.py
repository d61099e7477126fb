"""Where sights meet the ground: a plane at the height of the take-off, or a terrain."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.geometry import FloatArray
from detection.domain.sight import SightColumn, compute_rays
from detection.terrain import Terrain, TerrainView

MAX_RANGE_M = 1000.0
_MARCHED_M = 3 * MAX_RANGE_M
"""Farther, for the errors of a ray that ends just in reach."""


class Ground(Protocol):
    """What rays end on.

    ``std_m`` is one standard deviation of its height beyond what the pose's height error says,
    ``method`` the word for a place on it, ``lost_reason`` why a ray may have no end.
    """

    std_m: float
    method: str
    lost_reason: str

    def meet(self, sights: FloatArray, intrinsics: CameraIntrinsics) -> FloatArray:
        """Return where each sight ``(n, 11)`` ends: east, north and height, ``(n, 3)``, metres.

        East and north are from the camera's stated foot, heights above the take-off, that of the
        target on the ground included. NaN where a ray does not end.
        """


class FlatGround:
    """The plane at the height of the take-off. How wrong that is, the pose's height error says."""

    std_m = 0.0
    method = "flat_ground"
    lost_reason = "above_horizon"

    def meet(self, sights: FloatArray, intrinsics: CameraIntrinsics) -> FloatArray:
        """Return where each sight meets the target's height; see `Ground`.

        A camera below the target meets it behind itself: derivatives stay those of a plane.
        """
        rays = compute_rays(sights, intrinsics)
        target_m = sights[:, SightColumn.TARGET_HEIGHT]
        down = np.where(rays[:, 2] < 0, -rays[:, 2], np.nan)
        reach = (sights[:, SightColumn.ALTITUDE] - target_m) / down
        return np.asarray(origins_from_sights(sights) + rays * reach[:, None])


class TerrainGround:
    """A terrain round one camera."""

    lost_reason = "outside_terrain"

    def __init__(self, terrain: Terrain, pose: CameraPose) -> None:
        """Look at the terrain from the camera."""
        self.std_m = float(np.hypot(terrain.std_m, terrain.takeoff_std_m))
        self.method = terrain.method
        self._view: TerrainView = terrain.view_from(pose.lon, pose.lat)

    def meet(self, sights: FloatArray, intrinsics: CameraIntrinsics) -> FloatArray:
        """Return where each sight first meets the ground raised by the target's height."""
        rays = compute_rays(sights, intrinsics)
        raised_m = np.zeros((len(sights), 3))
        raised_m[:, 2] = sights[:, SightColumn.TARGET_HEIGHT]
        origins = origins_from_sights(sights) - raised_m
        return self._view.meet_rays(origins, rays, _MARCHED_M) + raised_m


def choose_ground(terrain: Terrain | None, pose: CameraPose) -> Ground:
    """Return the terrain round the camera where there is one, else flat ground."""
    return FlatGround() if terrain is None else TerrainGround(terrain, pose)


def origins_from_sights(sights: FloatArray) -> FloatArray:
    """Return where each camera is, ``(n, 3)``: east, north and height above the take-off."""
    columns = [SightColumn.EAST, SightColumn.NORTH, SightColumn.ALTITUDE]
    return np.asarray(sights[:, columns])
