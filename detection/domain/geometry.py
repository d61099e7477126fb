"""Boxes and tiles in pixels of the full photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
# The exterior ring of one piece of an outline: (x, y) corners in pixels, not closed.
Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class BBox:
    """Axis-aligned box ``(x_min, y_min, x_max, y_max)``, absolute pixels, float."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """The four numbers in order."""
        return (self.x_min, self.y_min, self.x_max, self.y_max)

    @property
    def width_px(self) -> float:
        """Width in pixels, never negative."""
        return max(0.0, self.x_max - self.x_min)

    @property
    def height_px(self) -> float:
        """Height in pixels, never negative."""
        return max(0.0, self.y_max - self.y_min)

    @property
    def area_px(self) -> float:
        """Area in square pixels."""
        return self.width_px * self.height_px

    @property
    def center(self) -> tuple[float, float]:
        """Centre ``(x, y)`` in pixels."""
        return ((self.x_min + self.x_max) / 2, (self.y_min + self.y_max) / 2)

    def shift(self, dx_px: float, dy_px: float) -> BBox:
        """Return the box moved by ``(dx_px, dy_px)``."""
        return BBox(self.x_min + dx_px, self.y_min + dy_px, self.x_max + dx_px, self.y_max + dy_px)

    def clip(self, width_px: float, height_px: float) -> BBox:
        """Return the part of the box inside a photo of the given size."""
        return BBox(
            min(max(self.x_min, 0.0), width_px),
            min(max(self.y_min, 0.0), height_px),
            min(max(self.x_max, 0.0), width_px),
            min(max(self.y_max, 0.0), height_px),
        )


@dataclass(frozen=True, slots=True)
class Tile:
    """A crop that the model sees, resampled by ``scale`` (model pixels per photo pixel).

    The crop is ``[x_min, x_max) x [y_min, y_max)`` in whole pixels of the full photo.
    """

    x_min: int
    y_min: int
    x_max: int
    y_max: int
    scale: float


def compute_intersection(a_xyxy: FloatArray, b_xyxy: FloatArray) -> FloatArray:
    """Intersection areas of every pair: ``(n, 4)`` and ``(m, 4)`` boxes to ``(n, m)`` px²."""
    low = np.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    high = np.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    size = np.clip(high - low, 0.0, None)
    return np.asarray(size[..., 0] * size[..., 1], dtype=np.float64)


def compute_areas(xyxy: FloatArray) -> FloatArray:
    """Areas of ``(n, 4)`` boxes in px²."""
    size = np.clip(xyxy[:, 2:] - xyxy[:, :2], 0.0, None)
    return np.asarray(size[:, 0] * size[:, 1], dtype=np.float64)


def compute_polygon_area(polygon: Polygon) -> float:
    """Area inside of a ring that does not cross itself, px²."""
    x, y = np.array(polygon, dtype=np.float64).reshape(-1, 2).T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def compute_iou(a_xyxy: FloatArray, b_xyxy: FloatArray) -> FloatArray:
    """Intersection over union of every pair, ``(n, m)``; 0 where both boxes are empty."""
    intersection = compute_intersection(a_xyxy, b_xyxy)
    union = compute_areas(a_xyxy)[:, None] + compute_areas(b_xyxy)[None, :] - intersection
    return _divide(intersection, union)


def compute_ios(a_xyxy: FloatArray, b_xyxy: FloatArray) -> FloatArray:
    """Intersection over the smaller box of every pair, ``(n, m)``; 0 where one is empty."""
    intersection = compute_intersection(a_xyxy, b_xyxy)
    smaller = np.minimum(compute_areas(a_xyxy)[:, None], compute_areas(b_xyxy)[None, :])
    return _divide(intersection, smaller)


def _divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    quotient = np.zeros_like(denominator)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient
