"""Where the photos of a village are taken: lines straight down, and a ring that looks inward."""

from __future__ import annotations

import math

import numpy as np

from training.synthetic.flight_plan import compute_focal_px
from training.synthetic.survey import NADIR_DEG, View
from training.synthetic.textures import Rng

ALONG, ACROSS = 0.78, 0.67
"""Overlap of neighbours in a line and of neighbouring lines, on the ground."""
HEIGHT_M, RING_PITCH_DEG = (54.0, 62.0), (-60.0, -47.0)


def plan_views(
    rng: Rng, reach_m: tuple[float, float], photos: int, size_px: tuple[int, int], turn_deg: float
) -> list[View]:
    """Plan about ``photos`` views of a village whose houses end at ``reach_m`` from its middle.

    ``turn_deg`` is the heading of the lines, counter-clockwise from the lanes.
    """
    height_m = float(rng.uniform(*HEIGHT_M))
    lines = _fly_lines(rng, reach_m, height_m, size_px, turn_deg)
    ring = _fly_ring(rng, reach_m, height_m, max(6, photos - len(lines)))
    return [*lines, *ring]


def _fly_lines(
    rng: Rng,
    reach_m: tuple[float, float],
    height_m: float,
    size_px: tuple[int, int],
    turn_deg: float,
) -> list[View]:
    focal_px = compute_focal_px(size_px)
    across_m, along_m = (side * height_m / focal_px for side in size_px)
    angle = math.radians(turn_deg)
    ahead = np.array([math.cos(angle), math.sin(angle)])
    aside = np.array([-ahead[1], ahead[0]])
    ends = [np.abs(axis) @ np.array(reach_m) for axis in (ahead, aside)]
    places = [_space(ends[0], along_m * (1 - ALONG)), _space(ends[1], across_m * (1 - ACROSS))]
    shift = rng.uniform(-3, 3, 2)
    views = []
    for number, y in enumerate(places[1]):
        is_back = number % 2 == 1
        for x in places[0][::-1] if is_back else places[0]:
            spot = ahead * x + aside * y + shift
            turned = -turn_deg + (180.0 if is_back else 0.0)
            views.append(View(np.array([*spot, height_m]), turned, NADIR_DEG))
    return views


def _space(end_m: float, step_m: float) -> list[float]:
    """Places ``step_m`` apart about 0 that reach to ``end_m`` less half a step on both sides."""
    count = max(2, math.ceil((2 * end_m - step_m) / step_m) + 1)
    return [float(value) for value in (np.arange(count) - (count - 1) / 2) * step_m]


def _fly_ring(rng: Rng, reach_m: tuple[float, float], height_m: float, count: int) -> list[View]:
    """Fly round the village, the camera turned to its middle."""
    pitch_deg = float(rng.uniform(*RING_PITCH_DEG))
    start = float(rng.uniform(0, 2 * math.pi))
    ring_m = np.array(reach_m) + 14.0
    views = []
    for angle in start + np.arange(count) * 2 * math.pi / count:
        spot = ring_m * np.array([math.cos(angle), math.sin(angle)])
        inward = math.degrees(math.atan2(-spot[1], -spot[0]))
        views.append(View(np.array([*spot, height_m - 4.0]), -inward, pitch_deg))
    return views
