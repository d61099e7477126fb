"""Things that are no cover but fool a model: patches, stains, shadows, planters, rings, puddles.

They are blended without a box, so that a run learns to leave them alone. None is as dark inside
and as sharply rimmed as an open shaft.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.composed.blend import GroundLook, Spot, describe_ground, lay
from training.data.composed.covers import REACH, FloatImage

Rng = np.random.Generator
Drawn = tuple[FloatImage, FloatImage]
"""Patch ``(s, s, 3)`` and its weight ``(s, s)``, 0 to 1."""

_SIDE_PX = 128


def paste_confuser(rng: Rng, canvas: FloatImage, spot: Spot) -> str:
    """Blend a random confuser into the canvas (in place); return which one it was."""
    name = str(rng.choice(list(KINDS)))
    look = describe_ground(canvas, spot.box)
    patch, alpha = KINDS[name](rng, look)
    side_px = max(8, math.ceil(spot.width_px * REACH))
    patch = cv2.resize(patch, (side_px, side_px), interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(alpha, (side_px, side_px), interpolation=cv2.INTER_AREA)
    patch = patch + rng.normal(0, look.noise + 0.5, (side_px, side_px, 1)).astype(np.float32)
    alpha = cv2.GaussianBlur(alpha, (0, 0), float(rng.uniform(0.4, 0.9)))
    lay(canvas, patch, alpha, spot, float(rng.uniform(0, 2 * math.pi)))
    return name


def _radius(rng: Rng, roughness: float) -> FloatImage:
    """Return the distance from the middle, 1 at a wobbly round edge."""
    steps = ((np.arange(_SIDE_PX) + 0.5) / _SIDE_PX * 2 - 1) * REACH
    x, y = np.meshgrid(steps, steps)
    turn = np.arctan2(y, x)
    edge = np.ones_like(turn)
    for order in range(2, 7):
        edge += roughness / order * rng.normal() * np.cos(order * turn + rng.uniform(0, 6.28))
    return np.asarray(np.hypot(x, y) / np.clip(edge, 0.5, REACH), dtype=np.float32)


def _inside(radius: FloatImage, limit: float, softness: float) -> FloatImage:
    return np.asarray(np.clip((limit - radius) / softness + 0.5, 0, 1), dtype=np.float32)


def _cloud(rng: Rng, grain_px: float) -> FloatImage:
    """Return smooth noise of mean 0 and spread 1."""
    noise = cv2.GaussianBlur(rng.normal(size=(_SIDE_PX, _SIDE_PX)), (0, 0), grain_px)
    return np.asarray((noise - noise.mean()) / noise.std(), dtype=np.float32)


def _fill(colour: NDArray[np.floating], texture: FloatImage, strength: float) -> FloatImage:
    return np.asarray(colour * (1.0 + strength * texture[..., None]), dtype=np.float32)


def _draw_patch(rng: Rng, look: GroundLook) -> Drawn:
    """Asphalt repair: another grey, nearly round, no frame."""
    tone = rng.choice([rng.uniform(0.6, 0.85), rng.uniform(1.12, 1.35)])
    return (
        _fill(look.mean_rgb * tone, _cloud(rng, 1.5), 0.05),
        _inside(_radius(rng, 0.12), 1.0, 0.08) * float(rng.uniform(0.7, 1.0)),
    )


def _draw_stain(rng: Rng, look: GroundLook) -> Drawn:
    """Oil or water soaked in: darkest in the middle, without an edge."""
    radius = _radius(rng, 0.35)
    weight = _inside(radius, 0.75, float(rng.uniform(0.3, 0.7)))
    blots = np.clip(0.8 + 0.25 * _cloud(rng, 6.0), 0, 1)
    tone = float(rng.uniform(0.35, 0.6))
    strength = float(rng.uniform(0.5, 0.95))
    patch = _fill(look.mean_rgb * tone, _cloud(rng, 3.0), 0.05)
    return patch, np.asarray(weight * blots * strength, dtype=np.float32)


def _draw_shadow(rng: Rng, look: GroundLook) -> Drawn:
    """Shadow of a sign, a tree top or a passer-by: bluish, soft, often long."""
    radius = _radius(rng, float(rng.uniform(0.0, 0.3)))
    stretch = float(rng.uniform(1.0, 2.5))
    matrix = np.array([[1.0, 0, 0], [0, 1 / stretch, _SIDE_PX / 2 * (1 - 1 / stretch)]])
    weight = cv2.warpAffine(_inside(radius, 0.9, 0.12), matrix, (_SIDE_PX, _SIDE_PX))
    shade = look.mean_rgb * np.array([0.42, 0.45, 0.5]) * float(rng.uniform(0.9, 1.3))
    return _fill(shade, _cloud(rng, 2.0), 0.03), np.asarray(weight, dtype=np.float32)


def _draw_planter(rng: Rng, look: GroundLook) -> Drawn:
    """Round tub of concrete or plastic with soil, snow or plants, and its shadow's side."""
    radius = _radius(rng, 0.0)
    soil = np.array([[70, 58, 46], [62, 84, 44], [96, 82, 60], [170, 172, 176]])
    inner = soil[int(rng.integers(len(soil)))] * float(rng.uniform(0.7, 1.2))
    light = max(float(look.mean_rgb.mean()), 90.0)
    rim = np.array([1.0, 1.0, 0.93]) * light * float(rng.uniform(1.15, 1.45))
    edge = float(rng.uniform(0.68, 0.86))
    earth = _fill(inner, _cloud(rng, float(rng.uniform(1.0, 4.0))), 0.25)
    is_earth = _inside(radius, edge, 0.06)[..., None]
    patch = _fill(rim, _cloud(rng, 4.0), 0.03) * (1 - is_earth) + earth * is_earth
    return np.asarray(patch, dtype=np.float32), _inside(radius, 1.0, 0.05)


def _draw_ring(rng: Rng, look: GroundLook) -> Drawn:
    """Ring painted, worn or laid in stones: the ground goes on inside it."""
    radius = _radius(rng, 0.05)
    width = float(rng.uniform(0.06, 0.2))
    weight = _inside(radius, 1.0, 0.05) - _inside(radius, 1.0 - width, 0.05)
    tone = rng.choice([rng.uniform(0.55, 0.8), rng.uniform(1.25, 1.7)])
    worn = np.clip(0.75 + 0.35 * _cloud(rng, 5.0), 0.1, 1)
    patch = _fill(np.minimum(look.mean_rgb * tone, 240), _cloud(rng, 2.0), 0.04)
    return patch, np.asarray(np.clip(weight, 0, 1) * worn, dtype=np.float32)


def _draw_puddle(rng: Rng, look: GroundLook) -> Drawn:
    """Water or ice that shows the sky: smooth, grey or bright, in ground that is wet around it."""
    radius = _radius(rng, 0.3) + 0.08 * _cloud(rng, 3.0)
    sky = np.array([0.95, 1.0, 1.05]) * float(look.mean_rgb.mean() * rng.uniform(0.75, 1.3))
    wet = look.mean_rgb * float(rng.uniform(0.6, 0.85))
    is_water = _inside(radius, 0.8, 0.15)[..., None]
    patch = _fill(np.minimum(sky, 235), _cloud(rng, 12.0), 0.1) * is_water + wet * (1 - is_water)
    weight = _inside(radius, 0.95, 0.45) * float(rng.uniform(0.6, 0.95))
    return np.asarray(patch, dtype=np.float32), np.asarray(weight, dtype=np.float32)


def _draw_figure(rng: Rng, look: GroundLook) -> Drawn:
    """Somebody from above: a dark or dull blob, longer than wide, with a shadow beside it."""
    radius = _radius(rng, 0.25)
    matrix = np.array([[1.0, 0, 0], [0, 0.55, _SIDE_PX / 2 * 0.45]])
    body = cv2.warpAffine(_inside(radius, 0.5, 0.12), matrix, (_SIDE_PX, _SIDE_PX))
    moved = cv2.warpAffine(body, np.array([[1.0, 0, 26], [0, 0.7, 26]]), (_SIDE_PX, _SIDE_PX))
    colour = rng.uniform(20, 110) + rng.uniform(-25, 25, 3)
    share = body[..., None]
    patch = _fill(np.clip(colour, 8, 160), _cloud(rng, 6.0), 0.2) * share
    patch = patch + look.mean_rgb * 0.5 * (1 - share)
    weight = np.maximum(body, 0.7 * moved)
    return np.asarray(patch, dtype=np.float32), np.asarray(weight, dtype=np.float32)


KINDS: dict[str, Callable[[Rng, GroundLook], Drawn]] = {
    "patch": _draw_patch,
    "stain": _draw_stain,
    "shadow": _draw_shadow,
    "planter": _draw_planter,
    "ring": _draw_ring,
    "puddle": _draw_puddle,
    "figure": _draw_figure,
}
