"""What stands on roofs: stairwells, tanks, solar heaters, planters, sheds, awnings, laundry."""

from __future__ import annotations

import numpy as np

from training.synthetic.boxes import SIDES, Body
from training.synthetic.rasterize import Face, Image, Texture
from training.synthetic.textures import Colour, Rng, make_concrete, make_grass, octave_noise
from training.synthetic.village.surfaces import STEEL_COLOURS, TEXEL_M, make_sheet
from training.synthetic.village.things import Item

TANKS: tuple[Colour, ...] = ((196, 200, 204), (52, 84, 140), (160, 162, 164), (210, 206, 196))
CLOTHES: tuple[Colour, ...] = ((196, 60, 60), (222, 220, 214), (70, 96, 150), (214, 180, 90))
LEG_M = 0.08


def build_item(item: Item) -> tuple[list[Face], list[Body]]:
    """Return the faces of a thing in its house's axes, and the bodies of its shadow."""
    rng = np.random.default_rng(item.seed)
    if item.kind == "heater":
        return _build_heater(item.body)
    if item.kind == "awning":
        return _build_awning(rng, item.body)
    if item.kind == "laundry":
        return _build_laundry(rng, item.body)
    faces = []
    for side in SIDES:
        width, height = item.body.size_of(side)
        shape = (max(8, round(height / TEXEL_M)), max(8, round(width / TEXEL_M)))
        faces.append(item.body.face(side, Texture(_draw_side(rng, item.kind, side, shape))))
    return faces, [item.body]


def _draw_side(rng: Rng, kind: str, side: str, shape: tuple[int, int]) -> Image:
    if kind == "planter" and side == "top":
        return make_grass(rng, shape, TEXEL_M)
    if kind == "shed":
        colour = STEEL_COLOURS[0] if side == "top" else (204, 206, 206)
        return make_sheet(rng, shape, colour)
    if kind == "tank":
        return make_concrete(rng, shape, TEXEL_M, TANKS[int(rng.integers(len(TANKS)))])
    if kind == "clutter":
        red, green, blue = rng.uniform(50, 190, 3).tolist()
        return make_concrete(rng, shape, TEXEL_M, (red, green, blue))
    tone = float(rng.uniform(130, 195))
    pixels = make_concrete(rng, shape, TEXEL_M, (tone, tone * 0.98, tone * 0.95))
    if side == "front" and kind == "stairwell":
        door = pixels[-round(2.0 / TEXEL_M) :, round(0.5 / TEXEL_M) : round(1.4 / TEXEL_M)]
        door[...] = (70, 62, 56)
    return pixels


def _build_heater(body: Body) -> tuple[list[Face], list[Body]]:
    """Dark glass tubes leaning on a frame, with a bright drum at the head."""
    low, high = body.low, body.high
    shape = (40, 48)
    tubes = np.zeros((*shape, 3), dtype=np.uint8) + np.uint8(34)
    tubes[:, ::3] = (86, 92, 110)
    panel = Face(
        np.array([low[0], high[1], high[2] - 0.2]),
        np.array([high[0] - low[0], 0.0, 0.0]),
        np.array([0.0, low[1] - high[1], low[2] + 0.25 - (high[2] - 0.2)]),
        Texture(tubes),
    )
    drum = Body(np.array([low[0], high[1] - 0.45, high[2] - 0.45]), high)
    silver = np.full((8, 8, 3), 205, dtype=np.uint8)
    faces = [panel, *(drum.face(side, Texture(silver)) for side in SIDES)]
    return faces, [drum, Body(np.array([low[0], low[1], low[2]]), high - np.array([0, 0.8, 0.6]))]


def _build_awning(rng: Rng, body: Body) -> tuple[list[Face], list[Body]]:
    """A low sheet on legs: wide, but lower than a storey."""
    width, depth = body.size_of("top")
    shape = (round(depth / TEXEL_M), round(width / TEXEL_M))
    colour = STEEL_COLOURS[int(rng.integers(len(STEEL_COLOURS)))]
    sheet = Body(body.low + np.array([0, 0, float(body.high[2] - body.low[2]) - 0.06]), body.high)
    edge = np.full((8, 8, 3), 150, dtype=np.uint8)
    faces = [sheet.face("top", Texture(make_sheet(rng, shape, colour)))]
    faces += [sheet.face(side, Texture(edge)) for side in SIDES[:4]]
    for x in (body.low[0], body.high[0] - LEG_M):
        for y in (body.low[1], body.high[1] - LEG_M):
            leg = Body(
                np.array([x, y, body.low[2]]), np.array([x + LEG_M, y + LEG_M, sheet.low[2]])
            )
            faces += [leg.face(side, Texture(edge)) for side in SIDES[:4]]
    return faces, [sheet]


def _build_laundry(rng: Rng, body: Body) -> tuple[list[Face], list[Body]]:
    """Sheets on lines, seen from both sides."""
    width = float(body.high[0] - body.low[0])
    faces, bodies = [], []
    for y in np.linspace(body.low[1] + 0.1, body.high[1] - 0.1, 3).tolist():
        x = float(body.low[0]) + float(rng.uniform(0, 0.3))
        while x < body.low[0] + width - 0.6:
            reach, drop = float(rng.uniform(0.5, 1.4)), float(rng.uniform(0.6, 1.3))
            reach = min(reach, float(body.high[0]) - x)
            colour = CLOTHES[int(rng.integers(len(CLOTHES)))]
            folds = 1 + 0.1 * octave_noise(rng, (16, 16), 6.0)
            pixels = np.clip(folds[..., None] * np.array(colour), 0, 255).astype(np.uint8)
            top = float(body.high[2])
            cloth = Body(np.array([x, y, top - drop]), np.array([x + reach, y + 0.02, top]))
            faces += [cloth.face(side, Texture(pixels)) for side in SIDES]
            bodies.append(cloth)
            x += reach + float(rng.uniform(0.05, 0.4))
    return faces, bodies
