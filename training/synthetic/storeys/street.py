"""Rows of houses with lanes, yards, trees, cars, sheds and containers between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.synthetic.storeys.additions import build_addition, choose_part, list_free
from training.synthetic.storeys.draws import between, chance, numbered
from training.synthetic.storeys.furniture import build_stairwell, furnish
from training.synthetic.storeys.house import Body, build_body, draw_body
from training.synthetic.storeys.solids import (
    Solid,
    make_blob,
    make_box,
    make_gable,
    make_pipe,
    make_slab,
    place_all,
)
from training.synthetic.storeys.surfaces import Surface, Wardrobe, draw_surfaces
from training.synthetic.textures import Rng

Spot = tuple[float, float, float]

HALF_M = 42.0
FAR_M = 400.0


@dataclass(frozen=True, slots=True)
class Street:
    """Everything that stands, its surfaces, and where the additions (or else houses) are.

    ``added`` are the middles of the additions in the order of their numbers from 1, ``houses``
    of all roofs; metres.
    """

    solids: tuple[Solid, ...]
    surfaces: dict[str, Surface]
    added: tuple[Spot, ...]
    houses: tuple[Spot, ...]


def build_street(rng: Rng, wardrobe: Wardrobe) -> Street:
    """Draw a street; some have no addition at all."""
    share = 0.0 if chance(rng, 0.15) else between(rng, 0.2, 0.6)
    lane_m, gap_m = between(rng, 3.0, 9.0), between(rng, 0.2, 5.0)
    solids = _lay_ground(rng)
    added: list[Spot] = []
    houses: list[Spot] = []
    y = -HALF_M
    while y < HALF_M - 8:
        x, row_depth = -HALF_M + between(rng, 0, 5), 0.0
        while x < HALF_M - 8:
            body = draw_body(rng)
            if chance(rng, 0.05):
                solids += place_all(_build_hall(rng), (x + 9, y + 7), 0.0)
                x, row_depth = x + 19 + gap_m, max(row_depth, 14.0)
                continue
            center = (x + body.width_m / 2, y + body.depth_m / 2)
            turn = float(rng.normal(0, 1.5)) + 180 * int(rng.integers(2))
            thing = len(added) + 1 if body.is_flat and chance(rng, share) else 0
            solids += place_all(_build_house(rng, body, thing), center, turn)
            houses.append((*center, body.roof_m))
            if thing:
                added.append((*center, body.roof_m + 1.5))
            solids += _dress_yard(rng, (x, y - lane_m), (x + body.width_m, y))
            x += body.width_m + max(0.15, gap_m * between(rng, 0.3, 1.5))
            row_depth = max(row_depth, body.depth_m)
        y += row_depth + lane_m * between(rng, 0.7, 1.6)
    return Street(tuple(solids), draw_surfaces(rng, wardrobe), tuple(added), tuple(houses))


def _build_house(rng: Rng, body: Body, thing: int) -> list[Solid]:
    solids = build_body(rng, body)
    if not body.is_flat:
        return solids
    x, y = body.width_m / 2 - 0.3, body.depth_m / 2 - 0.3
    area: tuple[float, float, float, float] | None = (-x, -y, x, y)
    if thing:
        part = choose_part(rng, body)
        solids += build_addition(rng, body, part, thing)
        area = list_free(body, part)
    if area is None:
        return solids
    if chance(rng, 0.55):
        solids += build_stairwell(rng, body, area, body.roof_m + 0.05)
    return solids + furnish(rng, body, area, body.roof_m + 0.05)


def _lay_ground(rng: Rng) -> list[Solid]:
    corners = [
        (-FAR_M, -FAR_M, 0.0),
        (FAR_M, -FAR_M, 0.0),
        (FAR_M, FAR_M, 0.0),
        (-FAR_M, FAR_M, 0.0),
    ]
    solids = [make_slab("ground", corners, 0.1)]
    near = [(x * 1.1 / FAR_M * HALF_M, y * 1.1 / FAR_M * HALF_M, 0.02) for x, y, _ in corners]
    if chance(rng, 0.7):
        solids.append(make_slab("lane", near, 0.01))
    return solids


def _build_hall(rng: Rng) -> list[Solid]:
    """A workshop that is steel from the ground up: what fools, and is no addition."""
    steel = numbered(rng, "steel", 4)
    high = between(rng, 4.0, 8.0)
    wall = make_box(steel if chance(rng, 0.5) else "wall0", (-8, -6, 0), (8, 6, high))
    return [wall, *make_gable(steel, steel, (-8, -6, high), (8, 6, high + 1.8), 0.4)]


def _dress_yard(rng: Rng, low: tuple[float, float], high: tuple[float, float]) -> list[Solid]:
    """Cars, trees, sheds, containers and poles in the lane before a house."""
    solids: list[Solid] = []
    at = (between(rng, low[0], high[0]), between(rng, low[1], high[1]))
    if chance(rng, 0.35):
        solids += place_all(_build_car(rng), at, float(rng.choice([0, 90, 180, 8, -12])))
    if chance(rng, 0.3):
        solids += place_all(_build_tree(rng), (high[0], high[1] - 1.5), 0.0)
    if chance(rng, 0.22):
        solids += place_all(_build_shed(rng), (at[0], high[1] - 1.2), 0.0)
    if chance(rng, 0.1):
        surface = numbered(rng, "steel", 4) if chance(rng, 0.6) else numbered(rng, "paint", 5)
        box = make_box(surface, (-3.0, -1.2, 0), (3.0, 1.2, 2.6))
        solids += place_all([box], at, between(rng, 0, 180))
    if chance(rng, 0.15):
        solids.append(
            make_pipe("concrete", (low[0], low[1] + 0.4, 0), (low[0], low[1] + 0.4, 9), 0.14)
        )
    return solids


def _build_car(rng: Rng) -> list[Solid]:
    paint = numbered(rng, "paint", 5)
    return [
        make_box(paint, (-2.2, -0.85, 0.3), (2.2, 0.85, 0.9)),
        make_box("glass", (-1.3, -0.78, 0.9), (1.1, 0.78, 1.35)),
        make_box(paint, (-1.1, -0.74, 1.35), (0.9, 0.74, 1.45)),
        make_box("rubber", (-1.6, -0.87, 0.0), (-1.0, 0.87, 0.55)),
        make_box("rubber", (1.0, -0.87, 0.0), (1.6, 0.87, 0.55)),
    ]


def _build_tree(rng: Rng) -> list[Solid]:
    high = between(rng, 3.0, 9.0)
    leaves = numbered(rng, "leaves", 2)
    solids = [make_pipe("timber", (0, 0, 0), (0, 0, high), 0.15, sides=6)]
    for _ in range(int(rng.integers(2, 6))):
        off = rng.normal(0, 0.9, 3)
        center = (float(off[0]), float(off[1]), high + float(off[2]))
        solids.append(make_blob(rng, leaves, center, between(rng, 0.8, 2.0)))
    return solids


def _build_shed(rng: Rng) -> list[Solid]:
    """A lean-to of steel sheet on the ground: what fools."""
    steel = numbered(rng, "steel", 4)
    width, depth, high = between(rng, 2, 6), between(rng, 1.2, 2.4), between(rng, 2.0, 2.8)
    corners = [
        (-0.2, -depth, high),
        (width + 0.2, -depth, high),
        (width + 0.2, 0.1, high + 0.5),
        (-0.2, 0.1, high + 0.5),
    ]
    walls = make_box(
        steel if chance(rng, 0.5) else "brick0", (0, -depth, 0), (width, 0, high - 0.1)
    )
    return [walls, make_slab(steel, corners, 0.06)]


def aim_point(rng: Rng, street: Street) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """A point to look at: near an addition in most photos, else near a roof."""
    places = street.added if street.added and chance(rng, 0.8) else street.houses
    place = np.array(places[int(rng.integers(len(places)))])
    return np.asarray(place + rng.normal(0, 3.0, 3) * [1, 1, 0], dtype=np.float64)
