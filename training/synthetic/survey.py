"""A block of parallel lines over an area: overlap, pitch, and a gimbal that errs.

Along a street the written angles are the true ones with an error. Here it is the other way round,
as in the air: the gimbal holds what it writes, and the camera in truth leans by the error. Over
the nadir no written roll could tell a lean to the side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.synthetic.camera import Array, PinholeCamera, rotation_from_gimbal
from training.synthetic.flight_plan import (
    Exposure,
    Shot,
    compute_focal_px,
    draw_drift,
    make_shot,
    make_written_pose,
    wrap_deg,
)
from training.synthetic.geodesy import StreetFrame
from training.synthetic.noise import NoiseModel
from training.synthetic.textures import Rng

WIND_M = 0.3
NADIR_DEG = -90.0


@dataclass(frozen=True, slots=True)
class Survey:
    """A block flight. ``overlap`` (0 to 1) holds along and across, at the middle of the photo."""

    photos: int
    size_px: tuple[int, int]
    height_m: float
    pitch_deg: float = NADIR_DEG
    overlap: float = 0.8

    @property
    def _slant_m(self) -> float:
        return self.height_m / math.sin(math.radians(-self.pitch_deg))

    @property
    def setback_m(self) -> float:
        """How far ahead of the camera's foot the middle of the photo lies."""
        return self.height_m / math.tan(math.radians(-self.pitch_deg))

    @property
    def footprint_m(self) -> tuple[float, float]:
        """Ground along and across the line that the photo holds, at the scale of its middle."""
        focal_px = compute_focal_px(self.size_px)
        across_m, along_m = (side * self._slant_m / focal_px for side in self.size_px)
        return along_m / math.sin(math.radians(-self.pitch_deg)), across_m

    def plan_positions(self) -> tuple[Array, Array]:
        """Where the photos are taken, (n, 3) in the street frame, and which way (n,), 1 or -1.

        Lines run along x, forth and back, so that the middle of what is seen is the origin.
        """
        along_m, across_m = (side * (1 - self.overlap) for side in self.footprint_m)
        lines = max(1, round(math.sqrt(self.photos * along_m / across_m)))
        per_line = math.ceil(self.photos / lines)
        index = np.arange(self.photos)
        line, place = index // per_line, index % per_line
        way = np.where(line % 2 == 0, 1.0, -1.0)
        x = way * ((place - (per_line - 1) / 2) * along_m - self.setback_m)
        y = (line - line.max() / 2) * across_m
        return np.column_stack([x, y, np.full(self.photos, self.height_m)]), way

    def bounds(self) -> tuple[float, float, float, float]:
        """The ground in sight, x low, y low, x high, y high, metres: a full photo all around."""
        positions, way = self.plan_positions()
        seen = positions[:, :2] + np.column_stack([way * self.setback_m, np.zeros(len(way))])
        half = np.array(self.footprint_m) / 2
        low, high = seen.min(axis=0) - half, seen.max(axis=0) + half
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


@dataclass(frozen=True, slots=True)
class View:
    """A photo as planned: place (3,) and heading, clockwise from the x axis, and pitch, degrees."""

    position: Array
    turned_deg: float
    pitch_deg: float


def expose_survey(
    rng: Rng, survey: Survey, frame: StreetFrame, *, base_m: float, noise: NoiseModel
) -> list[Exposure]:
    """Return the photos of a block flight with true and written poses.

    One error is drawn for the flight and a new one for every photo; ``base_m`` is the ground's
    altitude at the origin of ``frame``.
    """
    views = [
        View(position, 0.0 if way > 0 else 180.0, survey.pitch_deg)
        for position, way in zip(*survey.plan_positions(), strict=True)
    ]
    return expose_views(rng, views, survey.size_px, frame, base_m=base_m, noise=noise)


def expose_views(
    rng: Rng,
    views: Sequence[View],
    size_px: tuple[int, int],
    frame: StreetFrame,
    *,
    base_m: float,
    noise: NoiseModel,
) -> list[Exposure]:
    """Return the photos of any planned views in one flight, as `expose_survey` does of a block."""
    shared = noise.draw_shared(rng)
    shared_lean = rng.normal(0, 1, 2) * noise.gimbal_deg.shared
    focal_px = compute_focal_px(size_px) * (1 + float(rng.normal(0, 1)) * noise.focal_share)
    exposures = []
    for view in views:
        position = view.position + rng.normal(0, WIND_M, 3)
        turned = view.turned_deg + float(rng.normal(0, 1.5))
        meant = make_shot(
            frame.heading_deg, position, (turned, view.pitch_deg, 0.0), size_px, "survey"
        )
        yaw_error = shared[3] + float(rng.normal(0, 1)) * noise.yaw_deg.photo
        lean = shared_lean + rng.normal(0, 1, 2) * noise.gimbal_deg.photo
        written = make_written_pose(
            frame,
            position,
            draw_drift(rng, noise, shared),
            angles_deg=(meant.yaw_deg, meant.pitch_deg, meant.roll_deg),
            base_m=base_m,
            has_rtk=noise.has_rtk,
        )
        exposures.append(Exposure(_lean(meant, frame, (yaw_error, *lean)), written, focal_px))
    return exposures


def _lean(shot: Shot, frame: StreetFrame, errors_deg: tuple[float, float, float]) -> Shot:
    """Turn the camera by errors of yaw, pitch and lean about its level heading."""
    if not any(errors_deg):
        return shot
    yaw_deg, pitch_deg = shot.yaw_deg + errors_deg[0], shot.pitch_deg + errors_deg[1]
    heading, lean = math.radians(yaw_deg), math.radians(errors_deg[2])
    axis = np.array([math.sin(heading), math.cos(heading), 0.0])
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    # Rodrigues' formula.
    turn = np.eye(3) + math.sin(lean) * cross + (1 - math.cos(lean)) * cross @ cross
    rotation = rotation_from_gimbal(yaw_deg, pitch_deg, shot.roll_deg) @ turn.T
    camera = replace(shot.camera, rotation=rotation @ frame.enu_from_street)
    return Shot(camera, *gimbal_from_rotation(rotation), shot.kind)


def gimbal_from_rotation(rotation: Array) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees of a rotation (3, 3) from east-north-up to camera axes."""
    right, _, forward = rotation
    yaw = math.atan2(forward[0], forward[1])
    pitch = math.asin(float(np.clip(forward[2], -1, 1)))
    level_right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
    level_up = np.cross(level_right, forward)
    roll = math.atan2(-float(right @ level_up), float(right @ level_right))
    return wrap_deg(math.degrees(yaw)), math.degrees(pitch), wrap_deg(math.degrees(roll))


def aim_at(camera: PinholeCamera, xy: Array, height_m: Array) -> Array:
    """Points ``(n, 3)`` of the given heights (n,) on the rays of pixels ``(n, 2)``, as they are."""
    rays = camera.rays(xy)
    reach = (height_m - camera.position[2]) / rays[:, 2]
    return np.asarray(camera.position + rays * reach[:, None], dtype=np.float64)
