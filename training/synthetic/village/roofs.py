"""What stands on a roof, and where there is room for it."""

from __future__ import annotations

import numpy as np

from training.synthetic.boxes import Body
from training.synthetic.textures import Rng
from training.synthetic.village.things import FLAT_ROOFS, FLAT_SHARES, Item, Roof


def furnish_roof(rng: Rng, body: Body, *, is_bare: bool) -> tuple[Item, ...]:
    """Put a stairwell and what people keep on roofs on the top of a body, apart from each other.

    A freshly coated roof holds the stairwell or a tank and nothing else.
    """
    wanted: list[tuple[str, tuple[float, float, float]]] = []
    if rng.random() < 0.7:  # noqa: PLR2004 - others have the stairs inside
        wanted.append(("stairwell", (2.4, 3.2, float(rng.uniform(2.2, 2.6)))))
    wanted.append(("tank", (1.2, 1.2, float(rng.uniform(1.2, 1.7)))))
    if not is_bare:
        wanted += [("heater", (2.0, 1.6, 1.2))] * int(rng.random() < 0.5)  # noqa: PLR2004
        sizes = rng.uniform(0.4, 1.6, (int(rng.integers(2, 9)), 2))
        wanted += [
            (str(rng.choice(["planter", "clutter"])), (a, b, float(rng.uniform(0.2, 0.7))))
            for a, b in sizes.tolist()
        ]
    items: list[Item] = []
    for kind, size in wanted:
        item = place_item(rng, kind, size, body, items)
        if item is not None:
            items.append(item)
    return tuple(items)


def place_item(
    rng: Rng,
    kind: str,
    size_m: tuple[float, float, float],
    body: Body,
    others: list[Item],
) -> Item | None:
    """Stand a thing on top of a body, clear of the others; None where twenty tries found no room.

    Every second thing is turned by a quarter.
    """
    width, depth, height = size_m
    if rng.random() < 0.5:  # noqa: PLR2004 - either way round
        width, depth = depth, width
    low_xy, high_xy = body.low[:2] + 0.35, body.high[:2] - 0.35 - np.array([width, depth])
    if (high_xy <= low_xy).any():
        return None
    top = float(body.high[2])
    for _ in range(20):
        x, y = rng.uniform(low_xy, high_xy)
        new = Body(np.array([x, y, top]), np.array([x + width, y + depth, top + height]))
        if not any(overlap(new, other.body) for other in others):
            return Item(kind, new, draw_seed(rng))
    return None


def overlap(first: Body, second: Body) -> bool:
    """Tell whether two bodies overlap as seen from above."""
    low, high = np.maximum(first.low, second.low), np.minimum(first.high, second.high)
    return bool((low[:2] < high[:2]).all())


def draw_flat_roof(rng: Rng) -> Roof:
    """Draw what a flat roof is covered with."""
    return FLAT_ROOFS[int(rng.choice(len(FLAT_ROOFS), p=FLAT_SHARES))]


def draw_seed(rng: Rng) -> int:
    """Draw the seed of a thing's textures."""
    return int(rng.integers(2**31))
