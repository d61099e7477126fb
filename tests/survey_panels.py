"""Survey panels that lie on the ground of a real flight, found by their colour.

The flight over Turin shows square panels of yellow and dark quarters. They were looked at by eye,
every pick cut out, and none is anything else. Import as ``from tests.survey_panels import ...``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import FloatArray
from detection.domain.photo import Photo
from detection.ingest.decode import decode_photo

YELLOW_HSV = ((24, 55, 215), (40, 255, 255))
SIDE_PX = (14, 34)
RING_PX = 12
SAME_PANEL_M = 5.0
"""Panels lie further apart than this, and no placing is so far off."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One panel in one photo; ``xy`` is its middle in pixels."""

    photo_id: str
    xy: tuple[float, float]


def pick_panels(photo: Photo) -> list[Pick]:
    """Find the panels of one photo."""
    pixels = decode_photo(photo)
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)
    mask = cv2.inRange(hsv, *(np.array(limit) for limit in YELLOW_HSV))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    _, _, boxes, _ = cv2.connectedComponentsWithStats(mask)
    return [
        Pick(photo.photo_id, (float(x + w / 2), float(y + h / 2)))
        for x, y, w, h, area in boxes[1:].tolist()
        if SIDE_PX[0] <= min(w, h)
        and max(w, h) <= SIDE_PX[1]
        and area > 0.4 * w * h
        and _lies_on_grey(hsv, x, y, w, h)
        and _is_partly_dark(hsv[y : y + h, x : x + w])
    ]


def _lies_on_grey(hsv: NDArray[np.uint8], x: int, y: int, w: int, h: int) -> bool:
    """Whether what lies around has little colour: concrete, no leaves."""
    low_y, low_x = y - RING_PX, x - RING_PX
    if low_x < 0 or low_y < 0 or y + h + RING_PX > hsv.shape[0] or x + w + RING_PX > hsv.shape[1]:
        return False
    around = hsv[low_y : y + h + RING_PX, low_x : x + w + RING_PX, 1].astype(float)
    ring = np.ones(around.shape, dtype=bool)
    ring[RING_PX:-RING_PX, RING_PX:-RING_PX] = False
    return bool(np.median(around[ring]) < 45)


def _is_partly_dark(inside: NDArray[np.uint8]) -> bool:
    return bool((inside[..., 2] < 140).mean() > 0.06)


def sort_by_panel(places_m: FloatArray, photo_ids: Sequence[str]) -> list[NDArray[np.intp]]:
    """Indices of the picks of each panel seen in at least five photos, once in a photo.

    ``places_m`` (n, 2) are where the picks were placed; panels lie metres apart.
    """
    left = np.ones(len(places_m), dtype=bool)
    panels = []
    while left.any():
        distance = np.linalg.norm(places_m - places_m[np.flatnonzero(left)[0]], axis=1)
        members = np.flatnonzero(left & (distance < SAME_PANEL_M))
        left[members] = False
        names = {photo_ids[index] for index in members}
        if len(names) == len(members) and len(members) >= 5:
            panels.append(members)
    return panels
