"""What haze, a moving camera, bad light and small files do to a photo. Boxes stay where they are.

Applied while the trainer loads photos, so every epoch sees others. The library has a place for
such changes, meant for ``albumentations``. That package is no longer maintained (its successor is
under AGPL and a paid licence) and wants its own OpenCV; five short functions do instead.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.composed_settings import Degradation

Rng = np.random.Generator
Pixels = NDArray[np.uint8]

_GAMMA = 2.2
_AIR = (170.0, 225.0)


class DegradePhotos:
    """A step of the trainer's chain: changes ``labels["img"]``, leaves boxes and outlines."""

    def __init__(self, settings: Degradation, **_unused: object) -> None:
        """Take our settings; what the library passes to its own step does not matter."""
        self._settings = settings

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        """Return the labels with, now and then, a worse photo."""
        # The trainer seeds this generator in each of its processes.
        rng = np.random.default_rng(random.getrandbits(64))
        if rng.random() < self._settings.probability:
            labels["img"] = degrade(rng, labels["img"], self._settings)
        return labels


def degrade(rng: Rng, pixels: Pixels, settings: Degradation) -> Pixels:
    """Return ``(H, W, 3)`` pixels made worse in one or two ways, in the order of a camera.

    The order of the channels does not matter.
    """
    ways = [name for name, strength in _list_strengths(settings).items() if strength > 0]
    if not ways:
        return pixels
    count = min(len(ways), 1 + int(rng.random() < settings.second))
    chosen = set(rng.choice(ways, size=count, replace=False).tolist())
    if "haze" in chosen:
        pixels = add_haze(rng, pixels, float(rng.uniform(0.15, 1.0)) * settings.haze)
    if "exposure" in chosen:
        pixels = change_exposure(pixels, float(rng.uniform(-1, 1)) * settings.exposure_stops)
    if "motion" in chosen:
        length_px = float(rng.uniform(2.0, max(2.0, settings.motion_px)))
        pixels = blur_by_motion(pixels, length_px, float(rng.uniform(0, math.pi)))
    if "noise" in chosen:
        pixels = add_noise(rng, pixels, float(rng.uniform(0.2, 1.0)) * settings.noise)
    if "jpeg" in chosen:
        pixels = store_as_jpeg(pixels, int(rng.integers(settings.jpeg_quality, 90)))
    return pixels


def _list_strengths(settings: Degradation) -> Mapping[str, float]:
    return {
        "haze": settings.haze,
        "exposure": settings.exposure_stops,
        "motion": settings.motion_px,
        "noise": settings.noise,
        "jpeg": settings.jpeg_quality,
    }


def add_haze(rng: Rng, pixels: Pixels, strength: float) -> Pixels:
    """Mix light of the air in: ``strength`` of it at the far side, half at the near one.

    The far side is the upper one, as in a photo taken at a slant.
    """
    share = np.linspace(strength, strength / 2, pixels.shape[0])[:, None, None]
    air = rng.uniform(*_AIR)
    return np.asarray(np.clip(pixels * (1 - share) + air * share, 0, 255), dtype=np.uint8)


def change_exposure(pixels: Pixels, stops: float) -> Pixels:
    """Brighten (above 0) or darken by so many stops of light; white is cut off."""
    light = (np.arange(256) / 255.0) ** _GAMMA * 2.0**stops
    table = np.clip(light, 0, 1) ** (1 / _GAMMA) * 255.0
    return np.asarray(cv2.LUT(pixels, table.round().astype(np.uint8)), dtype=np.uint8)


def blur_by_motion(pixels: Pixels, length_px: float, angle: float) -> Pixels:
    """Smear along a straight way of ``length_px`` at ``angle`` (radians)."""
    half = max(1, math.ceil(length_px / 2))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), dtype=np.float32)
    for step in np.linspace(-length_px / 2, length_px / 2, 8 * half + 1):
        x, y = half + step * math.cos(angle), half + step * math.sin(angle)
        left, top = math.floor(x), math.floor(y)
        for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
            if max(column, row) <= 2 * half and min(column, row) >= 0:
                kernel[row, column] += (1 - abs(x - column)) * (1 - abs(y - row))
    blurred = cv2.filter2D(pixels, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, dtype=np.uint8)


def add_noise(rng: Rng, pixels: Pixels, sigma: float) -> Pixels:
    """Add the noise of a small sensor: grey and coloured, of ``sigma`` grey values together."""
    grey = rng.normal(0.0, 0.8 * sigma, (*pixels.shape[:2], 1)).astype(np.float32)
    coloured = rng.normal(0.0, 0.6 * sigma, pixels.shape).astype(np.float32)
    return np.asarray(np.clip(pixels + grey + coloured, 0, 255), dtype=np.uint8)


def store_as_jpeg(pixels: Pixels, quality: int) -> Pixels:
    """Store and read again with the losses of a JPEG."""
    _, stored = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), dtype=np.uint8)
