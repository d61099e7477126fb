"""Where the camera stands and what light falls, drawn for each photo."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from training.synthetic.camera import Array, PinholeCamera, aim_camera
from training.synthetic.storeys.draws import between, chance
from training.synthetic.storeys.street import Street, aim_point
from training.synthetic.textures import Rng

GSD_M = (0.028, 0.13)
DISTANCE_M = (38.0, 120.0)
LEAST_HEIGHT_M = 26.0


@dataclass(frozen=True, slots=True)
class Daylight:
    """Direction to the sun, its strength and softness (radians across), and the sky's light."""

    sun: tuple[float, float, float]
    strength: float
    softness: float
    sky: tuple[float, float, float]
    sky_strength: float


def draw_camera(rng: Rng, street: Street, size_px: int) -> PinholeCamera:
    """A view from straight down to 25 degrees under the horizon, like a tile of a larger photo."""
    target = aim_point(rng, street)
    gsd_m = math.exp(between(rng, math.log(GSD_M[0]), math.log(GSD_M[1])))
    pitch = math.radians(between(rng, 72, 90) if chance(rng, 0.4) else between(rng, 25, 72))
    distance_m = between(rng, *DISTANCE_M)
    distance_m = max(distance_m, LEAST_HEIGHT_M / math.sin(pitch))
    heading = between(rng, 0, 2 * math.pi)
    back: Array = np.array(
        [math.cos(heading) * math.cos(pitch), math.sin(heading) * math.cos(pitch), math.sin(pitch)]
    )
    off = rng.uniform(-0.3, 0.3, 3) * size_px * gsd_m * np.array([1.0, 1.0, 0.0])
    aimed = target + off
    return aim_camera(
        aimed + back * distance_m,
        aimed,
        roll_deg=float(rng.normal(0, 2)),
        focal_px=distance_m / gsd_m,
        size_px=(size_px, size_px),
    )


def draw_daylight(rng: Rng) -> Daylight:
    """Clear, hazy or overcast, sun from 18 to 80 degrees high."""
    height, turn = math.radians(between(rng, 18, 80)), between(rng, 0, 2 * math.pi)
    sun = (
        math.cos(height) * math.cos(turn),
        math.cos(height) * math.sin(turn),
        math.sin(height),
    )
    is_overcast = chance(rng, 0.3)
    blue = between(rng, 1.0, 1.1) if is_overcast else between(rng, 1.05, 1.45)
    return Daylight(
        sun=sun,
        strength=between(rng, 0.0, 0.8) if is_overcast else between(rng, 1.8, 4.5),
        softness=between(rng, 0.2, 0.9) if is_overcast else between(rng, 0.006, 0.05),
        sky=(0.92, 0.98, 0.92 * blue),
        sky_strength=between(rng, 0.9, 1.4) if is_overcast else between(rng, 0.35, 0.9),
    )
