"""One patch onto one ground: turned, tilted, made small, in the ground's light, with soft edge."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import BBox
from training.data.composed.covers import REACH, CoverCut, FloatImage, measure_radius

Rng = np.random.Generator

_EDGE = 0.10
_GAIN_BOUNDS = (0.3, 2.2)
_MAX_BRIGHTNESS = 225.0


@dataclass(frozen=True, slots=True)
class Spot:
    """Where and how large a thing lies: centre, width across and tilt (height per width)."""

    x: float
    y: float
    width_px: float
    tilt: float

    @property
    def box(self) -> BBox:
        """Bounds of a round thing there."""
        half_x, half_y = self.width_px / 2, self.width_px * self.tilt / 2
        return BBox(self.x - half_x, self.y - half_y, self.x + half_x, self.y + half_y)


def paste_cover(rng: Rng, canvas: FloatImage, cut: CoverCut, spot: Spot) -> BBox:
    """Blend a cover into ``canvas`` (``(H, W, 3)``, changed in place) and return its box.

    The cover keeps its brightness relative to the ground that it lay in.
    """
    angle = _draw_angle(rng, cut)
    side_px = max(8, math.ceil(spot.width_px * REACH))
    patch = cv2.resize(cut.pixels, (side_px, side_px), interpolation=cv2.INTER_AREA)
    radius = measure_radius(side_px, cut.shape)
    alpha = _smooth_step((1.0 + _EDGE - radius) / _EDGE)
    around = describe_ground(canvas, spot.box)
    patch = _relight(rng, patch, cut.ground_rgb, around.mean_rgb)
    patch = cv2.GaussianBlur(patch, (0, 0), float(rng.uniform(0.3, 0.8)))
    noise = rng.normal(0.0, 0.8 * around.noise, (side_px, side_px, 1))
    lay(canvas, patch + noise.astype(np.float32), alpha, spot, angle)
    return _bound(cut, spot, angle)


@dataclass(frozen=True, slots=True)
class GroundLook:
    """How some ground looks: mean colour, spread of its coarse and of all its grey values, noise.

    ``saturation`` is the mean distance between the brightest and the darkest channel.
    """

    mean_rgb: NDArray[np.float32]
    unevenness: float
    texture: float
    saturation: float
    noise: float


def describe_ground(canvas: FloatImage, box: BBox, margin: float = 0.3) -> GroundLook:
    """Describe the ground under and around a box."""
    grow_x, grow_y = box.width_px * margin, box.height_px * margin
    y_min, y_max = max(0, int(box.y_min - grow_y)), int(box.y_max + grow_y) + 1
    x_min, x_max = max(0, int(box.x_min - grow_x)), int(box.x_max + grow_x) + 1
    region = canvas[y_min:y_max, x_min:x_max]
    grey = region.mean(axis=2)
    coarse = cv2.GaussianBlur(grey, (0, 0), 2.0)
    return GroundLook(
        mean_rgb=np.asarray(region.mean(axis=(0, 1)), dtype=np.float32),
        unevenness=float(coarse.std()),
        texture=float(grey.std()),
        saturation=float((region.max(axis=2) - region.min(axis=2)).mean()),
        noise=float(np.median(abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.0))) * 1.5),
    )


def lay(canvas: FloatImage, patch: FloatImage, alpha: FloatImage, spot: Spot, angle: float) -> None:
    """Turn a square patch by ``angle`` (radians), tilt it and blend it into the canvas in place."""
    side_px = patch.shape[0]
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    squash = np.diag([1.0, spot.tilt])
    linear = squash @ turn
    reach_px = math.ceil(side_px * 0.75) + 1
    left, top = math.floor(spot.x) - reach_px, math.floor(spot.y) - reach_px
    centre = np.array([spot.x - left, spot.y - top])
    offset = centre - linear @ np.array([side_px / 2, side_px / 2])
    matrix = np.hstack([linear, offset[:, None]])
    size = (2 * reach_px + 1, 2 * reach_px + 1)
    warped = cv2.warpAffine(patch, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    weight = cv2.warpAffine(alpha, matrix, size)
    height_px, width_px = canvas.shape[:2]
    rows = slice(max(0, top), min(height_px, top + size[1]))
    columns = slice(max(0, left), min(width_px, left + size[0]))
    inner = (
        slice(rows.start - top, rows.stop - top),
        slice(columns.start - left, columns.stop - left),
    )
    share = weight[inner][..., None]
    canvas[rows, columns] += (warped[inner] - canvas[rows, columns]) * share


def _draw_angle(rng: Rng, cut: CoverCut) -> float:
    if cut.shape == "round":
        return float(rng.uniform(0, 2 * math.pi))
    return float(rng.choice(4) * math.pi / 2 + rng.uniform(-0.35, 0.35))


def _relight(
    rng: Rng, patch: FloatImage, from_rgb: NDArray[np.float32], to_rgb: NDArray[np.float32]
) -> FloatImage:
    tinted = to_rgb / np.maximum(from_rgb, 8.0)
    plain = float(to_rgb.mean() / max(float(from_rgb.mean()), 8.0))
    gain = np.clip(0.6 * tinted + 0.4 * plain, *_GAIN_BOUNDS) * rng.uniform(0.88, 1.12)
    brightest = float(np.percentile(patch * gain, 95))
    gain = gain * min(1.0, _MAX_BRIGHTNESS / max(brightest, 1.0))
    contrast = rng.uniform(0.75, 1.05)
    return np.asarray(to_rgb + (patch * gain - to_rgb) * contrast, dtype=np.float32)


def _bound(cut: CoverCut, spot: Spot, angle: float) -> BBox:
    if cut.shape == "round":
        return spot.box
    grow = abs(math.cos(angle)) + abs(math.sin(angle))
    half_x, half_y = spot.width_px / 2 * grow, spot.width_px / 2 * grow * spot.tilt
    return BBox(spot.x - half_x, spot.y - half_y, spot.x + half_x, spot.y + half_y)


def _smooth_step(value: FloatImage) -> FloatImage:
    clipped = np.clip(value, 0.0, 1.0)
    return np.asarray(clipped * clipped * (3 - 2 * clipped), dtype=np.float32)
