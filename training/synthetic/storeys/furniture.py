"""What stands on roofs and is no added storey: stairwells, tanks, solar heaters, laundry."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from training.synthetic.storeys.draws import between, chance, numbered, one_of
from training.synthetic.storeys.house import Body
from training.synthetic.storeys.solids import Solid, make_box, make_pipe, make_slab
from training.synthetic.textures import Rng

Area = tuple[float, float, float, float]
"""West, south, east, north of a part of a roof, metres about the house; 2 m or more each way."""

EDGE_M = 0.9


def furnish(rng: Rng, body: Body, area: Area, z: float) -> list[Solid]:
    """Things on the free part of a roof at height ``z``."""
    solids: list[Solid] = []
    for name, share in SHARES.items():
        while chance(rng, share):
            solids += KINDS[name](rng, body, _pick_spot(rng, area), z)
            share = share / 2  # noqa: PLW2901 - a second one is half as likely
    return solids


def build_stairwell(rng: Rng, body: Body, area: Area, z: float) -> list[Solid]:
    """The room over the stairs, in the walls of the house, at one side of the roof."""
    west, south, east, north = area
    width = min(between(rng, 2.2, 3.4), east - west)
    depth = min(between(rng, 2.6, 4.6), north - south)
    x = west if chance(rng, 0.5) else east - width
    y = between(rng, south, max(south, north - depth))
    top = z + between(rng, 2.2, 2.9)
    room = make_box(body.wall, (x, y, z), (x + width, y + depth, top))
    jut = between(rng, 0.05, 0.4)
    lid = [
        (x - jut, y - jut, top + 0.15),
        (x + width + jut, y - jut, top + 0.15),
        (x + width + jut, y + depth + jut, top + 0.15),
        (x - jut, y + depth + jut, top + 0.15),
    ]
    door = make_box("timber", (x + 0.4, y - 0.03, z), (x + 1.3, y, z + 2.0))
    return [room, make_slab(body.roof, lid, 0.15), door]


def _pick_spot(rng: Rng, area: Area) -> tuple[float, float]:
    west, south, east, north = area
    return (
        between(rng, west + EDGE_M, east - EDGE_M),
        between(rng, south + EDGE_M, north - EDGE_M),
    )


def _put_solar(rng: Rng, _: Body, at: tuple[float, float], z: float) -> list[Solid]:
    """Tilted tubes with the tank above them."""
    x, y = at
    width, run, rise = between(rng, 1.2, 2.2), between(rng, 1.2, 1.7), between(rng, 0.8, 1.4)
    plate = [
        (x, y, z + 0.2),
        (x + width, y, z + 0.2),
        (x + width, y + run, z + rise),
        (x, y + run, z + rise),
    ]
    tank = make_pipe(
        "metal" if chance(rng, 0.7) else "frame",
        (x, y + run, z + rise + 0.15),
        (x + width, y + run, z + rise + 0.15),
        0.24,
    )
    return [make_slab("panel", plate, 0.08), tank]


def _put_panels(rng: Rng, _: Body, at: tuple[float, float], z: float) -> list[Solid]:
    """A few photovoltaic panels in a row."""
    x, y = at
    solids = []
    for k in range(int(rng.integers(2, 6))):
        left = x + k * 1.08
        corners = [
            (left, y, z + 0.15),
            (left + 1.0, y, z + 0.15),
            (left + 1.0, y + 1.6, z + 0.7),
            (left, y + 1.6, z + 0.7),
        ]
        solids.append(make_slab("panel", corners, 0.05))
    return solids


def _put_tank(rng: Rng, _: Body, at: tuple[float, float], z: float) -> list[Solid]:
    x, y = at
    radius, height = between(rng, 0.4, 0.9), between(rng, 0.9, 1.9)
    surface = one_of(rng, ("metal", "plastic", "rubber", "frame"))
    foot = z + between(rng, 0.0, 0.8)
    return [
        make_pipe(surface, (x, y, foot), (x, y, foot + height), radius, sides=14),
        make_box("concrete", (x - radius, y - radius, z), (x + radius, y + radius, foot)),
    ]


def _put_box_tank(rng: Rng, body: Body, at: tuple[float, float], z: float) -> list[Solid]:
    x, y = at
    side, height = between(rng, 1.0, 2.0), between(rng, 1.0, 1.6)
    wall = "concrete" if chance(rng, 0.5) else body.wall
    return [
        make_box(wall, (x - side / 2, y - side / 2, z), (x + side / 2, y + side / 2, z + height))
    ]


def _put_laundry(rng: Rng, _: Body, at: tuple[float, float], z: float) -> list[Solid]:
    x, y = at
    length = between(rng, 2.0, 4.0)
    solids = [
        make_pipe("metal", (x + k * length, y, z), (x + k * length, y, z + 2.0), 0.03, sides=5)
        for k in (0, 1)
    ]
    place = x + 0.2
    while place < x + length - 0.6:
        width, drop = between(rng, 0.4, 1.1), between(rng, 0.5, 1.4)
        cloth = numbered(rng, "cloth", 3)
        solids.append(
            make_box(cloth, (place, y, z + 1.9 - drop), (place + width, y + 0.03, z + 1.9))
        )
        place += width + between(rng, 0.05, 0.5)
    return solids


def _put_skylight(rng: Rng, _: Body, at: tuple[float, float], z: float) -> list[Solid]:
    x, y = at
    side = between(rng, 0.8, 2.0)
    low = make_box("frame", (x, y, z), (x + side, y + side * 0.8, z + 0.35))
    pane = make_box(
        "glass", (x + 0.1, y + 0.1, z + 0.35), (x + side - 0.1, y + side * 0.7, z + 0.4)
    )
    return [low, pane]


def _put_cooler(rng: Rng, _: Body, at: tuple[float, float], z: float) -> list[Solid]:
    x, y = at
    return [
        make_box("frame", (x + k, y, z + 0.1), (x + k + 0.85, y + 0.35, z + 0.75))
        for k in range(int(rng.integers(1, 4)))
    ]


def _put_planters(rng: Rng, _: Body, at: tuple[float, float], z: float) -> list[Solid]:
    x, y = at
    length = between(rng, 1.0, 3.5)
    tub = make_box("timber", (x, y, z), (x + length, y + 0.6, z + 0.4))
    green = make_box(
        numbered(rng, "leaves", 2), (x + 0.05, y + 0.05, z + 0.4), (x + length, y + 0.55, z + 0.8)
    )
    return [tub, green]


def _put_goods(rng: Rng, _: Body, at: tuple[float, float], z: float) -> list[Solid]:
    """Stacked bricks, boards or a tarpaulin: low, coloured, no storey."""
    x, y = at
    surface = one_of(rng, ("brick0", "timber", "cloth2", "steel0", "plastic"))
    size = (between(rng, 0.6, 2.2), between(rng, 0.6, 1.6), between(rng, 0.2, 0.9))
    return [make_box(surface, (x, y, z), (x + size[0], y + size[1], z + size[2]))]


KINDS: Mapping[str, Callable[[Rng, Body, tuple[float, float], float], list[Solid]]] = {
    "solar": _put_solar,
    "panels": _put_panels,
    "tank": _put_tank,
    "box_tank": _put_box_tank,
    "laundry": _put_laundry,
    "skylight": _put_skylight,
    "cooler": _put_cooler,
    "planters": _put_planters,
    "goods": _put_goods,
}
SHARES: Mapping[str, float] = {
    "solar": 0.4,
    "panels": 0.12,
    "tank": 0.4,
    "box_tank": 0.15,
    "laundry": 0.25,
    "skylight": 0.2,
    "cooler": 0.3,
    "planters": 0.2,
    "goods": 0.25,
}
