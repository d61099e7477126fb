"""Lid and frame textures: a relief drawn as a height map, then lit by the sun."""

from __future__ import annotations

import cv2
import numpy as np

from training.synthetic.camera import Array
from training.synthetic.rasterize import FloatImage, Image
from training.synthetic.textures import Colour, Rng, octave_noise

LID_PX = 320
PALETTE: tuple[Colour, ...] = (
    (74, 72, 70),
    (92, 88, 84),
    (104, 86, 72),
    (118, 84, 62),
    (128, 126, 122),
    (150, 147, 140),
    (164, 158, 146),
    (78, 92, 118),
    (128, 88, 80),
    (96, 112, 92),
)
TEXTS = ("W", "WS", "DL", "PS", "YS", "TX", "RQ", "+", "O")


def make_grid() -> tuple[FloatImage, FloatImage]:
    """Coordinates x, y in -1..1 over the square of the lid; y grows downwards."""
    axis = (np.arange(LID_PX, dtype=np.float32) + 0.5) * np.float32(2 / LID_PX) - 1
    x, y = np.meshgrid(axis, axis)
    return np.asarray(x, dtype=np.float32), np.asarray(y, dtype=np.float32)


def measure_radius(x: FloatImage, y: FloatImage, *, is_square: bool) -> FloatImage:
    """Distance from the middle: round lids by the circle, square lids by the larger axis."""
    radius = np.maximum(np.abs(x), np.abs(y)) if is_square else np.hypot(x, y)
    return np.asarray(radius, dtype=np.float32)


def make_lid(rng: Rng, to_sun: Array, *, is_square: bool, is_sunlit: bool) -> FloatImage:
    """Return the lid's colours ``(LID_PX, LID_PX, 3)`` float 0..255, without its outline.

    ``to_sun`` is in the lid's own axes (x right, y up, z out of the lid).
    """
    x, y = make_grid()
    radius = measure_radius(x, y, is_square=is_square)
    height = _draw_relief(rng, x, y, radius)
    raised = cv2.GaussianBlur(height, (0, 0), 1.2)
    colour = PALETTE[int(rng.integers(len(PALETTE)))]
    mottle = octave_noise(rng, height.shape, LID_PX / 3, 2.0, falloff=0.75)
    luminance = 1.0 + rng.uniform(0.05, 0.16) * mottle
    # Feet and wheels polish what stands out; dirt stays in the hollows.
    luminance += rng.uniform(0.05, 0.35) * (raised - 0.5)
    luminance *= _light_relief(raised, to_sun, rng.uniform(2.0, 5.0) * (1.0 if is_sunlit else 0.4))
    pixels = luminance[..., None] * np.asarray(colour, dtype=np.float32)
    rust = np.clip(octave_noise(rng, height.shape, LID_PX / 4, 3.0) - rng.uniform(0.6, 2.4), 0, 0.6)
    pixels += rust[..., None] * (np.array([126, 82, 52], dtype=np.float32) - pixels)
    _draw_pick_holes(rng, pixels)
    return np.asarray(pixels, dtype=np.float32)


def make_surround(
    rng: Rng, to_sun: Array, *, is_square: bool, opening: float, extent: float, tone: float
) -> Image:
    """Frame ring and collar, premultiplied RGBA; the opening is left dark and opaque.

    ``opening`` and ``extent`` are the opening's radius and half the texture's width in units of
    the frame's outer radius; ``tone`` is the brightness of the road around.
    """
    x, y = make_grid()
    x, y = x * np.float32(extent), y * np.float32(extent)
    radius = measure_radius(x, y, is_square=is_square)
    noise = octave_noise(rng, radius.shape, LID_PX / 4, 2.0, falloff=0.8)
    collar = rng.uniform(1.04, extent * 0.86)
    is_patch = rng.random() < 0.45  # noqa: PLR2004 - a share of designs
    edge = measure_radius(x, y, is_square=bool(is_patch)) + 0.02 * noise
    weight = np.clip((collar - edge) * 30, 0, 1) * rng.choice([0.0, 0.55, 0.95])
    collar_tone = tone * rng.uniform(0.65, 1.45)
    rgb = np.repeat((collar_tone * (1 + 0.08 * noise))[..., None], 3, axis=2)
    alpha = weight.astype(np.float32)
    in_ring = radius <= 1.0
    across = np.clip((radius - opening) / (1 - opening), 0, 1)
    profile = np.sqrt(np.abs(np.sin(across * np.pi)))
    ring = np.asarray(PALETTE[int(rng.integers(7))], dtype=np.float32) * rng.uniform(0.8, 1.25)
    lit = _light_relief(profile.astype(np.float32), to_sun, 2.0) * (1 + 0.1 * noise)
    rgb = np.where(in_ring[..., None], ring * lit[..., None], rgb)
    alpha = np.where(in_ring, 1.0, alpha)
    seam = np.exp(-(((radius - 1.0) / 0.02) ** 2)) * rng.uniform(0.2, 0.8)
    rgb *= 1 - seam[..., None] * 0.7
    alpha = np.maximum(alpha, seam * 0.8)
    rgb = np.where((radius < opening)[..., None], 16.0, rgb)
    return premultiply(rgb.astype(np.float32), alpha.astype(np.float32))


def premultiply(rgb: FloatImage, alpha: FloatImage) -> Image:
    """Colours 0..255 and alpha 0..1 to premultiplied RGBA uint8."""
    parts = np.dstack([np.clip(rgb, 0, 255) * alpha[..., None], alpha * 255])
    return np.asarray(parts + 0.5, dtype=np.uint8)


def _light_relief(height: FloatImage, to_sun: Array, strength: float) -> FloatImage:
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=0.125) * strength
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=0.125) * strength
    facing = to_sun[2] - slope_x * to_sun[0] + slope_y * to_sun[1]
    facing = facing / np.sqrt(1 + slope_x**2 + slope_y**2)
    return np.asarray(np.clip(0.5 + 0.5 * facing / to_sun[2], 0.25, 1.8), dtype=np.float32)


def _draw_relief(rng: Rng, x: FloatImage, y: FloatImage, radius: FloatImage) -> FloatImage:
    pitch = rng.uniform(0.1, 0.24)
    pattern = rng.choice(["crosses", "diamonds", "rings", "squares", "grid", "rays", "plain"])
    cell_x, cell_y = x / pitch % 1 - 0.5, y / pitch % 1 - 0.5
    if pattern == "crosses":
        arm = rng.uniform(0.1, 0.18)
        near = (np.abs(cell_x) < arm) & (np.abs(cell_y) < 0.36)  # noqa: PLR2004
        height = near | ((np.abs(cell_y) < arm) & (np.abs(cell_x) < 0.36))  # noqa: PLR2004
    elif pattern == "diamonds":
        height = (np.abs((x + y) / pitch % 1 - 0.5) > 0.18) & (  # noqa: PLR2004
            np.abs((x - y) / pitch % 1 - 0.5) > 0.18  # noqa: PLR2004
        )
    elif pattern == "rings":
        height = radius / pitch % 1 > rng.uniform(0.3, 0.6)
    elif pattern == "squares":
        size = rng.uniform(0.26, 0.42)
        height = (np.abs(cell_x) < size) & (np.abs(cell_y) < size)
    elif pattern == "grid":
        height = (np.abs(cell_x) > 0.38) | (np.abs(cell_y) > 0.38)  # noqa: PLR2004
    elif pattern == "rays":
        height = (np.arctan2(y, x) * rng.integers(10, 26) / np.pi % 2 > 1) & (radius > 0.4)  # noqa: PLR2004
    else:
        height = np.zeros(x.shape, dtype=bool)
    relief = np.asarray(height, dtype=np.float32)
    inner = rng.uniform(0.2, 0.45)
    if rng.random() < 0.6:  # noqa: PLR2004 - a share of designs
        relief[radius < inner] = 0.0
        relief[np.abs(radius - inner) < 0.03] = 1.0  # noqa: PLR2004
        _write_text(rng, relief, inner)
    if rng.random() < 0.7:  # noqa: PLR2004 - a share of designs
        relief[radius > rng.uniform(0.86, 0.94)] = 1.0
    return relief


def _write_text(rng: Rng, relief: FloatImage, inner: float) -> None:
    text = str(rng.choice(TEXTS))
    face = cv2.FONT_HERSHEY_DUPLEX
    scale = inner * LID_PX / 2 / 22 / max(1.0, len(text) * 0.8)
    (width, height), _ = cv2.getTextSize(text, face, scale, 3)
    origin = ((LID_PX - width) // 2, (LID_PX + height) // 2)
    cv2.putText(relief, text, origin, face, scale, 1.0, 3, cv2.LINE_AA)


def _draw_pick_holes(rng: Rng, pixels: FloatImage) -> None:
    count = int(rng.choice([0, 1, 2, 2, 4]))
    start = rng.uniform(0, 2 * np.pi)
    distance = rng.uniform(0.45, 0.75)
    axes = (int(rng.integers(4, 9)), int(rng.integers(4, 9)))
    for index in range(count):
        angle = start + 2 * np.pi * index / count
        centre = (np.array([np.cos(angle), np.sin(angle)]) * distance + 1) * LID_PX / 2
        point = (int(centre[0]), int(centre[1]))
        cv2.ellipse(pixels, point, axes, 0.0, 0.0, 360.0, (18.0, 17.0, 16.0), -1, cv2.LINE_AA)
