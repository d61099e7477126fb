"""Exact heights of what stands in a village, on a grid east and north of its origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from training.synthetic.boxes import Body
from training.synthetic.camera import Array
from training.synthetic.geodesy import StreetFrame
from training.synthetic.rasterize import FloatImage
from training.synthetic.village.changes import House
from training.synthetic.village.houses import place_house
from training.synthetic.village.placing import Placement
from training.synthetic.village.plan import Village
from training.synthetic.village.things import Block, Structure

CELL_M = 0.25
HALF_M = 70.0


@dataclass(frozen=True, slots=True)
class HeightGrid:
    """Heights (rows north to south, columns west to east) above the ground at the origin.

    The first cell's outer corner lies ``-west_m`` and ``north_m`` metres from the origin.
    """

    heights_m: FloatImage
    cell_m: float
    west_m: float
    north_m: float


def measure_heights(
    village: Village, houses: Sequence[House], day: int, frame: StreetFrame
) -> HeightGrid:
    """Return the exact surface of ground, houses and roof things on a day; trees and cars not."""
    size = round(2 * HALF_M / CELL_M)
    axis = (np.arange(size) + 0.5) * CELL_M - HALF_M
    turned = frame.enu_from_street[:2, :2]
    grade = turned @ village.slope
    heights = (grade[0] * axis[None, :] + grade[1] * -axis[:, None]).astype(np.float32)
    grid = HeightGrid(heights, CELL_M, -HALF_M, HALF_M)
    for house in houses:
        structure = house.plot.structure if day == 0 else house.after
        if structure is not None:
            _raise_house(grid, house, structure, turned)
    return grid


def _raise_house(grid: HeightGrid, house: House, structure: Structure, turned: Array) -> None:
    placement = place_house(house.plot)
    for block in structure.blocks:
        _raise_block(grid, block, placement, turned)
    for item in structure.items:
        _fill(grid, item.body, placement, turned, float(item.body.high[2]))


def _raise_block(grid: HeightGrid, block: Block, placement: Placement, turned: Array) -> None:
    body = block.body
    if block.ridge_m == 0:
        _fill(grid, body, placement, turned, float(body.high[2]))
        return
    width, depth = body.size_of("top")
    axis = 1 if width >= depth else 0
    steps = np.linspace(0, 1, 13)
    for near, far in pairwise(steps.tolist()):
        low, high = body.low.copy(), body.high.copy()
        span = high[axis] - low[axis]
        low[axis], high[axis] = low[axis] + near * span, low[axis] + far * span
        share = 1 - abs(near + far - 1)
        top = float(body.high[2]) + share * block.ridge_m
        _fill(grid, Body(low, high), placement, turned, top)


def _fill(grid: HeightGrid, body: Body, placement: Placement, turned: Array, top_m: float) -> None:
    """Raise the cells whose middle lies within a body, seen from above, to its top."""
    corners = placement.points(body.corners[:4])[:, :2] @ turned.T
    texels = (corners - np.array([grid.west_m, grid.north_m])) * np.array([1.0, -1.0]) / grid.cell_m
    size = np.array(grid.heights_m.shape[::-1])
    low = np.clip(np.floor(texels.min(axis=0)), 0, size).astype(int)
    high = np.clip(np.ceil(texels.max(axis=0)), 0, size).astype(int)
    columns, rows = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    enu = np.stack([columns + 0.5, -(rows + 0.5)], axis=-1) * grid.cell_m
    enu += np.array([grid.west_m, grid.north_m])
    own = (enu @ turned - placement.origin[:2]) @ placement.matrix[:2, :2]
    inside = ((own >= body.low[:2]) & (own <= body.high[:2])).all(axis=-1)
    window = grid.heights_m[low[1] : high[1], low[0] : high[0]]
    height = np.float32(placement.origin[2] + top_m)
    window[inside] = np.maximum(window[inside], height)
