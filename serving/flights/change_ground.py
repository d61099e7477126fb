"""The ground that a flight shows, and how much of it another one shows too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from detection.coverage.footprint import Footprint, compute_footprints
from detection.domain.camera import CameraPose
from detection.domain.photo import Photo
from detection.plane import LocalPlane

REACH_M = 40.0
"""Round a photo that does not say where it looked, or only looks far away: what it shows at least
of the ground below a drone at the height of such surveys."""

NEAR_HEIGHTS = 1.0
"""Ground counts as far from below the camera as the camera is high: seen at 45 degrees or steeper.
Slanting photos reach several times farther, and each survey in directions of its own: with all of
that two surveys of one village share as little as 0.36 of their ground, with the near part 0.71
at least (27 rendered pairs with camera tilts of 30 to 45 degrees, either flight first)."""


def lay_ground(photos: Sequence[Photo], plane: LocalPlane) -> BaseGeometry:
    """Return the ground near photos that they show, in metres of ``plane``, as if it were flat.

    A photo without a full pose, or with nothing near in it, counts as the disc round the place
    where it was taken, one without a position not at all.
    """
    footprints = compute_footprints(photos)
    return shapely.union_all(
        [_lay_near(one, one.pose, plane) for one in footprints if one.pose is not None]
    )


def _lay_near(footprint: Footprint, pose: CameraPose, plane: LocalPlane) -> BaseGeometry:
    below = shapely.Point(plane.to_metres(np.array([(pose.lon, pose.lat)]))[0])
    if footprint.ring and pose.altitude_agl_m is not None:
        shown = shapely.make_valid(shapely.Polygon(plane.to_metres(np.asarray(footprint.ring))))
        near = shapely.intersection(shown, below.buffer(NEAR_HEIGHTS * pose.altitude_agl_m))
        if near.area:
            return near
    return below.buffer(REACH_M)


def share_shown(ground: BaseGeometry, by: BaseGeometry) -> float:
    """Return the share of ``ground`` in [0, 1] that lies in ``by``; 0 of no ground."""
    if not ground.area:
        return 0.0
    return float(min(1.0, shapely.intersection(ground, by).area / ground.area))
