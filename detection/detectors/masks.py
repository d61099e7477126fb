"""Mask coefficients and prototypes of a segment model to outlines in tile pixels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.detectors.base import Outline
from detection.domain.geometry import FloatArray
from detection.outlines import MIN_CORNERS, MIN_HOLE_PX2

COEFFICIENTS = 32
"""Mask coefficients of a row, and prototypes that they weigh."""

CELL_PX = 4
"""Tile pixels per cell of a prototype."""

FINE_PER_PX = 2
"""Samples per tile pixel. A traced ring runs through the middles of samples and so loses half a
sample on each side: with one per pixel a crack of three pixels would lose a third of its width."""

MIN_PIECE_PX2 = 4.0
"""Smaller pieces of a mask are crumbs."""

TOLERANCE_PX = 0.5
"""How far a simplified ring may leave the mask."""


def decode_outline(
    coefficients: NDArray[np.float32],
    prototypes: NDArray[np.float32],
    xyxy: NDArray[np.float32],
    cut: float = 0.0,
) -> Outline:
    """Return the outline of one box's mask, cut to the box and to the tile; empty without any.

    ``coefficients`` is ``(32,)``, ``prototypes`` ``(32, h, w)`` in cells of ``CELL_PX``. Only the
    cells under the box are computed, and only those around the mask are enlarged. The mask is where
    the logit is above ``cut``: 0 is what training asks for, more draws a thin thing thinner. What
    is enlarged are the logits, not the mask: so the edge of a thin crack lies between cells.
    """
    limits = np.array(prototypes.shape[:0:-1], dtype=np.float64)
    low = np.clip(xyxy[:2].astype(np.float64), 0, limits * CELL_PX)
    high = np.clip(xyxy[2:].astype(np.float64), 0, limits * CELL_PX)
    first = np.maximum(np.floor(low / CELL_PX) - 1, 0).astype(np.intp)
    last = np.minimum(np.ceil(high / CELL_PX) + 1, limits).astype(np.intp)
    if not (high > low).all():
        return ()
    window = prototypes[:, first[1] : last[1], first[0] : last[0]]
    logits = np.tensordot(coefficients, window, axes=1) - np.float32(cut)
    y, x = np.nonzero(logits > 0)
    if not len(x):
        return ()
    x_min, y_min = max(0, int(x.min()) - 1), max(0, int(y.min()) - 1)
    logits = logits[y_min : y.max() + 2, x_min : x.max() + 2]
    origin = np.add(first, (x_min, y_min)) * CELL_PX
    rings = trace_mask(_cut_to_box(_enlarge(logits), low - origin, high - origin))
    return tuple(np.clip((ring + 0.5) / FINE_PER_PX + origin, low, high) for ring in rings)


def _enlarge(logits: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the mask of ``(h, w)`` cells in samples, 1 where the thing is."""
    size = [side * CELL_PX * FINE_PER_PX for side in logits.shape[::-1]]
    fine = cv2.resize(logits.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(fine > 0, dtype=np.uint8)


def _cut_to_box(mask: NDArray[np.uint8], low: FloatArray, high: FloatArray) -> NDArray[np.uint8]:
    """Empty every sample whose middle lies outside of a box in pixels from the mask's corner."""
    x_min, y_min = np.maximum(np.ceil(low * FINE_PER_PX - 0.5), 0).astype(np.intp)
    x_max, y_max = np.maximum(np.ceil(high * FINE_PER_PX - 0.5), 0).astype(np.intp)
    mask[:y_min] = mask[y_max:] = 0
    mask[:, :x_min] = mask[:, x_max:] = 0
    return mask


def trace_mask(mask: NDArray[np.uint8]) -> list[FloatArray]:
    """Return simple rings ``(k, 2)`` of x, y through the outermost samples of each piece.

    A piece with a hole is cut through the middle of the hole, so that rings alone describe it.
    """
    contours, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    per_px2 = FINE_PER_PX**2
    rings: list[FloatArray] = []
    holes = []
    for index, contour in enumerate(contours):
        area_px2 = cv2.contourArea(contour) / per_px2
        if tree[0][index][3] >= 0:
            holes += [contour] if area_px2 >= MIN_HOLE_PX2 else []
        elif area_px2 >= MIN_PIECE_PX2:
            ring = cv2.approxPolyDP(contour, TOLERANCE_PX * FINE_PER_PX, closed=True)[:, 0]
            rings += [ring.astype(np.float64)] if len(ring) >= MIN_CORNERS else []
    return _trace_halves(mask, holes) if holes else rings


def _trace_halves(mask: NDArray[np.uint8], holes: list[NDArray[np.int32]]) -> list[FloatArray]:
    """Cut a mask in two through the most central hole and trace both; they share the cut."""
    spans = [cv2.boundingRect(hole) for hole in holes]
    cuts = [int(x + width // 2) for x, _, width, _ in spans]
    cut = min(cuts, key=lambda column: (abs(2 * column - mask.shape[1]), column))
    right = trace_mask(np.ascontiguousarray(mask[:, cut:]))
    left = trace_mask(np.ascontiguousarray(mask[:, : cut + 1]))
    return left + [np.add(ring, (cut, 0)) for ring in right]
