"""Drawn crops: each sighting of a candidate with its surroundings."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.domain.finding import Candidate, Detection
from detection.domain.geometry import BBox, FloatArray
from detection.domain.photo import Photo
from detection.report.content import CLASS_COLORS
from detection.report.files import write_atomic

FOLDER_NAME = "crops"
CROP_PX = 480
CONTEXT = 3.0
"""Side of a crop in multiples of the longer side of its box."""

MIN_CONTEXT_PX = 200.0
JPEG_QUALITY = 88
WHITE = (255, 255, 255)
WORKERS = 2
"""Photos decoded at once; each takes its full size in memory."""

_OUR_FILES = re.compile(r"[0-9a-f]{20}_\d+\.jpg")

ReadPixels = Callable[[Photo], NDArray[np.uint8] | None]
"""Photo to RGB pixels ``(H, W, 3)``; None where the file cannot be read any more."""


def write_crops(
    out_dir: Path,
    candidates: Iterable[Candidate],
    photos: Mapping[str, Photo],
    read_pixels: ReadPixels,
) -> dict[tuple[str, int], str]:
    """Draw every sighting and return the crops' paths relative to ``out_dir``.

    The result is keyed by candidate key and index of the sighting; a sighting whose photo is gone
    has no entry. Crops of earlier runs that no candidate names any more are removed. Each photo
    is decoded once.
    """
    folder = out_dir / FOLDER_NAME
    folder.mkdir(exist_ok=True)
    wanted: defaultdict[str, list[tuple[str, int, Detection]]] = defaultdict(list)
    for candidate in candidates:
        for index, sighting in enumerate(candidate.sightings):
            detection = sighting.detection
            wanted[detection.photo_id].append((candidate.key, index, detection))

    def write_photo_crops(photo_id: str) -> dict[tuple[str, int], str]:
        pixels = read_pixels(photos[photo_id])
        if pixels is None:
            return {}
        written = {}
        for key, index, detection in wanted[photo_id]:
            name = f"{key}_{index + 1}.jpg"
            write_atomic(folder / name, draw_crop(pixels, detection))
            written[key, index] = f"{FOLDER_NAME}/{name}"
        return written

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        names = {
            k: v for part in pool.map(write_photo_crops, sorted(wanted)) for k, v in part.items()
        }
    _remove_stale(folder, {Path(name).name for name in names.values()})
    return names


def draw_crop(pixels: NDArray[np.uint8], detection: Detection) -> bytes:
    """Return a JPEG of what was found with its surroundings, at most ``CROP_PX`` wide and high.

    The outline is drawn where there is one, else the box.
    """
    x_min, y_min, x_max, y_max = choose_window(
        detection.bbox_xyxy, *pixels.shape[1::-1], context=CONTEXT, min_side_px=MIN_CONTEXT_PX
    )
    crop = pixels[y_min:y_max, x_min:x_max]
    scale = CROP_PX / max(crop.shape[:2])
    size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    drawn = cv2.cvtColor(cv2.resize(crop, size, interpolation=method), cv2.COLOR_RGB2BGR)
    color = bgr_from_hex(CLASS_COLORS[detection.hazard_class])
    origin = np.array([x_min, y_min], dtype=np.float64)
    if detection.polygons:
        _draw_outline(
            drawn, [(np.array(one) - origin) * scale for one in detection.polygons], color
        )
    else:
        corners = (np.array(detection.bbox_xyxy.xyxy).reshape(2, 2) - origin) * scale
        _draw_box(drawn, corners, color)
    _, encoded = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return bytes(encoded)


def _draw_box(drawn: NDArray[np.uint8], corners: FloatArray, color: tuple[int, int, int]) -> None:
    """Draw a box of two ``corners``; the line stays outside: what was found is not painted over."""
    low, high = np.add(corners.round(), [[-3], [3]]).astype(int).tolist()
    cv2.rectangle(drawn, low, high, WHITE, 5, cv2.LINE_AA)
    cv2.rectangle(drawn, low, high, color, 3)


def _draw_outline(
    drawn: NDArray[np.uint8], rings: Iterable[FloatArray], color: tuple[int, int, int]
) -> None:
    """Draw the rings of an outline; the line runs beside a crack, not over it."""
    inside = np.zeros(drawn.shape[:2], dtype=np.uint8)
    for ring in rings:
        cv2.fillPoly(inside, [ring.round().astype(np.int32)], 1)
    inside = cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11)))
    lines, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, lines, -1, WHITE, 5, cv2.LINE_AA)
    cv2.drawContours(drawn, lines, -1, color, 3, cv2.LINE_AA)


def choose_window(
    box: BBox, width_px: int, height_px: int, *, context: float, min_side_px: float
) -> tuple[int, int, int, int]:
    """Return a square around the box, moved into the photo and cut where the photo is smaller.

    Its side is ``context`` times the longer side of the box, ``min_side_px`` at least.
    """
    side = max(context * max(box.width_px, box.height_px), min_side_px)
    spans = []
    for middle, limit in zip(box.center, (width_px, height_px), strict=True):
        start = min(max(0, round(middle - side / 2)), max(0, limit - round(side)))
        spans.append((start, min(limit, start + round(side))))
    return spans[0][0], spans[1][0], spans[0][1], spans[1][1]


def bgr_from_hex(color: str) -> tuple[int, int, int]:
    """Return the channels of ``#rrggbb`` in the order of OpenCV."""
    red, green, blue = (int(color[index : index + 2], 16) for index in (1, 3, 5))
    return blue, green, red


def _remove_stale(folder: Path, names: set[str]) -> None:
    for path in folder.iterdir():
        if _OUR_FILES.fullmatch(path.name) and path.name not in names:
            path.unlink()
