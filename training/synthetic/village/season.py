"""The day of a flight: sun, weather, and the colours of the season."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from training.synthetic.light import Light
from training.synthetic.textures import Colour, Rng

CLOUDY_SHARE, WET_SHARE = 0.25, 0.3


@dataclass(frozen=True, slots=True)
class Season:
    """``foliage`` and ``grass`` multiply colours, ``wet`` in 0..1 darkens roofs and lanes.

    ``growth`` is the size of trees as a share of that at the earlier flight.
    """

    light: Light
    foliage: Colour
    grass: Colour
    wet: float
    growth: float


def draw_seasons(rng: Rng) -> tuple[Season, Season]:
    """Draw the days of the earlier and of the later flight: sun, colours and weather differ."""
    azimuth = float(rng.uniform(0, 2 * math.pi))
    turned = azimuth + float(rng.uniform(0.35, 1.0)) * math.pi * float(rng.choice([-1, 1]))
    summer, winter = (1.0, 1.0, 1.0), (1.3, 1.02, 0.95)
    colours = [summer, winter] if rng.random() < 0.5 else [winter, summer]  # noqa: PLR2004
    days = []
    for index, sun in enumerate((azimuth, turned)):
        tint = np.multiply(colours[index], rng.uniform(0.9, 1.1, 3))
        colour = (float(tint[0]), float(tint[1]), float(tint[2]))
        wet = float(rng.uniform(0.4, 1.0)) if rng.random() < WET_SHARE else 0.0
        growth = 1.0 if index == 0 else float(rng.uniform(1.05, 1.25))
        days.append(Season(_draw_sun(rng, sun), colour, colour, wet, growth))
    return days[0], days[1]


def _draw_sun(rng: Rng, azimuth: float) -> Light:
    height = math.radians(float(rng.uniform(38, 65)))
    is_cloudy = rng.random() < CLOUDY_SHARE
    sky = float(rng.uniform(0.8, 0.92) if is_cloudy else rng.uniform(0.42, 0.6))
    level = math.cos(height)
    to_sun = np.array([math.cos(azimuth) * level, math.sin(azimuth) * level, math.sin(height)])
    return Light(to_sun, sky)
