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
from detection.domain.geometry import BBox
from detection.domain.photo import Photo
from detection.report.content import CLASS_COLORS
from detection.report.files import write_atomic

FOLDER_NAME = "crops"
CROP_PX = 480
CONTEXT = 3.0
"""Side of a crop in multiples of the longer side of its box."""

MIN_CONTEXT_PX = 200.0
JPEG_QUALITY = 88
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
    """Return a JPEG of the box with its surroundings, at most ``CROP_PX`` wide and high."""
    x_min, y_min, x_max, y_max = _choose_window(detection.bbox_xyxy, *pixels.shape[1::-1])
    crop = pixels[y_min:y_max, x_min:x_max]
    scale = CROP_PX / max(crop.shape[:2])
    size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    drawn = cv2.cvtColor(cv2.resize(crop, size, interpolation=method), cv2.COLOR_RGB2BGR)
    box = detection.bbox_xyxy.shift(-x_min, -y_min)
    corners = [round(side * scale) for side in box.xyxy]
    # The line stays outside of the box: what was found must not be painted over.
    low, high = (corners[0] - 3, corners[1] - 3), (corners[2] + 3, corners[3] + 3)
    cv2.rectangle(drawn, low, high, (255, 255, 255), 5, cv2.LINE_AA)
    cv2.rectangle(drawn, low, high, _bgr_from_hex(CLASS_COLORS[detection.hazard_class]), 3)
    _, encoded = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return bytes(encoded)


def _choose_window(box: BBox, width_px: int, height_px: int) -> tuple[int, int, int, int]:
    """Return a square around the box, moved into the photo and cut where the photo is smaller."""
    side = max(CONTEXT * max(box.width_px, box.height_px), MIN_CONTEXT_PX)
    spans = []
    for middle, limit in zip(box.center, (width_px, height_px), strict=True):
        start = min(max(0, round(middle - side / 2)), max(0, limit - round(side)))
        spans.append((start, min(limit, start + round(side))))
    return spans[0][0], spans[1][0], spans[0][1], spans[1][1]


def _bgr_from_hex(color: str) -> tuple[int, int, int]:
    red, green, blue = (int(color[index : index + 2], 16) for index in (1, 3, 5))
    return blue, green, red


def _remove_stale(folder: Path, names: set[str]) -> None:
    for path in folder.iterdir():
        if _OUR_FILES.fullmatch(path.name) and path.name not in names:
            path.unlink()
