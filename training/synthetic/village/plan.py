"""What stands in a village, and what stands there at the later of two flights.

Plans hold numbers only. Village axes: x along the lanes, y to the left, z up, metres; a house has
axes of its own about its middle, turned by ``turn_deg`` from the village's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from training.synthetic.boxes import Body
from training.synthetic.camera import Array
from training.synthetic.textures import Rng
from training.synthetic.village.roofs import draw_flat_roof, draw_seed, furnish_roof
from training.synthetic.village.things import BELOW_GROUND_M, Block, Roof, Structure, Walls

COLUMNS = 6
STEEPEST = 0.035
EMPTY_SHARE, TWO_PART_SHARE, GABLE_SHARE = 0.06, 0.25, 0.12
STOREYS, STOREY_SHARES = (2, 3, 4, 5, 6), (0.22, 0.34, 0.24, 0.13, 0.07)


@dataclass(frozen=True, slots=True)
class Plot:
    """Where a house stands: middle (2,), turn, height of the ground there, width and depth."""

    building_id: str
    middle: Array
    turn_deg: float
    foot_m: float
    size_m: tuple[float, float]
    storeys: int
    storey_m: float
    structure: Structure


@dataclass(frozen=True, slots=True)
class Village:
    """The plots of the earlier day, the slope of the ground (2,) and the lanes' places."""

    plots: tuple[Plot, ...]
    slope: Array
    lanes_y: tuple[float, ...]
    lane_m: float
    cross_x: float
    reach_m: tuple[float, float]


def ground_height(slope: Array, xy: Array) -> float:
    """Height of the sloping ground at a place (2,), metres."""
    return float(slope @ xy[:2])


def plan_village(rng: Rng) -> Village:
    """Draw about twenty-two houses in rows, back to back along lanes, on a slope."""
    heading = rng.uniform(0, 2 * math.pi)
    slope = np.array([math.cos(heading), math.sin(heading)]) * rng.uniform(0.005, STEEPEST)
    lane_m, depth_m = float(rng.uniform(3.6, 5.2)), float(rng.uniform(10.0, 12.0))
    back_m = float(rng.uniform(1.2, 2.4))
    rows_y = _place_rows(depth_m, lane_m, back_m)
    cross_after = int(rng.integers(2, COLUMNS - 1))
    plots: list[Plot] = []
    rows = [
        _draw_row(rng, plots, row_y, depth_m=depth_m, slope=slope, cross_after=cross_after)
        for row_y in rows_y
    ]
    cross_xs, ends = zip(*rows, strict=True)
    reach_m = (max(ends) - 2.0, max(rows_y) + depth_m / 2)
    lanes = tuple((rows_y[i] + rows_y[i + 1]) / 2 for i in (0, 2))
    return Village(tuple(plots), slope, lanes, lane_m, float(np.mean(cross_xs)), reach_m)


def _draw_row(
    rng: Rng,
    plots: list[Plot],
    row_y: float,
    *,
    depth_m: float,
    slope: Array,
    cross_after: int,
) -> tuple[float, float]:
    """Add a row of houses to ``plots``; return where the crossing lane lies and where it ends."""
    x = -COLUMNS * 6.4 + float(rng.uniform(-1.5, 1.5))
    cross_x = 0.0
    for column in range(COLUMNS):
        width_m = float(rng.uniform(8.5, 12.0))
        if rng.random() >= EMPTY_SHARE:
            middle = np.array([x + width_m / 2, row_y + rng.uniform(-0.4, 0.4)])
            size_m = (width_m, depth_m + float(rng.uniform(-1.5, 0.5)))
            plots.append(_draw_plot(rng, f"B{len(plots) + 1:03d}", middle, size_m, slope))
        x += width_m + float(rng.uniform(1.0, 2.6))
        if column + 1 == cross_after:
            cross_x = x + 1.0
            x += 4.0
    return cross_x, x


def _place_rows(depth_m: float, lane_m: float, back_m: float) -> list[float]:
    """Rows face each other across a lane; the second and the third stand back to back."""
    step = depth_m + lane_m
    first = depth_m / 2 + back_m / 2
    return [-first - step, -first, first, first + step]


def _draw_plot(
    rng: Rng, building_id: str, middle: Array, size_m: tuple[float, float], slope: Array
) -> Plot:
    storeys = int(rng.choice(STOREYS, p=STOREY_SHARES))
    storey_m = float(rng.uniform(3.0, 3.3))
    turn_deg = float(rng.normal(0, 1.5))
    structure = _draw_structure(rng, size_m, storeys, storey_m)
    foot_m = ground_height(slope, middle)
    return Plot(building_id, middle, turn_deg, foot_m, size_m, storeys, storey_m, structure)


def _draw_structure(
    rng: Rng, size_m: tuple[float, float], storeys: int, storey_m: float
) -> Structure:
    half = np.array(size_m) / 2
    top = storeys * storey_m
    if rng.random() < GABLE_SHARE and storeys <= 3:  # noqa: PLR2004 - old houses are low
        body = Body(np.array([*-half, -BELOW_GROUND_M]), np.array([*half, top]))
        ridge_m = float(rng.uniform(1.2, 2.0))
        return Structure(
            (Block(body, Walls.FINISHED, Roof.TILES, draw_seed(rng), ridge_m=ridge_m),), ()
        )
    roof = draw_flat_roof(rng)
    parapet_m = float(rng.uniform(0.4, 1.2))
    seed = draw_seed(rng)
    cut = half[1]
    blocks: list[Block] = []
    if rng.random() < TWO_PART_SHARE and storeys > 2:  # noqa: PLR2004 - one storey less behind
        cut = float(rng.uniform(0.2, 0.45)) * half[1]
        low = np.array([-half[0], cut, -BELOW_GROUND_M])
        body = Body(low, np.array([*half, top - storey_m]))
        blocks.append(
            Block(body, Walls.FINISHED, draw_flat_roof(rng), seed + 1, float(rng.uniform(0.4, 1)))
        )
    main = Body(np.array([*-half, -BELOW_GROUND_M]), np.array([half[0], cut, top]))
    blocks.insert(0, Block(main, Walls.FINISHED, roof, seed, parapet_m))
    return Structure(tuple(blocks), furnish_roof(rng, main, is_bare=roof is Roof.BLANK))
