"""Ways a lid breaks: cracked through, chipped, holed, caved in, sunken."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from training.synthetic.lids import LID_PX, make_grid
from training.synthetic.rasterize import FloatImage
from training.synthetic.textures import Rng, octave_noise

KINDS = ("cracked", "chipped", "holed", "collapsed", "sunken")
KIND_SHARES = (0.2, 0.27, 0.23, 0.25, 0.05)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a lid: its alpha (LID_PX, LID_PX), how deep it lies (m) and its two slopes."""

    alpha: FloatImage
    drop_m: float
    slope: tuple[float, float]


def break_lid(rng: Rng, outline: FloatImage) -> list[Fragment]:
    """Return the pieces that are still there; ``outline`` is the whole lid's alpha 0..1."""
    kind = str(rng.choice(KINDS, p=KIND_SHARES))
    if kind == "sunken":
        return [Fragment(outline, float(rng.uniform(0.08, 0.18)), _slope(rng, 0.2, 0.4))]
    if kind == "holed":
        return [Fragment(outline * (1 - _punch_holes(rng)), 0.0, (0.0, 0.0))]
    pieces, gap = _split(rng, kind)
    fragments = _place(rng, kind, [outline * piece * gap for piece in pieces])
    return fragments or [Fragment(outline, 0.1, _slope(rng, 0.15, 0.3))]


def _split(rng: Rng, kind: str) -> tuple[list[FloatImage], FloatImage]:
    count = int({"cracked": rng.integers(2, 5), "chipped": rng.integers(5, 9)}.get(kind, 4))
    x, y = make_grid()
    wobble = rng.uniform(0.05, 0.13)
    x = x + wobble * octave_noise(rng, x.shape, LID_PX / 4, 4.0)
    y = y + wobble * octave_noise(rng, y.shape, LID_PX / 4, 4.0)
    seeds = rng.uniform(-0.75, 0.75, (count, 2)).astype(np.float32)
    distance = np.stack([np.hypot(x - seed[0], y - seed[1]) for seed in seeds])
    owner = distance.argmin(axis=0)
    nearest = np.partition(distance, 1, axis=0)
    width = rng.uniform(0.04, 0.09) if kind == "cracked" else rng.uniform(0.02, 0.05)
    gap = np.clip((nearest[1] - nearest[0] - width) * 18 + 0.5, 0, 1).astype(np.float32)
    masks = [(owner == index).astype(np.float32) for index in range(count)]
    return [cv2.GaussianBlur(mask, (3, 3), 0.6) for mask in masks], gap


def _place(rng: Rng, kind: str, alphas: list[FloatImage]) -> list[Fragment]:
    alphas = [alpha for alpha in alphas if float(alpha.mean()) > 0.01]  # noqa: PLR2004 - crumbs
    missing: set[int] = set()
    if kind == "chipped":
        count = int(rng.integers(1, max(2, len(alphas) // 2)))
        missing = {int(index) for index in rng.choice(len(alphas), count, replace=False)}
    elif kind == "collapsed" and rng.random() < 0.5:  # noqa: PLR2004 - a share of cases
        missing = {int(rng.integers(len(alphas)))}
    deep, steep = {"cracked": (0.02, 0.05), "chipped": (0.01, 0.03)}.get(kind, (0.13, 0.35))
    return [
        Fragment(alpha, float(rng.uniform(0, deep)), _slope(rng, 0.0, steep))
        for index, alpha in enumerate(alphas)
        if index not in missing
    ]


def _punch_holes(rng: Rng) -> FloatImage:
    x, y = make_grid()
    ragged = octave_noise(rng, x.shape, LID_PX / 6, 3.0)
    holes = np.zeros(x.shape, dtype=np.float32)
    for _ in range(int(rng.integers(1, 4))):
        centre = rng.uniform(-0.65, 0.65, 2)
        size = rng.uniform(0.14, 0.38)
        stretch = rng.uniform(0.6, 1.6)
        distance = np.hypot((x - centre[0]) * stretch, y - centre[1])
        holes = np.maximum(holes, np.clip((size - distance) * 25 + 1.3 * ragged, 0, 1))
    return holes.astype(np.float32)


def _slope(rng: Rng, low: float, high: float) -> tuple[float, float]:
    steepness, angle = rng.uniform(low, high), rng.uniform(0, 2 * np.pi)
    return float(steepness * np.cos(angle)), float(steepness * np.sin(angle))
