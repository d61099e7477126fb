"""Outlines as pixels: how far found ones cover true ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from detection.domain.geometry import FloatArray, Polygon

Mask = NDArray[np.uint8]


FOUND_SHIFT_PX: Final = -0.5
"""Found outlines run in coordinates where a pixel reaches from its number to the next one; labels
were traced through the middles of the outermost pixels, whose coordinates are their numbers."""


def draw_outlines(
    polygons: Iterable[Polygon], width_px: int, height_px: int, *, shift_px: float = 0.0
) -> Mask:
    """Return ``(height_px, width_px)`` pixels, 1 inside of or on any of the polygons.

    Corners are rounded to whole pixels and the border belongs to the outline: a crack one pixel
    wide has no inside. Found outlines are drawn with a ``shift_px`` of ``FOUND_SHIFT_PX``.
    """
    mask = np.zeros((height_px, width_px), dtype=np.uint8)
    paint_outlines(mask, polygons, 1, shift_px=shift_px)
    return mask


def paint_outlines(
    canvas: Mask, polygons: Iterable[Polygon], value: int, *, shift_px: float
) -> None:
    """Set the pixels inside of or on the polygons."""
    for polygon in polygons:
        corners = np.rint(np.asarray(polygon, dtype=np.float64) + shift_px).astype(np.int32)
        cv2.fillPoly(canvas, [corners.reshape(-1, 1, 2)], (value,))


def compute_outline_iou(
    found: Sequence[Sequence[Polygon]],
    truth: Sequence[Sequence[Polygon]],
    width_px: int,
    height_px: int,
) -> FloatArray:
    """Return the IoU of every pair of things, ``(n, m)``; each is drawn from its polygons."""
    if not found or not truth:
        return np.zeros((len(found), len(truth)), dtype=np.float64)
    size_px = width_px, height_px
    encoded_found = [
        encode_mask(draw_outlines(one, *size_px, shift_px=FOUND_SHIFT_PX)) for one in found
    ]
    encoded_truth = [encode_mask(draw_outlines(one, *size_px)) for one in truth]
    overlaps = coco_mask.iou(encoded_found, encoded_truth, [0] * len(truth))
    return np.asarray(overlaps, dtype=np.float64).reshape(len(found), len(truth))


def encode_mask(mask: Mask) -> dict[str, Any]:
    """Return a mask as the run lengths of pycocotools."""
    encoded: dict[str, Any] = coco_mask.encode(np.asfortranarray(mask))
    return encoded
