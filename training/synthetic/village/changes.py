"""What people did to the houses between two flights, and what only looks like it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from training.synthetic.boxes import Body
from training.synthetic.textures import Rng
from training.synthetic.village.plan import Plot
from training.synthetic.village.roofs import (
    draw_flat_roof,
    draw_seed,
    furnish_roof,
    overlap,
    place_item,
)
from training.synthetic.village.things import (
    FLAT_ROOFS,
    Block,
    Item,
    Roof,
    Structure,
    Walls,
    raise_body,
)

CHANGED_SHARE = 0.27


class ChangeKind(StrEnum):
    """What became of a house. The last four gain no storey and count as unchanged."""

    NONE = "none"
    STOREY = "storey"
    PART_STOREY = "part_storey"
    STEEL_STOREY = "steel_storey"
    CANOPY = "canopy"
    DEMOLISHED = "demolished"
    RECOATED = "recoated"
    SHED = "shed"
    AWNING = "awning"
    THINGS = "things"

    @property
    def is_rise(self) -> bool:
        """Whether the house gained height over a part that counts."""
        return self in RISES


RISES = (
    ChangeKind.STOREY,
    ChangeKind.PART_STOREY,
    ChangeKind.STEEL_STOREY,
    ChangeKind.CANOPY,
)
CHANGES = (*RISES, ChangeKind.DEMOLISHED)
CHANGE_SHARES = (0.28, 0.22, 0.26, 0.1, 0.14)
CONFUSERS = (
    ChangeKind.NONE,
    ChangeKind.RECOATED,
    ChangeKind.SHED,
    ChangeKind.AWNING,
    ChangeKind.THINGS,
)
CONFUSER_SHARES = (0.36, 0.1, 0.1, 0.08, 0.36)


@dataclass(frozen=True, slots=True)
class House:
    """A plot on both days; ``after`` is None where nothing stands any more.

    ``part`` is the body that was added (house axes) or, of a house pulled down, what stood there;
    ``rise_m`` the median by which the surface rose over it.
    """

    plot: Plot
    kind: ChangeKind
    after: Structure | None
    part: Body | None
    rise_m: float
    storeys_after: int


def draw_changes(rng: Rng, plots: tuple[Plot, ...]) -> tuple[House, ...]:
    """Change about a quarter of the houses, and put confusing things on others."""
    flat = [index for index, one in enumerate(plots) if one.structure.blocks[0].ridge_m == 0]
    count = round(CHANGED_SHARE * len(plots))
    changed = set(rng.choice(flat, size=min(count, len(flat)), replace=False).tolist())
    houses = []
    for index, plot in enumerate(plots):
        kinds, shares = (CHANGES, CHANGE_SHARES) if index in changed else _unchanged(plot)
        kind = kinds[int(rng.choice(len(kinds), p=shares))]
        houses.append(_change(rng, plot, kind))
    return tuple(houses)


def _unchanged(plot: Plot) -> tuple[tuple[ChangeKind, ...], tuple[float, ...]]:
    is_flat = plot.structure.blocks[0].ridge_m == 0
    return (CONFUSERS, CONFUSER_SHARES) if is_flat else ((ChangeKind.NONE,), (1.0,))


def _change(rng: Rng, plot: Plot, kind: ChangeKind) -> House:
    main = plot.structure.blocks[0]
    if kind is ChangeKind.DEMOLISHED:
        return House(plot, kind, None, main.body, -float(main.body.high[2]), 0)
    if kind.is_rise:
        return _add_storey(rng, plot, kind)
    if kind is ChangeKind.NONE:
        return House(plot, kind, plot.structure, None, 0.0, plot.storeys)
    if kind is ChangeKind.RECOATED:
        after = _recoat(rng, plot.structure)
    else:
        after = replace(plot.structure, items=_add_things(rng, kind, plot.structure))
    return House(plot, kind, after, None, 0.0, plot.storeys)


def _add_storey(rng: Rng, plot: Plot, kind: ChangeKind) -> House:
    main = plot.structure.blocks[0]
    height_m = float(rng.uniform(2.6, 3.4))
    ridge_m = 0.0
    if kind in (ChangeKind.STEEL_STOREY, ChangeKind.CANOPY) and rng.random() < 0.5:  # noqa: PLR2004
        ridge_m = float(rng.uniform(0.5, 0.9))
    body = raise_body(_choose_part(rng, main.body, kind), height_m)
    block = _draw_addition(rng, body, kind, ridge_m)
    kept = tuple(one for one in plot.structure.items if not overlap(one.body, body))
    new = furnish_roof(rng, body, is_bare=True) if block.parapet_m > 0 else ()
    blocks = (*plot.structure.blocks, block)
    after = Structure(blocks, (*kept, *new))
    return House(plot, kind, after, body, height_m + ridge_m / 2, plot.storeys + 1)


def _choose_part(rng: Rng, body: Body, kind: ChangeKind) -> Body:
    """Return the part of a roof that is built over: all of it, or one end."""
    inset = 0.0 if kind is ChangeKind.STOREY else float(rng.uniform(0.0, 0.5))
    low, high = body.low[:2] + inset, body.high[:2] - inset
    if kind is not ChangeKind.STOREY:
        axis = int(rng.integers(2))
        whole = kind is ChangeKind.STEEL_STOREY and rng.random() < 0.4  # noqa: PLR2004
        reach = (high - low)[axis] * (1.0 if whole else float(rng.uniform(0.22, 0.65)))
        if rng.random() < 0.5:  # noqa: PLR2004 - either end
            high[axis] = low[axis] + reach
        else:
            low[axis] = high[axis] - reach
    return Body(np.array([*low, body.low[2]]), np.array([*high, body.high[2]]))


def _draw_addition(rng: Rng, body: Body, kind: ChangeKind, ridge_m: float) -> Block:
    if kind is ChangeKind.CANOPY:
        return Block(body, Walls.OPEN, Roof.STEEL, draw_seed(rng), ridge_m=ridge_m)
    if kind is ChangeKind.STEEL_STOREY:
        return Block(body, Walls.STEEL, Roof.STEEL, draw_seed(rng), ridge_m=ridge_m)
    walls = Walls.BARE if rng.random() < 0.6 else Walls.FINISHED  # noqa: PLR2004 - fresh masonry
    return Block(body, walls, draw_flat_roof(rng), draw_seed(rng), float(rng.uniform(0.3, 1.1)))


def _recoat(rng: Rng, structure: Structure) -> Structure:
    """Give the main roof another surface and leave its height as it is."""
    main, *rest = structure.blocks
    others = [roof for roof in FLAT_ROOFS if roof is not main.roof]
    new = replace(main, roof=others[int(rng.integers(len(others)))])
    return replace(structure, blocks=(new, *rest))


def _add_things(rng: Rng, kind: ChangeKind, structure: Structure) -> tuple[Item, ...]:
    body, items = structure.blocks[0].body, list(structure.items)
    wanted: list[tuple[str, tuple[float, float, float]]]
    if kind is ChangeKind.SHED:
        side = float(rng.uniform(2.0, 2.9))
        wanted = [("shed", (side, float(rng.uniform(2.0, 9.0 / side)), float(rng.uniform(2, 2.5))))]
    elif kind is ChangeKind.AWNING:
        size = rng.uniform([3.0, 3.0, 1.0], [5.5, 4.5, 1.6]).tolist()
        items = [one for one in items if one.kind not in ("planter", "clutter")]
        wanted = [("awning", (size[0], size[1], size[2]))]
    else:
        wanted = [
            ("tank", (1.2, 1.2, 1.8)),
            ("heater", (2.0, 1.6, 1.2)),
            ("laundry", (4, 1.2, 1.7)),
        ]
        wanted = [one for one in wanted if rng.random() < 0.7]  # noqa: PLR2004 - some of them
        wanted += [("clutter", (1.0, 0.7, 0.5))] * 2
    for name, size_m in wanted:
        item = place_item(rng, name, size_m, body, items)
        if item is not None:
            items.append(item)
    return tuple(items)
