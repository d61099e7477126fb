"""The ground as spots, and which photo shows which of them, and how finely.

A spot is a cell of ground, or of what stands on it, seen from one side: a photo from the north
shows other walls than one from the south and never stands in for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.geometry import FloatArray
from detection.domain.sight import compute_camera_axes
from detection.plane import LocalPlane
from detection.views.cover import Shown

CELLS_ACROSS = 24
"""Cells along the shorter side of the usual footprint."""

STEEP_DEG = -60.0
"""A camera that points down at least so steeply looks from above, else from one of four sides."""

LEVEL_DEG = -40.0
"""A camera that points less steeply down looks at walls, of which the ground tells nothing."""

ROOF_M = 10.0
"""Height at which what is seen counts too, beside the ground: the roof of a self-built house."""

ROOF_SHARE = 0.4
"""Where the camera is so low that roofs are nearer to it than this, only the ground counts."""

_SIDES = 4
_FROM_ABOVE = _SIDES
_LAYERS = 2


class ShownGround(Protocol):
    """What a photo shows of the ground (a `Footprint` of `detection.coverage` has it)."""

    @property
    def ring(self) -> tuple[tuple[float, float], ...]:
        """Corners (lon, lat); empty where it is not known."""

    @property
    def pose(self) -> CameraPose | None:
        """Where the camera stood."""

    @property
    def intrinsics(self) -> CameraIntrinsics | None:
        """Of the camera."""

    @property
    def is_cut(self) -> bool:
        """Whether the photo goes on towards the horizon."""


@dataclass(frozen=True, eq=False)
class GroundSight:
    """Which spots the photos show; ``gsd_m`` (m,) is the pixel there, beside ``shown.spot``.

    ``has_ground`` (n,) tells for which photos the ground says what they show.
    """

    shown: Shown
    gsd_m: FloatArray
    has_ground: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Camera:
    """One photo in the plane: its foot and ring in metres, and on which side it stands."""

    index: int
    foot_m: FloatArray
    ring_m: FloatArray
    height_m: float
    focal_px: float
    forward: FloatArray
    side: int


def see_ground(photos: Sequence[ShownGround]) -> GroundSight:
    """Lay the photos' footprints over a grid of cells, on the ground and at the height of roofs."""
    cameras = _list_cameras(photos)
    cell_m = _choose_cell_m(cameras)
    spots: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * len(photos)
    sizes: list[FloatArray] = [np.empty(0)] * len(photos)
    for camera in cameras:
        layers = [_see_layer(camera, layer, cell_m) for layer in range(_LAYERS)]
        spots[camera.index] = np.concatenate([found for found, _ in layers])
        sizes[camera.index] = np.concatenate([gsd_m for _, gsd_m in layers])
    counts = np.array([len(found) for found in spots], dtype=np.intp)
    names, spot = np.unique(np.concatenate([*spots, np.empty(0, np.int64)]), return_inverse=True)
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
    shown = Shown(start, spot.astype(np.intp), len(names))
    return GroundSight(shown, np.concatenate([*sizes, np.empty(0)]), counts > 0)


def _list_cameras(photos: Sequence[ShownGround]) -> list[_Camera]:
    posed = [
        (index, np.array(one.ring), one.pose, one.intrinsics)
        for index, one in enumerate(photos)
        if one.ring and not one.is_cut and one.pose is not None and one.intrinsics is not None
    ]
    kept = [row for row in posed if (row[2].pitch_deg or 0.0) <= LEVEL_DEG]
    if not kept:
        return []
    plane = _find_plane([pose for _, _, pose, _ in kept])
    turn_deg = _find_turn_deg([pose.yaw_deg or 0.0 for _, _, pose, _ in kept])
    return [
        _Camera(
            index,
            plane.to_metres((pose.lon, pose.lat)),
            plane.to_metres(ring),
            pose.altitude_agl_m or 0.0,
            intrinsics.focal_px,
            _find_forward(pose),
            _find_side(pose, turn_deg),
        )
        for index, ring, pose, intrinsics in kept
    ]


def _find_forward(pose: CameraPose) -> FloatArray:
    axes = compute_camera_axes(pose.yaw_deg or 0.0, pose.pitch_deg or 0.0, pose.roll_deg or 0.0)
    return np.asarray(axes[2])


def _find_plane(poses: Sequence[CameraPose]) -> LocalPlane:
    """Return a plane round the median of the cameras, across the antimeridian too."""
    lon = np.array([pose.lon for pose in poses])
    lon = lon[0] + (lon - lon[0] + 180.0) % 360.0 - 180.0
    lat = float(np.median([pose.lat for pose in poses]))
    return LocalPlane(float((np.median(lon) + 180.0) % 360.0 - 180.0), lat)


def _find_turn_deg(yaws_deg: Sequence[float]) -> float:
    """Return by how much the four sides are turned, so that no heading flown lies between two."""
    turns = np.exp(1j * np.radians(_SIDES * np.array(yaws_deg)))
    return float(np.degrees(np.angle(turns.sum())) / _SIDES)


def _find_side(pose: CameraPose, turn_deg: float) -> int:
    if (pose.pitch_deg or 0.0) <= STEEP_DEG:
        return _FROM_ABOVE
    quarter = 360.0 / _SIDES
    return round(((pose.yaw_deg or 0.0) - turn_deg) % 360.0 / quarter) % _SIDES


def _choose_cell_m(cameras: Sequence[_Camera]) -> float:
    """Return the side of a cell, metres."""
    shorter = [float(np.ptp(one.ring_m, axis=0).min()) for one in cameras]
    return max(float(np.median(shorter)) / CELLS_ACROSS, 1e-3) if shorter else 1.0


def _see_layer(camera: _Camera, layer: int, cell_m: float) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the spots that lie wholly in the photo, and the pixel on each, metres.

    Higher up the photo shows less: the ring shrinks towards the camera's foot.
    """
    below_m = camera.height_m - layer * ROOF_M
    if below_m <= 0.0 or (layer and below_m < ROOF_SHARE * camera.height_m):
        return np.empty(0, np.int64), np.empty(0)
    ring_m = camera.foot_m + (camera.ring_m - camera.foot_m) * (below_m / camera.height_m)
    cells = _list_cells(ring_m, cell_m)
    offsets_m = (cells + 0.5) * cell_m - camera.foot_m
    depth_m = offsets_m @ camera.forward[:2] - below_m * camera.forward[2]
    # The root of the area of a pixel on level ground: depth^1.5 / (focal * sqrt(height)).
    gsd_m = np.maximum(depth_m, 0.0) ** 1.5 / (camera.focal_px * np.sqrt(below_m))
    return _name_spots(cells, camera.side * _LAYERS + layer), gsd_m


def _list_cells(ring_m: FloatArray, cell_m: float) -> NDArray[np.int64]:
    """Return the cells ``(k, 2)`` wholly inside a ring; those that its border crosses are not."""
    corners = np.floor(ring_m / cell_m).astype(np.int64)
    low = corners.min(axis=0) - 1
    width, height = corners.max(axis=0) - low + 2
    mask = np.zeros((int(height), int(width)), np.uint8)
    cv2.fillPoly(mask, [(corners - low).astype(np.int32)], 1)
    mask = cv2.erode(mask, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero(mask)
    return np.asarray(np.column_stack([columns, rows]) + low, dtype=np.int64)


def _name_spots(cells: NDArray[np.int64], kind: int) -> NDArray[np.int64]:
    """Return one number for each cell and kind of spot; cells count up to a million each way."""
    shifted = cells + (1 << 20)
    return np.asarray((kind << 42) | (shifted[:, 0] << 21) | shifted[:, 1], dtype=np.int64)
