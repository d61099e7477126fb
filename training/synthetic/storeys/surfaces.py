"""What walls, roofs and the ground look like: small tiles of texture, drawn anew for each scene.

Two wardrobes: ``TRAIN`` and ``HELD_OUT`` share no colour of a wall, a steel sheet or a roof tile,
so that the measured set shows materials that were never trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from training.synthetic.rasterize import FloatImage, Image
from training.synthetic.textures import (
    Colour,
    Rng,
    colourise,
    draw_grain,
    make_asphalt,
    make_concrete,
    make_grass,
    octave_noise,
)

TEXELS = 256
Wardrobe = Literal["train", "held_out"]


@dataclass(frozen=True, slots=True)
class Surface:
    """A tile of ``texture`` (256, 256, 3) that spans ``size_m``; how rough and how metallic."""

    texture: Image
    size_m: float
    roughness: float = 0.85
    metallic: float = 0.0
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Colours:
    """Colours that one wardrobe may wear, RGB 0..255."""

    walls: Sequence[Colour]
    steel: Sequence[Colour]
    tiles: Sequence[Colour]
    brick: Sequence[Colour]
    paint: Sequence[Colour]


WARDROBES: Mapping[Wardrobe, Colours] = {
    "train": Colours(
        walls=(
            (214, 208, 196),
            (228, 226, 220),
            (196, 182, 160),
            (210, 178, 150),
            (176, 176, 172),
            (224, 206, 170),
            (188, 148, 128),
            (160, 168, 172),
            (236, 234, 230),
            (150, 140, 126),
        ),
        steel=(
            (52, 108, 176),
            (74, 134, 196),
            (214, 218, 220),
            (168, 54, 48),
            (170, 176, 180),
            (76, 128, 96),
            (36, 84, 150),
            (232, 232, 228),
            (150, 82, 66),
        ),
        tiles=((148, 72, 56), (96, 98, 104), (178, 96, 64), (58, 92, 140), (120, 60, 52)),
        brick=((158, 84, 64), (172, 98, 76), (142, 74, 58), (164, 160, 152), (150, 148, 144)),
        paint=((200, 40, 40), (240, 240, 236), (30, 32, 36), (150, 154, 160), (40, 70, 130)),
    ),
    "held_out": Colours(
        walls=(
            (202, 196, 206),
            (230, 214, 198),
            (184, 190, 176),
            (216, 190, 184),
            (168, 156, 148),
            (240, 228, 206),
            (144, 152, 146),
        ),
        steel=(
            (28, 120, 168),
            (120, 40, 46),
            (222, 212, 184),
            (44, 132, 128),
            (196, 204, 212),
            (64, 96, 200),
        ),
        tiles=((164, 60, 40), (78, 84, 82), (186, 116, 86), (40, 104, 112)),
        brick=((178, 86, 58), (134, 84, 74), (176, 170, 158)),
        paint=((220, 160, 30), (110, 116, 122), (226, 228, 232), (96, 26, 34)),
    ),
}


def draw_surfaces(rng: Rng, wardrobe: Wardrobe) -> dict[str, Surface]:
    """Return one surface for each name that solids may wear; numbered ones differ from each other.

    ``wall0..5``, ``roof0..3``, ``steel0..3``, ``tile0..1``, ``brick0..1``, ``paint0..4`` and the
    plain names of ``_PLAIN``.
    """
    colours = WARDROBES[wardrobe]
    drawn = {f"wall{k}": _draw_wall(rng, colours) for k in range(6)}
    drawn |= {f"roof{k}": _draw_flat_roof(rng) for k in range(4)}
    drawn |= {f"steel{k}": _draw_steel(rng, colours) for k in range(4)}
    drawn |= {f"tile{k}": _draw_tiles(rng, colours) for k in range(2)}
    drawn |= {f"brick{k}": _draw_brick(rng, colours) for k in range(2)}
    drawn |= {f"paint{k}": _draw_paint(rng, _pick(rng, colours.paint)) for k in range(5)}
    return drawn | {name: draw(rng) for name, draw in _PLAIN.items()}


def _pick(rng: Rng, colours: Sequence[Colour]) -> Colour:
    """A colour near one of the list."""
    base = np.array(colours[int(rng.integers(len(colours)))])
    near = np.clip(base * rng.uniform(0.88, 1.1) + rng.normal(0, 4, 3), 6, 250)
    return (float(near[0]), float(near[1]), float(near[2]))


def _stripes(pitch: float, width: float, *, along: int) -> FloatImage:
    """1 on lines ``width`` texels wide every ``pitch`` texels (a divisor of the tile)."""
    place = np.arange(TEXELS) % pitch
    line = (place < width).astype(np.float32)
    shape = (1, TEXELS) if along == 0 else (TEXELS, 1)
    return np.asarray(np.broadcast_to(line.reshape(shape), (TEXELS, TEXELS)), dtype=np.float32)


def _weather(rng: Rng, strength: float) -> FloatImage:
    noise = octave_noise(rng, (TEXELS, TEXELS), 90.0, 3.0, stretch=float(rng.uniform(1, 2.5)))
    return np.asarray(1.0 + strength * noise, dtype=np.float32)


def _draw_wall(rng: Rng, colours: Colours) -> Surface:
    """Plaster or small facing tiles."""
    luminance = _weather(rng, float(rng.uniform(0.02, 0.09)))
    if rng.random() < 0.5:  # noqa: PLR2004 - half of the walls are tiled
        pitch = float(rng.choice([8, 16, 32]))
        joints = np.maximum(_stripes(pitch, 1, along=0), _stripes(pitch, 1, along=1))
        luminance *= np.float32(1) - np.float32(rng.uniform(0.08, 0.25)) * joints
    return Surface(colourise(luminance, _pick(rng, colours.walls)), 3.0)


def _draw_flat_roof(rng: Rng) -> Surface:
    """Concrete, bitumen felt, heat tiles or painted waterproofing."""
    tone = float(rng.uniform(62, 196))
    tint = [(1.0, 1.0, 0.97), (0.96, 0.98, 1.0), (0.8, 1.0, 0.86), (1.1, 0.84, 0.76)]
    weights = [0.5, 0.3, 0.1, 0.1]
    red, green, blue = tint[int(rng.choice(4, p=weights))]
    luminance = _weather(rng, float(rng.uniform(0.06, 0.16)))
    if rng.random() < 0.45:  # noqa: PLR2004 - the share of roofs laid with slabs
        pitch = float(rng.choice([16, 32]))
        joints = np.maximum(_stripes(pitch, 1, along=0), _stripes(pitch, 1, along=1))
        luminance *= np.float32(1) - np.float32(0.2) * joints
    return Surface(colourise(luminance, (tone * red, tone * green, tone * blue)), 6.0)


def _draw_steel(rng: Rng, colours: Colours) -> Surface:
    """Profiled sheet: ribs every 0.2 to 0.4 m, a bright and a dark flank each, some rust."""
    pitch = float(rng.choice([16, 32]))
    place = (np.arange(TEXELS) % pitch) / pitch
    depth = float(rng.uniform(0.08, 0.3))
    flank = np.where(place < 0.18, depth, np.where(place < 0.36, -depth, 0.0))  # noqa: PLR2004
    luminance = _weather(rng, float(rng.uniform(0.02, 0.07))) * (1 + flank[None, :])
    pixels = colourise(np.asarray(luminance, dtype=np.float32), _pick(rng, colours.steel))
    if rng.random() < 0.3:  # noqa: PLR2004 - the share that rusts
        rust = np.clip(octave_noise(rng, (TEXELS, TEXELS), 60.0, 2.0, stretch=2.0) - 0.7, 0, 1)
        share = (0.8 * rust)[..., None]
        pixels = (pixels * (1 - share) + np.array([120, 72, 48]) * share).astype(np.uint8)
    return Surface(pixels, 3.2, float(rng.uniform(0.3, 0.6)), float(rng.uniform(0.0, 0.3)))


def _draw_tiles(rng: Rng, colours: Colours) -> Surface:
    """Roof tiles: rows with a shadow, rounds across them."""
    rows = 1 - 0.45 * _stripes(16, 4, along=1)
    rounds = 1 + 0.2 * np.sin(np.arange(TEXELS) * 2 * np.pi / 16)[None, :]
    grain = 1 + 0.08 * draw_grain(rng, (TEXELS, TEXELS), 0.02, 0.15)
    luminance = rows * rounds * grain * _weather(rng, 0.08)
    return Surface(colourise(luminance.astype(np.float32), _pick(rng, colours.tiles)), 4.0, 0.6)


def _draw_brick(rng: Rng, colours: Colours) -> Surface:
    """Bare bricks or blocks in pale joints, each unit of its own tone."""
    height = int(rng.choice([8, 16]))
    rows, columns = TEXELS // height, TEXELS // (2 * height)
    tone = np.kron(rng.normal(1, 0.14, (rows, columns)), np.ones((height, 2 * height)))
    for row in range(1, rows, 2):
        tone[row * height : (row + 1) * height] = np.roll(
            tone[row * height : (row + 1) * height], height, axis=1
        )
    pixels = colourise(tone.astype(np.float32), _pick(rng, colours.brick))
    joints = _stripes(height, 1, along=1)
    upright = np.zeros((TEXELS, TEXELS), dtype=np.float32)
    for row in range(rows):
        shift = height if row % 2 else 0
        upright[row * height : (row + 1) * height, shift :: 2 * height] = 1
    share = (0.75 * np.maximum(joints, upright))[..., None]
    mixed = pixels * (1 - share) + np.array([186, 182, 174]) * share
    return Surface(mixed.astype(np.uint8), 2.4 if height == 8 else 5.0)  # noqa: PLR2004


def _draw_paint(rng: Rng, colour: Colour) -> Surface:
    return Surface(colourise(_weather(rng, 0.03), colour), 3.0, 0.35)


def _draw_concrete(rng: Rng) -> Surface:
    tone = float(rng.uniform(120, 185))
    texture = make_concrete(rng, (TEXELS, TEXELS), 0.02, (tone, tone * 0.99, tone * 0.95))
    return Surface(texture, 5.0)


def _draw_lane(rng: Rng) -> Surface:
    if rng.random() < 0.5:  # noqa: PLR2004 - asphalt or concrete lanes
        return Surface(make_asphalt(rng, (TEXELS, TEXELS), 0.04, float(rng.uniform(60, 130))), 10.0)
    return Surface(_draw_concrete(rng).texture, 8.0)


def _draw_ground(rng: Rng) -> Surface:
    if rng.random() < 0.4:  # noqa: PLR2004 - green ground, else yards and soil
        return Surface(make_grass(rng, (TEXELS, TEXELS), 0.05), 13.0)
    base = np.array([128, 116, 98]) * rng.uniform(0.7, 1.35)
    return Surface(colourise(_weather(rng, 0.16), (base[0], base[1], base[2])), 14.0)


def _draw_plain(
    colour: Colour, *, noise: float = 0.04, roughness: float = 0.6, metallic: float = 0.0
) -> Callable[[Rng], Surface]:
    def draw(rng: Rng) -> Surface:
        toned = np.clip(np.array(colour) * rng.uniform(0.8, 1.2), 4, 250)
        pixels = colourise(_weather(rng, noise), (toned[0], toned[1], toned[2]))
        return Surface(pixels, 2.0, roughness, metallic)

    return draw


def _draw_netting(rng: Rng) -> Surface:
    """Green or blue safety net, or grey, half see-through."""
    colours: Sequence[Colour] = ((40, 110, 70), (46, 120, 96), (60, 90, 150), (120, 126, 120))
    pixels = colourise(_weather(rng, 0.15), colours[int(rng.integers(len(colours)))])
    return Surface(pixels, 4.0, 0.9, 0.0, float(rng.uniform(0.55, 0.95)))


_PLAIN: Mapping[str, Callable[[Rng], Surface]] = {
    "concrete": _draw_concrete,
    "lane": _draw_lane,
    "ground": _draw_ground,
    "netting": _draw_netting,
    "glass": _draw_plain((34, 42, 50), roughness=0.15),
    "frame": _draw_plain((210, 212, 214)),
    "panel": _draw_plain((22, 28, 52), roughness=0.15),
    "metal": _draw_plain((170, 174, 178), roughness=0.35, metallic=0.6),
    "plastic": _draw_plain((52, 84, 140)),
    "rubber": _draw_plain((26, 26, 28)),
    "bamboo": _draw_plain((168, 138, 86)),
    "leaves0": _draw_plain((52, 84, 38), noise=0.35, roughness=0.9),
    "leaves1": _draw_plain((86, 104, 46), noise=0.35, roughness=0.9),
    "cloth0": _draw_plain((200, 70, 90)),
    "cloth1": _draw_plain((232, 230, 224)),
    "cloth2": _draw_plain((70, 110, 180)),
    "timber": _draw_plain((132, 104, 72), noise=0.12),
}
