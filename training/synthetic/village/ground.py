"""The ground of a village: lanes, yards, plots of vegetables, fields all around."""

from __future__ import annotations

import math

import numpy as np

from training.synthetic.camera import Array
from training.synthetic.ground import Ground, make_material
from training.synthetic.rasterize import Face, FloatImage, Image
from training.synthetic.textures import (
    Rng,
    make_asphalt,
    make_concrete,
    make_grass,
    octave_noise,
    paint,
    shade,
)
from training.synthetic.village.plan import Village
from training.synthetic.village.season import Season

NEAR_TEXEL_M, NEAR_MARGIN_M = 0.06, 34.0
FAR_TEXEL_M, FAR_HALF_M = 0.4, 330.0
FAR_DROP_M = 0.08


def bake_near_ground(seed: int, village: Village, season: Season, day_rng: Rng) -> Ground:
    """Draw the ground among the houses and round them; the seed draws what stays the same."""
    x, y = (reach + NEAR_MARGIN_M for reach in village.reach_m)
    ground = Ground((-x, -y, x, y), NEAR_TEXEL_M)
    rng = np.random.default_rng((seed, 100))
    _lay_yards(rng, ground, season, inside_m=village.reach_m)
    _lay_lanes(rng, ground, village)
    _patch(rng, ground, village)
    _rain(day_rng, ground.pixels, season.wet)
    return ground


def bake_far_ground(seed: int, season: Season) -> Ground:
    """Draw fields and woods as far as an oblique photo sees."""
    ground = Ground((-FAR_HALF_M, -FAR_HALF_M, FAR_HALF_M, FAR_HALF_M), FAR_TEXEL_M)
    rng = np.random.default_rng((seed, 101))
    _lay_fields(rng, ground, season, cell_m=28.0)
    return ground


def slope_face(ground: Ground, slope: Array, drop_m: float = 0.0) -> Face:
    """Return the ground as a face on the sloping plane of the village."""
    face = ground.face()
    lift = np.eye(3)
    lift[2, :2] = slope
    origin = lift @ face.origin - np.array([0.0, 0.0, drop_m])
    return Face(origin, lift @ face.edge_u, lift @ face.edge_v, face.texture)


def _lay_yards(rng: Rng, ground: Ground, season: Season, *, inside_m: tuple[float, float]) -> None:
    """Trodden soil and concrete between houses, fields and grass outside."""
    shape = (ground.pixels.shape[0], ground.pixels.shape[1])
    _lay_fields(rng, ground, season, cell_m=13.0)
    yard = make_concrete(rng, shape, NEAR_TEXEL_M, (158, 152, 142))
    soil = make_asphalt(rng, shape, NEAR_TEXEL_M, 118.0)
    blotches = octave_noise(rng, shape, 7.0 / NEAR_TEXEL_M, 4.0)
    yard = np.where((blotches > 0.35)[..., None], soil, yard)  # noqa: PLR2004 - a third is soil
    tufts = octave_noise(rng, shape, 3.0 / NEAR_TEXEL_M, 3.0)
    grass = _tint(make_grass(rng, shape, NEAR_TEXEL_M), season.grass)
    yard = np.where((tufts + blotches > 1.5)[..., None], grass, yard)  # noqa: PLR2004
    x, y = _grid(ground)
    ragged = 1.5 * octave_noise(rng, shape, 8.0 / NEAR_TEXEL_M, 6.0)
    inside = (np.abs(x) < inside_m[0] + 3 + ragged) & (np.abs(y) < inside_m[1] + 3 + ragged)
    ground.pixels[inside] = yard[inside]
    _weather(rng, ground.pixels)


def _lay_fields(rng: Rng, ground: Ground, season: Season, *, cell_m: float) -> None:
    """Beds of crops in rows, each of its own green or bare soil."""
    x_min, y_min, x_max, y_max = ground.bounds_m
    texel_m = ground.texel_m
    height, width = ground.pixels.shape[:2]
    ground.pixels[...] = _tint(make_grass(rng, (height, width), texel_m), season.grass)
    for left in np.arange(x_min, x_max, cell_m):
        for bottom in np.arange(y_min, y_max, cell_m):
            if rng.random() < 0.25:  # noqa: PLR2004 - grass between the beds
                continue
            columns = slice(
                int((left - x_min + 0.6) / texel_m), int((left - x_min + cell_m) / texel_m)
            )
            top = y_max - bottom - cell_m
            rows = slice(max(0, int((top + 0.6) / texel_m)), max(0, int((top + cell_m) / texel_m)))
            part = ground.pixels[rows, columns]
            if min(part.shape[:2]) > 8:  # noqa: PLR2004 - cut off by the border
                part[...] = _draw_bed(rng, part.shape[:2], texel_m, season)
    patches = octave_noise(rng, (height, width), 30.0 / texel_m, 3.0)
    shade(ground.pixels, 1 + np.float32(0.1) * patches)


def _draw_bed(rng: Rng, shape: tuple[int, ...], texel_m: float, season: Season) -> Image:
    size = (int(shape[0]), int(shape[1]))
    if rng.random() < 0.3:  # noqa: PLR2004 - ploughed
        bed = make_asphalt(rng, size, texel_m, float(rng.uniform(85, 130)))
        paint(bed, np.full(size, 0.35, dtype=np.float32), (120.0, 96.0, 72.0))
    else:
        bed = _tint(make_grass(rng, size, texel_m), season.grass)
        shade(bed, np.full(size, rng.uniform(0.75, 1.25), dtype=np.float32))
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32) * np.float32(texel_m)
    turn, period = rng.uniform(0, math.pi), max(float(rng.uniform(0.6, 1.4)), 2.5 * texel_m)
    wave = np.sin((rows * math.cos(turn) + columns * math.sin(turn)) * 2 * math.pi / period)
    shade(bed, 1 + np.float32(rng.uniform(0.05, 0.2)) * wave)
    return bed


def _lay_lanes(rng: Rng, ground: Ground, village: Village) -> None:
    half = village.lane_m / 2
    x_min, y_min, x_max, y_max = ground.bounds_m
    strips = [(x_min, y - half, x_max, y + half) for y in village.lanes_y]
    strips.append((village.cross_x - 1.8, y_min, village.cross_x + 1.8, y_max))
    tone = float(rng.uniform(95, 120))
    for strip in strips:
        kind = str(rng.choice(["asphalt", "concrete", "concrete"]))
        corner = ground.to_px(np.array([[strip[0], strip[3]], [strip[2], strip[1]]]))
        high = ground.pixels.shape[1::-1]
        (left, top), (right, bottom) = np.round(corner).astype(int).clip(0, high).tolist()
        part = ground.pixels[top:bottom, left:right]
        part[...] = make_material(rng, kind, (bottom - top, right - left), ground.texel_m, tone)
        _score_joints(part, ground.texel_m)


def _score_joints(part: Image, texel_m: float) -> None:
    """Concrete lanes are cast in slabs of five metres."""
    step = round(5.0 / texel_m)
    axis = part if part.shape[1] > part.shape[0] else part.swapaxes(0, 1)
    for at in range(step, axis.shape[1], step):
        axis[:, at : at + 2] = (axis[:, at : at + 2] * 0.7).astype(np.uint8)


def _patch(rng: Rng, ground: Ground, village: Village) -> None:
    """Repairs, heaps of sand, covers and rubbish: marks that stay where they are."""
    reach = np.array(village.reach_m) + 6
    for _ in range(240):
        middle = rng.uniform(-reach, reach)
        size = rng.uniform(0.2, 2.2, 2)
        tone = rng.uniform(50, 210) * rng.uniform(0.85, 1.15, 3)
        wear = np.clip(0.75 + 0.25 * octave_noise(rng, (32, 32), 10.0), 0, 1)
        turn = float(rng.uniform(0, math.pi))
        axes = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * size / 2 @ axes
        ground.fill_polygon(corners + middle, 0.8, (*tone.clip(20, 225).tolist(),), wear)


def _weather(rng: Rng, pixels: Image) -> None:
    stains = octave_noise(rng, pixels.shape[:2], 2.0 / NEAR_TEXEL_M, 2.0)
    shade(pixels, 1 + np.float32(0.1) * stains)


def _rain(rng: Rng, pixels: Image, wet: float) -> None:
    puddles = octave_noise(rng, pixels.shape[:2], 5.0 / NEAR_TEXEL_M, 6.0)
    shade(
        pixels, 1 - np.float32(0.25 * wet) * np.clip(puddles + 0.5, 0, 1) - np.float32(0.08 * wet)
    )


def _tint(pixels: Image, colour: tuple[float, float, float]) -> Image:
    return np.clip(pixels * np.array(colour, dtype=np.float32), 0, 255).astype(np.uint8)


def _grid(ground: Ground) -> tuple[FloatImage, FloatImage]:
    """Metres of every texel: x as one row, y as one column."""
    x_min, _, _, y_max = ground.bounds_m
    height, width = ground.pixels.shape[:2]
    x = x_min + (np.arange(width, dtype=np.float32) + 0.5) * np.float32(ground.texel_m)
    y = y_max - (np.arange(height, dtype=np.float32) + 0.5) * np.float32(ground.texel_m)
    return x[None, :], y[:, None]
