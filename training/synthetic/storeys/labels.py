"""From the picture of numbers to boxes: what is seen of each addition, exact to the pixel."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import BBox
from training.synthetic.camera import Array, PinholeCamera

MIN_SIDE_PX = 14.0
MIN_VISIBLE = 0.2
"""Share of the outline inside the photo that has to be seen; scaffolds are mostly gaps."""


def box_things(
    numbers: NDArray[np.uint8], camera: PinholeCamera, corners: Mapping[int, Array]
) -> list[BBox]:
    """Return the boxes of what is seen; ``numbers`` (h, w) holds 0 or the number of a thing.

    ``corners`` are the points ``(n, 3)`` of each thing. Those of which too little is seen, behind
    others or beyond the edge, carry no box.
    """
    boxes = []
    for thing, points in corners.items():
        rows, columns = np.nonzero(numbers == thing)
        if len(rows) < MIN_SIDE_PX**2 / 2:
            continue
        box = BBox(
            float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1)
        )
        if min(box.width_px, box.height_px) < MIN_SIDE_PX:
            continue
        if len(rows) >= MIN_VISIBLE * measure_outline(camera, points):
            boxes.append(box)
    return boxes


def measure_outline(camera: PinholeCamera, points: Array) -> float:
    """Area in pixels of the hull of the projected points inside the photo, if nothing hid them."""
    pixels, _ = camera.project(points)
    pixels = pixels[np.isfinite(pixels).all(axis=1)]
    if len(pixels) < 3:  # noqa: PLR2004 - no area
        return 0.0
    hull = cv2.convexHull(pixels.astype(np.float32))
    width, height = camera.width_px, camera.height_px
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    return float(cv2.intersectConvexConvex(hull, frame)[0])


def write_rows(boxes: list[BBox], size_px: int) -> str:
    """YOLO text, class 0, normalised to a square photo."""
    rows = []
    for box in boxes:
        x, y = box.center
        fields = " ".join(f"{v / size_px:.6f}" for v in (x, y, box.width_px, box.height_px))
        rows.append(f"0 {fields}\n")
    return "".join(rows)
