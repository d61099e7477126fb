"""Textures of roofs and walls at the grain that a drone sees from sixty metres."""

from __future__ import annotations

import numpy as np

from training.synthetic.facades import BRICKS, WallStyle, draw_style, make_wall
from training.synthetic.rasterize import Image
from training.synthetic.textures import (
    Colour,
    Rng,
    colourise,
    make_concrete,
    make_courses,
    octave_noise,
    shade,
)
from training.synthetic.village.things import Roof, Walls

TEXEL_M = 0.05
STEEL_COLOURS: tuple[Colour, ...] = (
    (62, 104, 160),
    (70, 122, 158),
    (196, 200, 202),
    (150, 60, 48),
    (120, 128, 132),
)
COAT_COLOURS: tuple[Colour, ...] = (
    (198, 198, 192),
    (150, 152, 150),
    (92, 132, 104),
    (150, 74, 58),
    (172, 168, 158),
)
SLAB_COLOURS: tuple[tuple[Colour, ...], ...] = (
    ((148, 92, 74), (158, 102, 82), (138, 86, 70)),
    ((170, 164, 150), (160, 156, 144)),
    ((132, 134, 132), (146, 146, 142)),
)
TILE_COLOURS: tuple[tuple[Colour, ...], ...] = (
    ((84, 82, 80), (98, 94, 90), (72, 72, 72)),
    ((142, 82, 62), (156, 92, 68), (126, 74, 58)),
)


def make_roof(rng: Rng, roof: Roof, size_m: tuple[float, float]) -> Image:
    """Draw a roof of (width, depth) metres in full sun, dry."""
    shape = (max(8, round(size_m[1] / TEXEL_M)), max(8, round(size_m[0] / TEXEL_M)))
    if roof is Roof.STEEL:
        return make_sheet(rng, shape, STEEL_COLOURS[int(rng.integers(len(STEEL_COLOURS)))])
    if roof is Roof.BLANK:
        return _make_coat(rng, shape)
    if roof is Roof.CONCRETE:
        return _make_weathered(rng, shape)
    colours = SLAB_COLOURS if roof is Roof.SLABS else TILE_COLOURS
    palette = colours[int(rng.integers(len(colours)))]
    unit = float(rng.choice([0.3, 0.5])) if roof is Roof.SLABS else 0.25
    pixels = make_courses(
        rng,
        shape,
        TEXEL_M,
        unit_m=(unit, unit if roof is Roof.SLABS else 0.3),
        joint_m=0.05,
        colours=palette,
        joint_colour=tuple(np.multiply(palette[0], 0.7).tolist()),
        is_staggered=roof is Roof.TILES,
        variation=0.06,
    )
    _weather(rng, pixels, 0.25)
    return pixels


def make_sheet(rng: Rng, shape: tuple[int, int], colour: Colour) -> Image:
    """Ribbed coated sheet: the same rib every 0.8 m, hardly a mark on it."""
    pixels = make_concrete(rng, shape, TEXEL_M, colour)
    phase = np.arange(shape[1]) * TEXEL_M / 0.8 % 1
    rib = 1.0 - 0.2 * (phase < 0.1) + 0.08 * ((phase > 0.1) & (phase < 0.2))  # noqa: PLR2004
    shade(pixels, np.repeat(rib[None, :], shape[0], axis=0).astype(np.float32))
    rust = octave_noise(rng, shape, 1.5 / TEXEL_M, 3.0, stretch=3.0)
    shade(pixels, 1 - np.float32(0.3) * np.clip(rust - 1.3, 0, 1), (0.4, 1.0, 1.4))
    return pixels


def make_facade(
    rng: Rng, walls: Walls, size_m: tuple[float, float], style: WallStyle, *, is_street: bool
) -> Image:
    """Draw a wall of (width, height) metres in full sun."""
    if walls is Walls.STEEL:
        shape = (max(8, round(size_m[1] / TEXEL_M)), max(8, round(size_m[0] / TEXEL_M)))
        return make_sheet(rng, shape, (206, 208, 206))
    has_windows = walls is Walls.BARE or bool(rng.random() < 0.85)  # noqa: PLR2004 - blind gables
    wall = make_wall(rng, size_m, TEXEL_M, style, has_windows=has_windows, is_street_side=is_street)
    return wall.pixels


def draw_wall_style(rng: Rng, walls: Walls) -> WallStyle:
    """Draw what a house is faced with; bare walls are raw brick or grey block."""
    if walls is not Walls.BARE:
        return draw_style(rng)
    if rng.random() < 0.6:  # noqa: PLR2004 - brick or block
        return WallStyle("brick", BRICKS[int(rng.integers(2))], (0.25, 0.075), (150, 146, 140))
    tone = float(rng.uniform(130, 165))
    return WallStyle("concrete", ((tone, tone * 0.99, tone * 0.97),), None, (90, 90, 88))


def wet_roof(rng: Rng, pixels: Image, wet: float) -> None:
    """Darken a roof in place where rain stands on it; 0 leaves it dry."""
    if wet <= 0:
        return
    puddles = octave_noise(rng, pixels.shape[:2], 4.0 / TEXEL_M, 6.0)
    shade(pixels[..., :3], 1 - np.float32(0.35 * wet) * np.clip(puddles + 0.6, 0, 1))


def _make_coat(rng: Rng, shape: tuple[int, int]) -> Image:
    """An even coat of paint: marks far below what a camera's noise lets through."""
    colour = np.multiply(COAT_COLOURS[int(rng.integers(len(COAT_COLOURS)))], rng.uniform(0.9, 1.1))
    soft = octave_noise(rng, shape, 6.0 / TEXEL_M, 2.0 / TEXEL_M)
    return colourise(1.0 + np.float32(0.012) * soft, (*colour.tolist(),))


def _make_weathered(rng: Rng, shape: tuple[int, int]) -> Image:
    tone, warmth = float(rng.uniform(100, 165)), float(rng.uniform(-0.05, 0.1))
    pixels = make_concrete(rng, shape, TEXEL_M, (tone * (1 + warmth), tone, tone * 0.95))
    for x in np.arange(0, shape[1], round(float(rng.uniform(2.5, 5.0)) / TEXEL_M)):
        seam = pixels[:, int(x) : int(x) + 2]
        shade(seam, np.full(seam.shape[:2], 0.78, dtype=np.float32))
    _weather(rng, pixels, 0.45)
    return pixels


def _weather(rng: Rng, pixels: Image, strength: float) -> None:
    """Moss, soot and where water has stood."""
    stains = octave_noise(rng, pixels.shape[:2], 2.5 / TEXEL_M, 2.0)
    shade(pixels, 1 - np.float32(strength) * np.clip(stains - 0.3, 0, 1.2))
