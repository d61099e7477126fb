"""The surroundings of a suspected label as a small picture; the page draws the boxes over it."""

from __future__ import annotations

from pathlib import Path

import cv2

from detection.report.crops import choose_window
from detection.report.files import write_atomic
from training.data.annotation import AnnotatedPhoto
from training.data.pixels import read_pixels
from training.data.suspects import Suspect

CONTEXT = 2.0
"""Side of a crop in multiples of the longer side of what is shown."""

MIN_CONTEXT_PX = 240.0
LONGEST_PX = 720
JPEG_QUALITY = 88

Window = tuple[int, int, int, int]
"""Part of a photo, ``x_min, y_min, x_max, y_max`` in whole pixels."""


def choose_crop(suspect: Suspect) -> Window:
    """Return the part of the photo that shows label and box with their surroundings."""
    photo = suspect.photo
    return choose_window(
        suspect.box,
        photo.width_px,
        photo.height_px,
        context=CONTEXT,
        min_side_px=MIN_CONTEXT_PX,
    )


def write_crop(path: Path, photo: AnnotatedPhoto, window: Window) -> None:
    """Write the part of a photo as JPEG, without metadata, at most ``LONGEST_PX`` long."""
    x_min, y_min, x_max, y_max = window
    crop = read_pixels(photo.path)[y_min:y_max, x_min:x_max]
    scale = min(1.0, LONGEST_PX / max(crop.shape[:2]))
    size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    drawn = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    write_atomic(path, encoded.tobytes())
