"""Walls as textures: plaster, brick, tile or concrete with windows, bands, pipes and stains."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from training.synthetic.rasterize import Image
from training.synthetic.textures import (
    Colour,
    Rng,
    make_concrete,
    make_courses,
    octave_noise,
    paint,
    shade,
)
from training.synthetic.windows import draw_window

RectM = tuple[float, float, float, float]

PLASTERS: tuple[Colour, ...] = (
    (206, 198, 182),
    (188, 180, 166),
    (214, 206, 196),
    (196, 178, 150),
    (176, 176, 172),
    (208, 186, 164),
    (170, 160, 146),
    (150, 146, 140),
    (186, 150, 128),
    (160, 172, 176),
)
BRICKS: tuple[tuple[Colour, ...], ...] = (
    ((150, 84, 66), (162, 94, 72), (138, 76, 62)),
    ((128, 86, 74), (112, 78, 70)),
    ((168, 128, 98), (178, 138, 106)),
    ((126, 124, 120), (114, 112, 110)),
)
TILES: tuple[Colour, ...] = ((206, 204, 198), (190, 176, 160), (176, 150, 138), (168, 178, 180))
STOREY_M = 3.0


@dataclass(frozen=True, slots=True)
class WallStyle:
    """What a wall is made of; ``unit_m`` is the brick (width, height), None without courses."""

    kind: str
    colours: tuple[Colour, ...]
    unit_m: tuple[float, float] | None
    joint_colour: Colour


@dataclass(slots=True)
class Wall:
    """Pixels of a wall, ``texel_m`` apart.

    Rectangles are metres (x_min, y_min, x_max, y_max) from the bottom left corner.
    """

    pixels: Image
    texel_m: float
    style: WallStyle
    windows: list[RectM] = field(default_factory=list)

    @property
    def height_m(self) -> float:
        """Height of the wall in metres."""
        return float(self.pixels.shape[0] * self.texel_m)

    @property
    def width_m(self) -> float:
        """Width of the wall in metres."""
        return float(self.pixels.shape[1] * self.texel_m)

    def part(self, rect_m: RectM) -> Image:
        """View of the pixels inside a rectangle of the wall, cut at its border."""
        x_min, y_min, x_max, y_max = (value / self.texel_m for value in rect_m)
        rows = self.pixels.shape[0]
        top, bottom = max(0, round(rows - y_max)), max(0, round(rows - y_min))
        return self.pixels[top:bottom, max(0, round(x_min)) : max(0, round(x_max))]


def draw_style(rng: Rng) -> WallStyle:
    """Draw a material and its colours."""
    kind = str(rng.choice(["plaster", "brick", "tile", "concrete"], p=[0.45, 0.25, 0.15, 0.15]))
    if kind == "brick":
        colours = BRICKS[int(rng.integers(len(BRICKS)))]
        tone = rng.uniform(120, 200)
        return WallStyle(kind, colours, (0.25, 0.075), (tone, tone * 0.97, tone * 0.92))
    if kind == "tile":
        colour = TILES[int(rng.integers(len(TILES)))]
        joint = tuple(np.multiply(colour, rng.uniform(0.65, 0.95)).tolist())
        return WallStyle(kind, (colour,), (float(rng.choice([0.1, 0.2, 0.3])), 0.1), joint)
    if kind == "concrete":
        tone = rng.uniform(110, 190)
        return WallStyle(kind, ((tone, tone * 0.98, tone * 0.95),), None, (90, 90, 88))
    return WallStyle(kind, (PLASTERS[int(rng.integers(len(PLASTERS)))],), None, (90, 88, 84))


def make_wall(
    rng: Rng,
    size_m: tuple[float, float],
    texel_m: float,
    style: WallStyle,
    *,
    has_windows: bool,
    is_street_side: bool = True,
) -> Wall:
    """Make a wall of ``size_m`` (width, height), unlit (as in full sun)."""
    shape = (max(8, round(size_m[1] / texel_m)), max(8, round(size_m[0] / texel_m)))
    wall = Wall(_make_surface(rng, shape, texel_m, style), texel_m, style)
    _stain(rng, wall)
    _draw_bands(rng, wall)
    if has_windows:
        _place_windows(rng, wall, is_street_side=is_street_side)
    _draw_pipes(rng, wall)
    _splash_base(rng, wall)
    return wall


def _make_surface(rng: Rng, shape: tuple[int, int], texel_m: float, style: WallStyle) -> Image:
    if style.unit_m is not None:
        return make_courses(
            rng,
            shape,
            texel_m,
            unit_m=style.unit_m,
            joint_m=0.011 if style.kind == "brick" else 0.006,
            colours=style.colours,
            joint_colour=style.joint_colour,
            is_staggered=style.kind == "brick",
            variation=0.07 if style.kind == "brick" else 0.015,
        )
    return make_concrete(rng, shape, texel_m, style.colours[0])


def _stain(rng: Rng, wall: Wall) -> None:
    """Rain streaks, damp patches and patches of newer plaster."""
    shape = wall.pixels.shape[:2]
    streaks = octave_noise(rng, shape, 0.4 / wall.texel_m, 3.0, stretch=7.0)
    height = np.linspace(1.0, 0.2, shape[0], dtype=np.float32)[:, None]
    amount = np.float32(rng.uniform(0.0, 0.16))
    shade(wall.pixels, 1.0 - amount * np.clip(streaks, 0, 2.5) * height, (0.9, 1.0, 1.1))
    damp = octave_noise(rng, shape, 3.0 / wall.texel_m, max(3.0, 0.08 / wall.texel_m))
    amount = np.float32(rng.uniform(0.0, 0.3))
    shade(wall.pixels, 1.0 - amount * np.clip(damp - 1.0, 0, 1))
    for _ in range(int(rng.poisson(wall.width_m * wall.height_m / 60))):
        x, y = rng.uniform(0, wall.width_m), rng.uniform(0, wall.height_m)
        patch = wall.part((x, y, x + rng.uniform(0.3, 1.8), y + rng.uniform(0.2, 1.2)))
        if patch.size:
            shade(patch, np.full(patch.shape[:2], rng.uniform(0.85, 1.12), dtype=np.float32))


def _draw_bands(rng: Rng, wall: Wall) -> None:
    """Floor bands or joints, with their thin shadow."""
    kind = rng.choice(["band", "joint", "none"], p=[0.45, 0.25, 0.3])
    if kind == "none":
        return
    half = 0.11 if kind == "band" else 0.012
    factor = rng.uniform(0.8, 1.2) if kind == "band" else rng.uniform(0.55, 0.8)
    for level in np.arange(STOREY_M, wall.height_m - 0.3, STOREY_M).tolist():
        band = wall.part((0, level - half, wall.width_m, level + half))
        shade(band, np.full(band.shape[:2], factor, dtype=np.float32))
        below = wall.part((0, level - half - 0.035, wall.width_m, level - half))
        shade(below, np.full(below.shape[:2], 0.66, dtype=np.float32))


def _place_windows(rng: Rng, wall: Wall, *, is_street_side: bool) -> None:
    spacing = rng.uniform(2.3, 3.6)
    width, height = rng.uniform(1.1, min(1.9, spacing - 0.7)), rng.uniform(1.2, 1.7)
    columns = max(1, int((wall.width_m - 0.6) / spacing))
    margin = (wall.width_m - columns * spacing) / 2
    frame: Colour = ((222, 222, 218), (110, 112, 114), (96, 76, 62))[int(rng.integers(3))]
    has_grilles = bool(rng.random() < 0.4)  # noqa: PLR2004 - a share of houses
    for floor in range(max(1, int((wall.height_m + 0.2) / STOREY_M))):
        base = floor * STOREY_M
        if floor == 0 and is_street_side:
            _draw_shops(rng, wall, margin, spacing, columns)
            continue
        for column in range(columns):
            if rng.random() < 0.06:  # noqa: PLR2004 - a bay left blind
                continue
            x = margin + (column + 0.5) * spacing - width / 2
            rect = (x, base + 0.95, x + width, base + 0.95 + height)
            if rect[3] > wall.height_m - 0.2:
                continue
            draw_window(rng, wall.part(rect), wall.texel_m, frame, has_grille=has_grilles)
            wall.windows.append(rect)
            _drip_below(rng, wall, rect)


def _drip_below(rng: Rng, wall: Wall, rect: RectM) -> None:
    """A sill with its shadow, and dirt that the rain carries down from its ends."""
    sill = wall.part((rect[0] - 0.08, rect[1] - 0.07, rect[2] + 0.08, rect[1]))
    shade(sill, np.full(sill.shape[:2], 1.12, dtype=np.float32))
    dark = wall.part((rect[0] - 0.06, rect[1] - 0.12, rect[2] + 0.08, rect[1] - 0.07))
    shade(dark, np.full(dark.shape[:2], 0.68, dtype=np.float32))
    drip = wall.part((rect[0] - 0.1, rect[1] - rng.uniform(0.4, 1.0), rect[2] + 0.1, rect[1] - 0.1))
    if min(drip.shape[:2]) < 4:  # noqa: PLR2004 - cut off by the border
        return
    streaks = octave_noise(rng, drip.shape[:2], 0.12 / wall.texel_m, 2.0, stretch=8.0)
    fade = np.linspace(1, 0, drip.shape[0], dtype=np.float32)[:, None]
    paint(drip, np.clip(streaks * 0.22, 0, 0.5) * fade, (84, 78, 70))


def _draw_shops(rng: Rng, wall: Wall, margin: float, spacing: float, columns: int) -> None:
    """Ground floor to the street: doors, shutters and shop windows under a sign."""
    for column in range(columns):
        x = margin + column * spacing + 0.25
        rect = (x, 0.0, x + spacing - 0.5, 2.35)
        part = wall.part(rect)
        kind = rng.random()
        if kind < 0.4:  # noqa: PLR2004 - shutters
            tone = rng.uniform(90, 190)
            paint(part, np.ones(part.shape[:2], dtype=np.float32), (tone, tone, tone * 1.02))
            slats = (np.arange(part.shape[0]) * wall.texel_m % 0.09 < 0.02)[:, None]  # noqa: PLR2004
            shade(part, np.where(slats, 0.7, 1.0) * np.ones(part.shape[:2]))
        else:
            draw_window(rng, part, wall.texel_m, (96, 96, 98), has_grille=False)
        wall.windows.append(rect)
        if rng.random() < 0.7:  # noqa: PLR2004 - most shops have a sign
            sign = wall.part((rect[0], 2.4, rect[2], 2.85))
            hue = rng.uniform(30, 210, 3)
            paint(sign, np.full(sign.shape[:2], 0.9, dtype=np.float32), tuple(hue.tolist()))
            wall.windows.append((rect[0], 2.35, rect[2], 2.9))


def _draw_pipes(rng: Rng, wall: Wall) -> None:
    """Downpipes and loose cables: straight or sagging dark lines that are no cracks."""
    for _ in range(int(rng.poisson(wall.width_m / 9))):
        x = rng.uniform(0.2, max(0.3, wall.width_m - 0.2))
        pipe = wall.part((x, 0, x + 0.1, wall.height_m))
        if not pipe.size:
            continue
        tone = rng.uniform(110, 210)
        paint(pipe, np.ones(pipe.shape[:2], dtype=np.float32), (tone, tone, tone))
        roundness = np.sin(np.linspace(0.3, np.pi, pipe.shape[1]))[None, :] * 0.55 + 0.5
        shade(pipe, np.repeat(roundness, pipe.shape[0], axis=0).astype(np.float32))
        shadow = wall.part((x + 0.1, 0, x + 0.16, wall.height_m))
        shade(shadow, np.full(shadow.shape[:2], 0.72, dtype=np.float32))
    for _ in range(int(rng.poisson(wall.width_m / 12))):
        _hang_cable(rng, wall)


def _hang_cable(rng: Rng, wall: Wall) -> None:
    share = np.linspace(0, 1, 30)
    reach = (-0.05, 1.05) if rng.random() < 0.6 else sorted(rng.uniform(-0.05, 1.05, 2))  # noqa: PLR2004
    x = (reach[0] + share * (reach[1] - reach[0])) * wall.pixels.shape[1]
    sag = rng.uniform(0.1, 0.8) / wall.texel_m
    y = rng.uniform(0.05, 0.8) * wall.pixels.shape[0] + sag * 4 * share * (1 - share)
    tone = float(rng.uniform(15, 60))
    line = [np.round(np.column_stack([x, y]) * 16).astype(np.int32)]
    thickness = max(1, round(rng.uniform(0.008, 0.018) / wall.texel_m))
    cv2.polylines(wall.pixels, line, False, (tone, tone, tone), thickness, cv2.LINE_AA, 4)  # noqa: FBT003


def _splash_base(rng: Rng, wall: Wall) -> None:
    """The foot of a wall is darker where rain splashes."""
    foot = wall.part((0, 0, wall.width_m, 0.9))
    ragged = octave_noise(rng, foot.shape[:2], 0.5 / wall.texel_m, 3.0)
    rise = np.linspace(0, 1, foot.shape[0], dtype=np.float32)[:, None]
    shade(foot, 1 - np.float32(rng.uniform(0.05, 0.3)) * np.clip(rise + 0.2 * ragged, 0, 1))
