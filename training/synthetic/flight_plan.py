"""Where the drone takes its photos, and how well it knows where it was."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from training.synthetic.camera import Array, PinholeCamera, compute_aim, rotation_from_gimbal
from training.synthetic.geodesy import StreetFrame
from training.synthetic.metadata import FULL_FRAME_DIAGONAL_MM, WrittenPose
from training.synthetic.scene import Scene
from training.synthetic.textures import Rng

EQUIVALENT_MM = 24.0
FACADE_VIEW_M = 10.0
ROOF_VIEW_HEIGHT_M = 34.0
STRIP_HALF_M = 27.0
STEEPEST_DEG = -89.9


class NoiseKind(StrEnum):
    """How far the written pose is from the true one."""

    NONE = "none"
    GPS = "gps"
    RTK = "rtk"


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """Standard deviations: one shared offset a flight, and a new one every photo."""

    shared_m: float
    photo_m: float
    height_m: float
    shared_yaw_deg: float
    angle_deg: float


NOISE = {
    NoiseKind.NONE: NoiseModel(0, 0, 0, 0, 0),
    NoiseKind.GPS: NoiseModel(0.5, 0.2, 0.3, 0.7, 0.15),
    NoiseKind.RTK: NoiseModel(0.01, 0.01, 0.02, 0.3, 0.1),
}


@dataclass(frozen=True, slots=True)
class Shot:
    """A planned photo: the true camera (street frame) and its true angles east-north-up."""

    camera: PinholeCamera
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    kind: str


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
        shots.append(_make_shot(scene, position, angles, size_px, "nadir"))
    shots.extend(_face_front(rng, scene, target, size_px) for target in _pick_fronts(scene, facade))
    shots.extend(_look_at_roof(rng, scene, side, size_px) for side in (-1, 1)[:roof])
    return shots


def write_pose(
    rng: Rng,
    shot: Shot,
    frame: StreetFrame,
    *,
    base_m: float,
    noise: NoiseKind,
    shared: Array,
) -> WrittenPose:
    """Pose with noise; ``shared`` (4,) is the flight's east, north, up and yaw offset."""
    model = NOISE[noise]
    offset = shared[:3] + rng.normal(0, 1, 3) * [model.photo_m, model.photo_m, model.height_m]
    east, north, up = frame.enu_from_street @ shot.camera.position + offset
    lon, lat = frame.lonlat_from_enu(float(east), float(north))
    angles = rng.normal(0, 1, 3) * model.angle_deg
    yaw = wrap_deg(shot.yaw_deg + shared[3] + angles[0])
    has_rtk = noise is NoiseKind.RTK
    return WrittenPose(
        lon=lon,
        lat=lat,
        altitude_m=base_m + float(up),
        relative_m=float(up),
        yaw_deg=yaw,
        pitch_deg=shot.pitch_deg + float(angles[1]),
        roll_deg=shot.roll_deg + float(angles[2]),
        flight_yaw_deg=yaw,
        rtk_std_horizontal_m=0.012 if has_rtk else None,
        rtk_std_vertical_m=0.022 if has_rtk else None,
    )


def draw_shared_offset(rng: Rng, noise: NoiseKind) -> Array:
    """East, north, up (m) and yaw (degrees) by which the whole flight is off."""
    model = NOISE[noise]
    scale = [model.shared_m, model.shared_m, model.height_m, model.shared_yaw_deg]
    return np.asarray(rng.normal(0, 1, 4) * scale, dtype=np.float64)


def wrap_deg(angle_deg: float) -> float:
    """Bring an angle into -180..180 degrees."""
    return (float(angle_deg) + 180.0) % 360.0 - 180.0


def _make_shot(
    scene: Scene,
    position: Array,
    street_angles: tuple[float, float, float],
    size_px: tuple[int, int],
    kind: str,
) -> Shot:
    """Angles are yaw from the street's x axis (clockwise), pitch and roll in degrees.

    They are rounded to the hundredth of a degree that XMP holds, so that truth can be written.
    """
    yaw = round(wrap_deg(scene.heading_deg + street_angles[0]), 2)
    pitch, roll = round(float(street_angles[1]), 2), round(float(street_angles[2]), 2)
    axes = StreetFrame(0.0, 0.0, scene.heading_deg).enu_from_street
    rotation = rotation_from_gimbal(yaw, pitch, roll) @ axes
    camera = PinholeCamera(*size_px, compute_focal_px(size_px), position, rotation)
    return Shot(camera, yaw, pitch, roll, kind)


def _aim_shot(
    rng: Rng, scene: Scene, position: Array, target: Array, *, size_px: tuple[int, int], kind: str
) -> Shot:
    yaw_deg, pitch_deg = compute_aim(position, target)
    # compute_aim counts yaw from +y; the street's x axis lies 90 degrees clockwise from it.
    angles = (yaw_deg - 90.0, max(pitch_deg, STEEPEST_DEG), float(rng.normal(0, 0.3)))
    return _make_shot(scene, position, angles, size_px, kind)


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
