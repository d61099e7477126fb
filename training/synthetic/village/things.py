"""The parts of a planned house: numbers only, in the house's own axes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from training.synthetic.boxes import Body

BELOW_GROUND_M = 0.4
"""So far walls reach below the ground at a house's middle, because the ground slopes."""


class Roof(StrEnum):
    """What a roof is covered with; ``BLANK`` is a fresh even coat."""

    CONCRETE = "concrete"
    SLABS = "slabs"
    BLANK = "blank"
    STEEL = "steel"
    TILES = "tiles"


class Walls(StrEnum):
    """What stands under a roof; ``OPEN`` is posts only."""

    FINISHED = "finished"
    BARE = "bare"
    STEEL = "steel"
    OPEN = "open"


FLAT_ROOFS = (Roof.CONCRETE, Roof.SLABS, Roof.BLANK)
FLAT_SHARES = (0.5, 0.25, 0.25)


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a house with one roof: its body (house axes, z above the foot) to the eaves.

    ``ridge_m`` is how far a pitched roof rises above the eaves, ``parapet_m`` the wall round a
    flat one; the seed draws its textures, the same at every flight.
    """

    body: Body
    walls: Walls
    roof: Roof
    seed: int
    parapet_m: float = 0.0
    ridge_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Item:
    """Something small on a roof or before a house: a kind that `items` knows, and its body."""

    kind: str
    body: Body
    seed: int


@dataclass(frozen=True, slots=True)
class Structure:
    """A house as it stands on one day."""

    blocks: tuple[Block, ...]
    items: tuple[Item, ...]


def raise_body(body: Body, height_m: float) -> Body:
    """Return the box of ``height_m`` that stands on top of a body."""
    low = np.array([body.low[0], body.low[1], body.high[2]])
    return replace(body, low=low, high=body.high + np.array([0.0, 0.0, height_m]))
