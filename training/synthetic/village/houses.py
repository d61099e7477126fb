"""A planned house as textured faces, and the bodies that throw its shadows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from training.synthetic.boxes import Body
from training.synthetic.camera import Array
from training.synthetic.rasterize import Face, Image, Texture
from training.synthetic.textures import Rng
from training.synthetic.village.items import build_item
from training.synthetic.village.placing import Placement, list_corners
from training.synthetic.village.plan import Plot
from training.synthetic.village.surfaces import (
    draw_wall_style,
    make_facade,
    make_roof,
    wet_roof,
)
from training.synthetic.village.things import Block, Roof, Structure, Walls

SIDES = ("front", "back", "left", "right")
PARAPET_M = 0.2
SHEET_M = 0.12
POST_M = 0.12


@dataclass(frozen=True, slots=True)
class Built:
    """Unlit faces in the village's axes, and the corners (8, 3) of what throws shadows."""

    faces: list[Face]
    casters: list[Array]


def place_house(plot: Plot) -> Placement:
    """Return where a house's own axes lie."""
    return Placement(np.array([*plot.middle, plot.foot_m]), plot.turn_deg)


def build_house(plot: Plot, structure: Structure, day: int, wet: float) -> Built:
    """Build a house as it stands on a day; ``day`` draws where the rain stands."""
    placement = place_house(plot)
    faces: list[Face] = []
    bodies: list[Body] = []
    prisms: list[Array] = []
    for block in structure.blocks:
        rng = np.random.default_rng(block.seed)
        rain = np.random.default_rng((block.seed, day))
        faces += _build_walls(rng, block)
        roof_faces, prism = _build_roof(rng, block, rain, wet)
        faces += roof_faces
        prisms += [prism] if prism is not None else []
        parapets = _raise_parapets(block, structure)
        faces += [face for one in parapets for face in _face_plain(rng, one)]
        bodies += [*_list_solids(block), *parapets]
    for item in structure.items:
        item_faces, item_bodies = build_item(item)
        faces += item_faces
        bodies += item_bodies
    casters = list_corners(placement, bodies) + [placement.points(one) for one in prisms]
    return Built([placement.face(face) for face in faces], casters)


def _build_walls(rng: Rng, block: Block) -> list[Face]:
    style = draw_wall_style(rng, block.walls)
    if block.walls is Walls.OPEN:
        return [face for post in _list_posts(block.body) for face in _face_plain(rng, post)]
    faces = []
    for side in SIDES:
        is_street = side == "front" and block.walls is Walls.FINISHED
        size_m = block.body.size_of(side)
        pixels = make_facade(rng, block.walls, size_m, style, is_street=is_street)
        faces.append(block.body.face(side, Texture(pixels)))
    return faces


def _build_roof(rng: Rng, block: Block, rain: Rng, wet: float) -> tuple[list[Face], Array | None]:
    """Return the faces of a roof, and the corners (8, 3) of a pitched one."""
    width, depth = block.body.size_of("top")
    if block.ridge_m == 0:
        pixels = make_roof(rng, block.roof, (width, depth))
        wet_roof(rain, pixels, wet)
        return [block.body.face("top", Texture(pixels))], None
    is_along_x = width >= depth
    length, span = (width, depth) if is_along_x else (depth, width)
    middle = (block.body.low + block.body.high) / 2
    own = Placement(
        np.array([middle[0], middle[1], block.body.high[2]]), 0.0 if is_along_x else 90.0
    )
    slope_m = math.hypot(span / 2, block.ridge_m)
    both = make_roof(rng, block.roof, (length, 2 * slope_m))
    wet_roof(rain, both, wet)
    middle_row = both.shape[0] // 2
    slopes = [np.ascontiguousarray(half) for half in (both[:middle_row], both[middle_row:])]
    colour = (206, 208, 206) if block.roof is Roof.STEEL else (150, 146, 138)
    faces = _pitch(slopes, (length, span), block.ridge_m, colour)
    prism = np.array(
        [
            [x * length / 2, 0.0 if z else y * span / 2, z * block.ridge_m]
            for z in (0, 1)
            for y in (-1, 1)
            for x in (-1, 1)
        ]
    )
    return [own.face(face) for face in faces], own.points(prism)


def _pitch(
    slopes: list[Image], size_m: tuple[float, float], rise_m: float, colour: tuple[int, int, int]
) -> list[Face]:
    """Two slopes and two gables about the middle of the eaves, the ridge along x."""
    half, reach = size_m[0] / 2, size_m[1] / 2
    faces = []
    for pixels, way in zip(slopes, (1.0, -1.0), strict=True):
        faces.append(
            Face(
                np.array([-half * way, 0.0, rise_m]),
                np.array([2 * half * way, 0.0, 0.0]),
                np.array([0.0, -reach * way, -rise_m]),
                Texture(pixels),
            )
        )
        faces.append(
            Face(
                np.array([half * way, -reach * way, rise_m]),
                np.array([0.0, 2 * reach * way, 0.0]),
                np.array([0.0, 0.0, -rise_m]),
                Texture(_draw_gable(colour)),
                is_cutout=True,
            )
        )
    return faces


def _draw_gable(colour: tuple[int, int, int]) -> Image:
    rows, columns = np.mgrid[0:1:48j, -1:1:96j]
    inside = np.abs(columns) <= rows
    return np.dstack([np.full(inside.shape, value) * inside for value in (*colour, 255)]).astype(
        np.uint8
    )


def _raise_parapets(block: Block, structure: Structure) -> list[Body]:
    """Walls round a flat roof, but not where another block stands on or against them."""
    if block.parapet_m <= 0:
        return []
    (x_low, y_low, _), (x_high, y_high, top) = block.body.low, block.body.high
    thick = PARAPET_M
    plans = (
        (x_low, y_low, x_high, y_low + thick),
        (x_low, y_high - thick, x_high, y_high),
        (x_low, y_low + thick, x_low + thick, y_high - thick),
        (x_high - thick, y_low + thick, x_high, y_high - thick),
    )
    walls = [
        Body(np.array([a, b, top]), np.array([c, d, top + block.parapet_m])) for a, b, c, d in plans
    ]
    above = [one.body for one in structure.blocks if one.body.low[2] >= top - 0.01]
    return [wall for wall in walls if not any(_swallows(one, wall) for one in above)]


def _swallows(body: Body, wall: Body) -> bool:
    return bool(
        (body.low[:2] <= wall.low[:2] + 0.01).all()
        and (body.high[:2] >= wall.high[:2] - 0.01).all()
    )


def _list_solids(block: Block) -> list[Body]:
    if block.walls is not Walls.OPEN:
        return [block.body]
    low = block.body.low.copy()
    low[2] = block.body.high[2] - SHEET_M
    return [Body(low, block.body.high), *_list_posts(block.body)]


def _list_posts(body: Body) -> list[Body]:
    posts = []
    for x in np.linspace(body.low[0] + 0.1, body.high[0] - 0.1 - POST_M, 3):
        for y in (body.low[1] + 0.1, body.high[1] - 0.1 - POST_M):
            foot = np.array([x, y, body.low[2]])
            head = np.array([x + POST_M, y + POST_M, body.high[2] - SHEET_M])
            posts.append(Body(foot, head))
    return posts


def _face_plain(rng: Rng, body: Body) -> list[Face]:
    tone = float(rng.uniform(140, 200))
    pixels = np.full((8, 8, 3), (tone, tone * 0.98, tone * 0.95)).astype(np.uint8)
    return [body.face(side, Texture(pixels)) for side in (*SIDES, "top")]
