"""Where the drone takes its photos of a street, and what it writes about its pose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.synthetic.camera import Array, PinholeCamera, compute_aim, rotation_from_gimbal
from training.synthetic.geodesy import StreetFrame
from training.synthetic.metadata import FULL_FRAME_DIAGONAL_MM, WrittenPose
from training.synthetic.noise import NoiseModel
from training.synthetic.scene import Scene
from training.synthetic.textures import Rng

EQUIVALENT_MM = 24.0
FACADE_VIEW_M = 10.0
ROOF_VIEW_HEIGHT_M = 34.0
STRIP_HALF_M = 27.0
STEEPEST_DEG = -89.9
RTK_STD_M = (0.012, 0.022)
"""Horizontal and vertical deviation that a receiver with a fixed solution says it has."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A photo: the true camera (street frame) and its true angles east-north-up."""

    camera: PinholeCamera
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    kind: str


@dataclass(frozen=True, slots=True)
class Exposure:
    """A photo as taken, and the pose and focal length that the camera writes about it."""

    shot: Shot
    written: WrittenPose
    focal_px: float


def compute_focal_px(size_px: tuple[int, int]) -> float:
    """Focal length in pixels of the 24 mm equivalent lens."""
    return EQUIVALENT_MM / FULL_FRAME_DIAGONAL_MM * math.hypot(*size_px)


def plan_shots(
    rng: Rng, scene: Scene, *, photos: int, size_px: tuple[int, int], height_m: float
) -> list[Shot]:
    """A nadir strip over the street, views of cracked fronts, and two of the roof addition."""
    facade = min(4, photos * 4 // 15)
    roof = 2 if photos >= 8 else 0  # noqa: PLR2004 - short flights are all nadir and fronts
    strip = photos - facade - roof
    shots: list[Shot] = []
    for x in np.linspace(-STRIP_HALF_M, STRIP_HALF_M, strip) if strip > 1 else [0.0] * strip:
        position = np.array([x, 0.0, height_m]) + rng.normal(0, 0.3, 3)
        angles = (rng.normal(0, 1.5), min(-87.0, rng.normal(-89.2, 0.6)), rng.normal(0, 0.3))
        shots.append(make_shot(scene.heading_deg, position, angles, size_px, "nadir"))
    shots.extend(_face_front(rng, scene, target, size_px) for target in _pick_fronts(scene, facade))
    shots.extend(_look_at_roof(rng, scene, side, size_px) for side in (-1, 1)[:roof])
    return shots


def expose_street(
    rng: Rng, shots: Sequence[Shot], frame: StreetFrame, *, base_m: float, noise: NoiseModel
) -> list[Exposure]:
    """Add to planned photos what the camera writes: the true pose and an error.

    One offset is drawn for the flight and a new one for every photo; ``base_m`` is the street's
    altitude.
    """
    shared = noise.draw_shared(rng)
    return [
        Exposure(
            shot,
            _write_pose(rng, shot, frame, base_m=base_m, noise=noise, shared=shared),
            shot.camera.focal_px,
        )
        for shot in shots
    ]


def _write_pose(
    rng: Rng, shot: Shot, frame: StreetFrame, *, base_m: float, noise: NoiseModel, shared: Array
) -> WrittenPose:
    drift = draw_drift(rng, noise, shared)
    angles = rng.normal(0, 1, 3) * [
        noise.yaw_deg.photo,
        noise.gimbal_deg.photo,
        noise.gimbal_deg.photo,
    ]
    return make_written_pose(
        frame,
        shot.camera.position,
        drift,
        angles_deg=(
            wrap_deg(shot.yaw_deg + shared[3] + angles[0]),
            shot.pitch_deg + float(angles[1]),
            shot.roll_deg + float(angles[2]),
        ),
        base_m=base_m,
        has_rtk=noise.has_rtk,
    )


def draw_drift(rng: Rng, noise: NoiseModel, shared: Array) -> Array:
    """East, north and up (m) by which the position of one photo is off, (3,)."""
    photo_m = [noise.position_m.photo, noise.position_m.photo, noise.height_m.photo]
    return np.asarray(shared[:3] + rng.normal(0, 1, 3) * photo_m, dtype=np.float64)


def make_written_pose(
    frame: StreetFrame,
    position: Array,
    drift: Array,
    *,
    angles_deg: tuple[float, float, float],
    base_m: float,
    has_rtk: bool,
) -> WrittenPose:
    """Pose of a camera at ``position`` (street frame) that thinks itself ``drift`` (3,) away."""
    east, north, up = frame.enu_from_street @ position + drift
    lon, lat = frame.lonlat_from_enu(float(east), float(north))
    yaw_deg, pitch_deg, roll_deg = angles_deg
    return WrittenPose(
        lon=lon,
        lat=lat,
        altitude_m=base_m + float(up),
        relative_m=float(up),
        yaw_deg=yaw_deg,
        pitch_deg=pitch_deg,
        roll_deg=roll_deg,
        flight_yaw_deg=yaw_deg,
        rtk_std_horizontal_m=RTK_STD_M[0] if has_rtk else None,
        rtk_std_vertical_m=RTK_STD_M[1] if has_rtk else None,
    )


def wrap_deg(angle_deg: float) -> float:
    """Bring an angle into -180..180 degrees."""
    return (float(angle_deg) + 180.0) % 360.0 - 180.0


def make_shot(
    heading_deg: float,
    position: Array,
    street_angles: tuple[float, float, float],
    size_px: tuple[int, int],
    kind: str,
) -> Shot:
    """Return a shot; angles are yaw from the x axis (clockwise), pitch and roll in degrees.

    ``heading_deg`` is the azimuth of the x axis. The angles are rounded to the hundredth of a
    degree that XMP holds, so that truth can be written.
    """
    yaw = round(wrap_deg(heading_deg + street_angles[0]), 2)
    pitch, roll = round(float(street_angles[1]), 2), round(float(street_angles[2]), 2)
    axes = StreetFrame(0.0, 0.0, heading_deg).enu_from_street
    rotation = rotation_from_gimbal(yaw, pitch, roll) @ axes
    camera = PinholeCamera(*size_px, compute_focal_px(size_px), position, rotation)
    return Shot(camera, yaw, pitch, roll, kind)


def _aim_shot(
    rng: Rng, scene: Scene, position: Array, target: Array, *, size_px: tuple[int, int], kind: str
) -> Shot:
    yaw_deg, pitch_deg = compute_aim(position, target)
    # compute_aim counts yaw from +y; the street's x axis lies 90 degrees clockwise from it.
    angles = (yaw_deg - 90.0, max(pitch_deg, STEEPEST_DEG), float(rng.normal(0, 0.3)))
    return make_shot(scene.heading_deg, position, angles, size_px, kind)


def _pick_fronts(scene: Scene, count: int) -> list[Array]:
    """Points to look at: the cracks first, then fronts in the middle of the street."""
    targets = [crack.samples.mean(axis=0) for house in scene.buildings for crack in house.cracks]
    for house in sorted(scene.buildings, key=lambda item: abs(float(item.body.low[0]))):
        middle = (house.body.low + house.body.high) / 2
        near = house.body.low[1] if middle[1] > 0 else house.body.high[1]
        targets.append(np.array([middle[0], near, min(7.0, float(middle[2]))]))
    apart: list[Array] = []
    for target in targets:
        if all(np.linalg.norm(target - other) > 4.0 for other in apart):  # noqa: PLR2004
            apart.append(target)
    return apart[:count]


def _face_front(rng: Rng, scene: Scene, target: Array, size_px: tuple[int, int]) -> Shot:
    side = 1.0 if target[1] > 0 else -1.0
    position = target + np.array(
        [rng.uniform(-2.0, 2.0), -side * rng.uniform(0.9, 1.1) * FACADE_VIEW_M, 0.0]
    )
    position[2] = max(4.0, float(target[2]) + rng.uniform(0.3, 2.0))
    aim = target + np.array([rng.uniform(-1.0, 1.0), 0.0, rng.uniform(-0.6, 0.3)])
    return _aim_shot(rng, scene, position, aim, size_px=size_px, kind="facade")


def _look_at_roof(rng: Rng, scene: Scene, side: int, size_px: tuple[int, int]) -> Shot:
    house = next((item for item in scene.buildings if item.addition), scene.buildings[0])
    body = house.addition or house.body
    target = (body.low + body.high) / 2
    away = -1.0 if target[1] > 0 else 1.0
    position = np.array(
        [target[0] + side * rng.uniform(8, 12), target[1] + away * 22.0, ROOF_VIEW_HEIGHT_M]
    )
    return _aim_shot(rng, scene, position, target, size_px=size_px, kind="roof")
