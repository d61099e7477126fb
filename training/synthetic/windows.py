"""A window: reveal, frame, panes with a reflected sky, curtains, sometimes a security grille."""

from __future__ import annotations

import cv2
import numpy as np

from training.synthetic.rasterize import Image
from training.synthetic.textures import Colour, Rng, octave_noise

MIN_SIDE_PX = 6


def draw_window(rng: Rng, part: Image, texel_m: float, frame: Colour, *, has_grille: bool) -> None:
    """Draw a window that fills ``part`` (h, w, 3), in place."""
    height, width = part.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        return
    part[...] = _make_glass(rng, (height, width))
    _draw_curtains(rng, part)
    bar = max(1, round(0.05 / texel_m))
    panes = int(rng.integers(2, 4))
    colour = tuple(float(value) for value in np.multiply(frame, rng.uniform(0.85, 1.05)))
    for index in range(panes + 1):
        x = round(index * (width - bar) / panes)
        cv2.rectangle(part, (x, 0), (x + bar - 1, height), colour, -1)
    rail = round(height * rng.uniform(0.2, 0.35))
    for y in (0, rail, height - bar):
        cv2.rectangle(part, (0, y), (width, y + bar - 1), colour, -1)
    _shade_reveal(part, texel_m)
    if has_grille and rng.random() < 0.8:  # noqa: PLR2004 - not every flat has one
        _draw_grille(rng, part, texel_m)


def _make_glass(rng: Rng, shape: tuple[int, int]) -> Image:
    rise = np.linspace(1.0, 0.35, shape[0], dtype=np.float32)[:, None]
    wave = octave_noise(rng, shape, max(4.0, shape[1] / 3), 8.0)
    depth = rng.uniform(35, 100)
    light = depth * (0.45 + 0.8 * rise * rng.uniform(0.3, 1.2)) * (1 + 0.14 * wave)
    channels = [light * value for value in (0.88, 0.98, 1.08)]
    return np.asarray(np.clip(cv2.merge(channels), 0, 255), dtype=np.uint8)


def _draw_curtains(rng: Rng, part: Image) -> None:
    if rng.random() < 0.45:  # noqa: PLR2004 - open windows
        return
    height, width = part.shape[:2]
    folds = 1 + 0.12 * np.sin(np.arange(width) * rng.uniform(0.1, 0.5))[None, :, None]
    cloth = rng.uniform(90, 190) * np.array([1.0, rng.uniform(0.85, 1.0), rng.uniform(0.75, 1.0)])
    share = rng.uniform(0.2, 0.55)
    covered = np.zeros((height, width, 1), dtype=np.float32)
    covered[:, : round(width * share)] = 0.6
    covered[:, width - round(width * rng.uniform(0, share)) :] = 0.6
    mixed = part * (1 - covered) + covered * folds * cloth
    part[...] = np.clip(mixed, 0, 255).astype(np.uint8)


def _shade_reveal(part: Image, texel_m: float) -> None:
    """The wall's thickness throws a shadow from the top and one side."""
    deep = max(1, round(0.14 / texel_m))
    part[:deep] = (part[:deep] * 0.42).astype(np.uint8)
    side = max(1, deep // 2)
    part[:, :side] = (part[:, :side] * 0.5).astype(np.uint8)


def _draw_grille(rng: Rng, part: Image, texel_m: float) -> None:
    tone = float(rng.uniform(120, 215))
    thickness = max(1, round(0.016 / texel_m))
    pitch = max(4, round(0.13 / texel_m))
    for x in range(pitch // 2, part.shape[1], pitch):
        cv2.line(part, (x, 0), (x, part.shape[0]), (tone, tone, tone), thickness)
    for y in range(pitch, part.shape[0], pitch * 4):
        cv2.line(part, (0, y), (part.shape[1], y), (tone, tone, tone), thickness)
