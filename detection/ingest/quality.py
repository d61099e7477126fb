"""Sharpness and exposure of a photo, from a few cuttings of its pixels.

The blur of an edge is found by blurring it once more by a known amount: the gradient of a sharp
edge falls much, that of a soft one hardly (S. Zhuo and T. Sim, "Defocus map estimation from a
single image", Pattern Recognition 44, 2011). Unlike the variance of the Laplacian this does not
depend on what the photo shows. Edges are taken by direction, because a moving camera blurs only
those across its way.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.domain.quality import PhotoQuality

__all__ = ["PhotoQuality", "measure_quality"]

CUTTING_PX = 384
_CENTERS = ((0.5, 0.5), (0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))
"""Of the cuttings as shares of the sides: the middle, and four that a lens leaves softer."""

_REBLUR_PX = 1.0
_DIRECTIONS = 4
_STRONGEST = 0.03
"""Share of the pixels of a direction that count as edges."""

_MIN_GRADIENT = 24.0
"""Of a Sobel filter on 8 bits: below it an edge drowns in noise."""

_MIN_EDGES = 40
_MAX_BLUR_PX = 8.0
_SAMPLES = 512
_BLACK, _WHITE = 4, 251

FloatImage = NDArray[np.float32]


def measure_quality(pixels: NDArray[np.uint8]) -> PhotoQuality:
    """Return sharpness and exposure of RGB pixels ``(H, W, 3)`` of the full photo."""
    height_px, width_px = pixels.shape[:2]
    step = max(1, min(height_px, width_px) // _SAMPLES)
    luminance = cv2.cvtColor(np.ascontiguousarray(pixels[::step, ::step]), cv2.COLOR_RGB2GRAY)
    blurs = [blur for one in _cut_out(pixels) if (blur := _estimate_blur_px(one)) is not None]
    return PhotoQuality(
        blur_px=float(np.median(blurs)) if blurs else None,
        brightness=float(luminance.mean()) / 255.0,
        dark_share=float(np.mean(luminance <= _BLACK)),
        bright_share=float(np.mean(luminance >= _WHITE)),
    )


def _cut_out(pixels: NDArray[np.uint8]) -> list[FloatImage]:
    """Return grey cuttings at full scale; a photo smaller than one is taken whole."""
    height_px, width_px = pixels.shape[:2]
    side_x, side_y = min(CUTTING_PX, width_px), min(CUTTING_PX, height_px)
    cuttings = []
    for x, y in _CENTERS:
        left = min(max(0, round(x * width_px - side_x / 2)), width_px - side_x)
        top = min(max(0, round(y * height_px - side_y / 2)), height_px - side_y)
        cut = np.ascontiguousarray(pixels[top : top + side_y, left : left + side_x])
        cuttings.append(cv2.cvtColor(cut, cv2.COLOR_RGB2GRAY).astype(np.float32))
    return cuttings


def _estimate_blur_px(grey: FloatImage) -> float | None:
    """Return the blur of the softest direction, one standard deviation; None without edges."""
    soft = cv2.GaussianBlur(grey, (0, 0), _REBLUR_PX)
    steep, angle = _find_gradient(grey)
    steep_soft, _ = _find_gradient(soft)
    is_ridge = steep >= cv2.dilate(steep, np.ones((3, 3), np.uint8))
    is_ridge &= steep >= _MIN_GRADIENT
    strengths, angles, softened = steep[is_ridge], angle[is_ridge], steep_soft[is_ridge]
    direction = np.round(angles / (math.pi / _DIRECTIONS)).astype(np.intp) % _DIRECTIONS
    found = []
    for each in range(_DIRECTIONS):
        has_direction = direction == each
        wanted = max(_MIN_EDGES, round(_STRONGEST * grey.size / _DIRECTIONS / 4))
        blur_px = _compare(strengths[has_direction], softened[has_direction], wanted)
        if blur_px is not None:
            found.append(blur_px)
    return max(found, default=None)


def _find_gradient(grey: FloatImage) -> tuple[FloatImage, FloatImage]:
    """Return the length and the direction (radians) of the gradient."""
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    length, angle = cv2.cartToPolar(across, down)
    return np.asarray(length, np.float32), np.asarray(angle, np.float32)


def _compare(steep: FloatImage, softened: FloatImage, wanted: int) -> float | None:
    """Return the blur of the strongest edges from their gradients before and after, (k,) each.

    An edge of blur s has a gradient of 1 / s, after blurring by r of 1 / sqrt(s² + r²).
    """
    if len(steep) < _MIN_EDGES:
        return None
    strongest = np.argpartition(steep, max(0, len(steep) - wanted))[-wanted:]
    ratio = float(np.median(steep[strongest] / np.maximum(softened[strongest], 1e-3)))
    if ratio <= 1.0:
        return _MAX_BLUR_PX
    return min(_MAX_BLUR_PX, _REBLUR_PX / math.sqrt(ratio * ratio - 1.0))
