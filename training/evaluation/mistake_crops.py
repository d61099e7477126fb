"""A mistake drawn on its photo: truth in one colour, what was found in another."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import BBox, FloatArray, Polygon
from detection.report.crops import bgr_from_hex, choose_window
from training.evaluation.mistakes import Mistake, MistakeKind

CROP_PX = 480
CONTEXT = 2.5
"""Side of a crop in multiples of the longer side of its box."""

MIN_CONTEXT_PX = 160.0
JPEG_QUALITY = 86
MARK_PX = 26.0
"""Length of the marks at the corners of the box in question."""

# Blue and orange are told apart by all but a few colour-blind people.
TRUTH_COLOR: Final = "#1f6feb"
FOUND_COLOR: Final = "#f0720b"


def draw_mistake(pixels: NDArray[np.uint8], mistake: Mistake) -> bytes:
    """Return a JPEG of the place of a mistake with all true and all shown boxes around it."""
    x_min, y_min, x_max, y_max = choose_window(
        mistake.box, *pixels.shape[1::-1], context=CONTEXT, min_side_px=MIN_CONTEXT_PX
    )
    crop = pixels[y_min:y_max, x_min:x_max]
    scale = CROP_PX / max(crop.shape[:2])
    size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    drawn = cv2.cvtColor(cv2.resize(crop, size, interpolation=method), cv2.COLOR_RGB2BGR)
    origin = np.array([x_min, y_min], dtype=np.float64)
    for item in mistake.answer.photo.annotations:
        if item.polygon:
            _trace(drawn, (np.array(item.polygon) - origin) * scale, TRUTH_COLOR)
        else:
            _frame(drawn, (np.array(corners_of(item.box)) - origin) * scale, TRUTH_COLOR, 3.0)
    for one in mistake.shown:
        for ring in one.polygons:
            _trace(drawn, (np.array(ring) - origin) * scale, FOUND_COLOR)
        if not one.polygons:
            _frame(drawn, (np.array(corners_of(one.bbox_xyxy)) - origin) * scale, FOUND_COLOR, 6.0)
    if any(item.polygon for item in mistake.answer.photo.annotations) or any(
        one.polygons for one in mistake.shown
    ):
        color = TRUTH_COLOR if mistake.kind is MistakeKind.MISS else FOUND_COLOR
        _mark_corners(drawn, (np.array(corners_of(mistake.box)) - origin) * scale, color)
    _, encoded = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return bytes(encoded)


def corners_of(box: BBox) -> Polygon:
    """Return the four corners of a box."""
    x_min, y_min, x_max, y_max = box.xyxy
    return ((x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max))


def _frame(drawn: NDArray[np.uint8], corners: FloatArray, color: str, grow_px: float) -> None:
    """Draw a box a little outside of itself; where that is outside the crop, at its border."""
    high = np.array(drawn.shape[1::-1], dtype=np.float64)
    if (corners[2] < 0).any() or (corners[0] > high).any():
        return
    grown = corners + np.sign(corners - corners.mean(axis=0)) * grow_px
    points = [np.rint(np.clip(grown, 1, high - 2)).astype(np.int32)]
    cv2.polylines(drawn, points, isClosed=True, color=(255, 255, 255), thickness=4)
    cv2.polylines(drawn, points, isClosed=True, color=bgr_from_hex(color), thickness=2)


def _trace(drawn: NDArray[np.uint8], corners: FloatArray, color: str) -> None:
    """Draw an outline as a thin line: a crack must stay visible between its sides."""
    points = [np.rint(corners).astype(np.int32)]
    bgr = bgr_from_hex(color)
    cv2.polylines(drawn, points, isClosed=True, color=bgr, thickness=1, lineType=cv2.LINE_AA)


def _mark_corners(drawn: NDArray[np.uint8], corners: FloatArray, color: str) -> None:
    """Mark the corners of the box in question: among many outlines it says which one is meant."""
    middle = corners.mean(axis=0)
    high = np.array(drawn.shape[1::-1], dtype=np.float64)
    for corner in np.clip(corners + np.sign(corners - middle) * 8.0, 3, high - 4):
        for axis in (0, 1):
            end = corner.copy()
            end[axis] += np.sign(middle - corner)[axis] * MARK_PX
            ends = [np.rint(np.stack([corner, end])).astype(np.int32)]
            cv2.polylines(drawn, ends, isClosed=False, color=(255, 255, 255), thickness=5)
            cv2.polylines(drawn, ends, isClosed=False, color=bgr_from_hex(color), thickness=3)
