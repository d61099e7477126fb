"""Sun and sky: where the light comes from and how a plane answers to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from training.synthetic.camera import Array
from training.synthetic.textures import Rng

# Walls see half the sky, and as much again comes back from the ground and other walls.
WALL_SKY = 0.8


@dataclass(frozen=True, slots=True)
class Light:
    """``to_sun`` is a unit vector (3,); ``sky`` the share of light that shadow still receives."""

    to_sun: Array
    sky: float

    def compute_shading(self, normal: Array) -> float:
        """Brightness of a sunlit plane relative to the level ground under the same light."""
        level = self.sky + (1 - self.sky) * float(self.to_sun[2])
        facing = max(0.0, float(normal @ self.to_sun))
        open_sky = self.sky * (WALL_SKY + (1 - WALL_SKY) * float(normal[2]))
        return (open_sky + (1 - self.sky) * facing) / level

    def compute_shadow(self, normal: Array) -> float:
        """Brightness of a shaded part of a plane relative to its sunlit part."""
        facing = max(0.0, float(normal @ self.to_sun))
        open_sky = self.sky * (WALL_SKY + (1 - WALL_SKY) * float(normal[2]))
        return open_sky / (open_sky + (1 - self.sky) * facing)

    @property
    def shadow(self) -> float:
        """Brightness of shaded level ground relative to sunlit level ground."""
        return self.sky / (self.sky + (1 - self.sky) * float(self.to_sun[2]))


def draw_light(rng: Rng) -> Light:
    """Draw a sun at 25 to 70 degrees of height, from clear to overcast."""
    azimuth = rng.uniform(0, 2 * math.pi)
    height = math.radians(rng.uniform(25, 70))
    to_sun = np.array(
        [
            math.cos(azimuth) * math.cos(height),
            math.sin(azimuth) * math.cos(height),
            math.sin(height),
        ]
    )
    return Light(to_sun, float(rng.uniform(0.38, 0.85)))
