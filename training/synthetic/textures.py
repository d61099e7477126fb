"""Procedural surfaces: noise in octaves, grain, stones in courses, plaster, grass.

Every maker takes a random generator, a shape ``(rows, columns)`` and ``texel_m``, the size of a
texel in metres, and returns ``(rows, columns, 3)`` uint8 RGB.
"""

from __future__ import annotations

import cv2
import numpy as np

from training.synthetic.camera import Array
from training.synthetic.rasterize import FloatImage, Image

Rng = np.random.Generator
Colour = tuple[float, float, float]

STEPS = (1, 2, 4, 8)
LEAST_CELL_PX = 3.0


def smooth_noise(
    rng: Rng, shape: tuple[int, ...], cell_px: float, *, stretch: float = 1.0
) -> FloatImage:
    """Noise of mean 0 and deviation about 1 that varies over ``cell_px``.

    ``stretch`` makes the cells that many times as tall (rain streaks on walls).
    """
    cell_x, cell_y = max(cell_px, 1.0), max(cell_px * stretch, 1.0)
    rows, columns = int(shape[0] / cell_y) + 4, int(shape[1] / cell_x) + 4
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    offset = rng.uniform(0.5, 1.5, 2)
    matrix = np.array([[1 / cell_x, 0, offset[0]], [0, 1 / cell_y, offset[1]]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    noise = cv2.warpAffine(
        grid, matrix, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(noise, dtype=np.float32) * np.float32(1.35)


def octave_noise(
    rng: Rng,
    shape: tuple[int, ...],
    coarsest_px: float,
    finest_px: float = 2.0,
    *,
    falloff: float = 0.65,
    stretch: float = 1.0,
) -> FloatImage:
    """Sum of smooth noises, each half the size and ``falloff`` the strength of the last."""
    # Large cells are drawn at a half, quarter ... of the resolution: the same picture, faster.
    sizes = [(shape[0] // step + 1, shape[1] // step + 1) for step in STEPS]
    layers: list[FloatImage | None] = [None] * len(STEPS)
    cell_px, weight, power = coarsest_px, 1.0, 0.0
    while cell_px >= finest_px:
        tier = sum(cell_px >= LEAST_CELL_PX * step for step in STEPS[1:])
        noise = smooth_noise(rng, sizes[tier], cell_px / STEPS[tier], stretch=stretch)
        noise *= np.float32(weight)
        below = layers[tier]
        layers[tier] = noise if below is None else below + noise
        power += weight**2
        cell_px, weight = cell_px / 2, weight * falloff
    total: FloatImage | None = None
    for layer, size in zip(layers[::-1], sizes[::-1], strict=True):
        if total is not None:
            total = cv2.resize(total, size[::-1], interpolation=cv2.INTER_LINEAR)
        if layer is not None:
            total = layer if total is None else total + layer
    if total is None:
        return np.zeros(shape, dtype=np.float32)
    return total[: shape[0], : shape[1]] / np.float32(power**0.5)


def colourise(luminance: FloatImage, colour: Colour) -> Image:
    """Grey ``(h, w)`` around 1 times a colour 0..255, clipped to uint8 RGB."""
    channels = [cv2.convertScaleAbs(np.maximum(luminance, 0), alpha=value) for value in colour]
    return np.asarray(cv2.merge(channels), dtype=np.uint8)


def shade(pixels: Image, factor: FloatImage | Array, tint: Colour = (1.0, 1.0, 1.0)) -> None:
    """Multiply ``pixels`` in place by ``factor`` (h, w); ``tint`` weighs the change per channel."""
    if pixels.size == 0:
        return
    full = np.ascontiguousarray(np.broadcast_to(factor, pixels.shape[:2]), dtype=np.float32)
    for channel, strength in enumerate(tint):
        weighed = full if strength == 1 else 1.0 + (full - 1.0) * np.float32(strength)
        pixels[..., channel] = cv2.convertScaleAbs(np.maximum(pixels[..., channel] * weighed, 0))


def paint(pixels: Image, alpha: FloatImage | Array, colour: Colour) -> None:
    """Blend a flat colour over ``pixels`` in place with ``alpha`` (h, w) in 0..1."""
    for channel, value in enumerate(colour):
        part = pixels[..., channel] * (1.0 - alpha) + alpha * np.float32(value)
        pixels[..., channel] = np.clip(part, 0, 255).astype(np.uint8)


def draw_grain(rng: Rng, shape: tuple[int, int], texel_m: float, grain_m: float) -> FloatImage:
    """Stones of ``grain_m`` seen at ``texel_m``: finer stones average out within a texel."""
    cell_px = grain_m / texel_m
    grain = rng.standard_normal(shape, dtype=np.float32)
    if cell_px > 1.5:  # noqa: PLR2004 - below that a texel holds a whole stone
        blurred = cv2.GaussianBlur(grain, (0, 0), cell_px / 2.5)
        return np.asarray(blurred / max(float(blurred.std()), 1e-6), dtype=np.float32)
    return np.asarray(grain * min(1.0, max(cell_px, 0.25)), dtype=np.float32)


def make_asphalt(rng: Rng, shape: tuple[int, int], texel_m: float, tone: float) -> Image:
    """Asphalt of mean brightness ``tone`` (0..255) with stones, blotches and wear."""
    blotches = octave_noise(rng, shape, 3.0 / texel_m, max(2.0, 0.05 / texel_m))
    stones = draw_grain(rng, shape, texel_m, rng.uniform(0.006, 0.014))
    luminance = 1.0 + 0.07 * blotches + rng.uniform(0.07, 0.16) * stones
    luminance += np.where(stones > 1.9, np.float32(0.22), np.float32(0.0))  # noqa: PLR2004
    warmth = rng.uniform(-0.04, 0.05)
    return colourise(luminance, (tone * (1 + warmth), tone, tone * (1 - warmth)))


def make_concrete(rng: Rng, shape: tuple[int, int], texel_m: float, colour: Colour) -> Image:
    """Cast concrete or plaster: soft blotches, pores, faint streaks."""
    blotches = octave_noise(rng, shape, 2.5 / texel_m, max(2.0, 0.03 / texel_m))
    pores = draw_grain(rng, shape, texel_m, rng.uniform(0.003, 0.009))
    luminance = 1.0 + rng.uniform(0.02, 0.055) * blotches + rng.uniform(0.02, 0.07) * pores
    return colourise(luminance, colour)


def make_grass(rng: Rng, shape: tuple[int, int], texel_m: float) -> Image:
    """Grass with tufts and bare soil."""
    tufts = octave_noise(rng, shape, 0.5 / texel_m, 2.0, falloff=0.9)
    bare = octave_noise(rng, shape, 2.0 / texel_m, max(2.0, 0.1 / texel_m))
    green = rng.uniform(70, 105)
    pixels = colourise(1.0 + 0.22 * tufts, (green * rng.uniform(0.7, 0.95), green, green * 0.5))
    soil = np.clip((bare - rng.uniform(0.6, 1.6)) * 2.0, 0, 0.9)
    paint(pixels, soil, (118.0, 100.0, 80.0))
    return pixels


def make_courses(
    rng: Rng,
    shape: tuple[int, int],
    texel_m: float,
    *,
    unit_m: tuple[float, float],
    joint_m: float,
    colours: tuple[Colour, ...],
    joint_colour: Colour,
    is_staggered: bool = True,
    variation: float = 0.09,
) -> Image:
    """Bricks, pavers or slabs of ``unit_m`` (width, height) in courses with mortar joints."""
    rows, columns = shape
    x = np.arange(columns) * texel_m + rng.uniform(0, unit_m[0])
    y = np.arange(rows) * texel_m
    row_index = (y / unit_m[1]).astype(np.intp)
    shifts = (0.0, unit_m[0] / 2 if is_staggered else 0.0)
    column_index = np.stack([((x + shift) / unit_m[0]).astype(np.intp) for shift in shifts])
    joint_x = np.stack([((x + shift) % unit_m[0]) < joint_m for shift in shifts])
    parity = row_index % 2
    table = (row_index.max() + 1, column_index.max() + 1)
    tones = 1.0 + variation * rng.standard_normal(table, dtype=np.float32)
    choice = rng.integers(0, len(colours), table)
    palette = np.asarray(colours, dtype=np.float32)[choice] * tones[..., None]
    palette = np.clip(palette, 0, 255).astype(np.uint8)
    pixels = palette[row_index[:, None], column_index[parity]]
    joint = ((y % unit_m[1]) < joint_m)[:, None] | joint_x[parity]
    soft = cv2.GaussianBlur(joint.astype(np.float32), (3, 3), 0.7)
    paint(pixels, soft, joint_colour)
    grain = draw_grain(rng, shape, texel_m, 0.006)
    dirt = octave_noise(rng, shape, 1.5 / texel_m, max(2.0, 0.1 / texel_m))
    shade(pixels, 1.0 + 0.06 * grain + 0.06 * dirt)
    return np.asarray(pixels, dtype=np.uint8)
