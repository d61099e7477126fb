"""Faces and number plates in a photo that leaves the service, made unrecognisable.

OpenCV's own cascades look for them: upright faces from the front and the side, and plates of the
European shape, from about 24 px of the looked-at picture on. They find what stands upright and
close; from the air, where a face has a few pixels, they find nothing and nobody could be told
apart, and turned heads, masks and plates at an angle are missed. So this lessens what is shown of
people, it does not prove that nobody is (``docs/loop.md`` has what was measured).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.learning.decisions.errors import BlurringMissingError

LOOKED_AT_PX = 2000
"""Longer side of the picture that is looked at: of more pixels only the time grows."""

MIN_FACE_PX = 24
MIN_PLATE_PX = (60, 16)
SCALE_STEP = 1.1
MIN_NEIGHBOURS = 6
MARGIN = 0.15
"""Share of a find by which it is widened on each side: hair, chin, rim of the plate."""

CELLS = 6
"""Cells along the longer side that a find keeps: nobody is known from so few."""

SPARED_SHARE = 0.05
"""A find that would cover more of a labelled box is left sharp: it is the thing itself, mostly."""

FACES = ("haarcascade_frontalface_alt2.xml", "haarcascade_profileface.xml")
PLATES = ("haarcascade_russian_plate_number.xml",)

Pixels = NDArray[np.uint8]
Window = tuple[int, int, int, int]
"""``x_min, y_min, x_max, y_max`` in pixels of the photo."""


@dataclass(frozen=True, slots=True)
class Blurred:
    """A photo with what was made unrecognisable in it; ``spared`` finds lie in a labelled box."""

    pixels: Pixels
    faces: int
    plates: int
    spared: int

    def counts(self) -> dict[str, int]:
        """Return the numbers as ``decisions.json`` has them."""
        return {"faces": self.faces, "plates": self.plates, "spared": self.spared}


def blur_people(pixels: Pixels, labelled: Sequence[Sequence[float]]) -> Blurred:
    """Return a copy of a photo with faces and number plates blurred.

    Args:
        pixels: ``(H, W, 3)`` RGB.
        labelled: boxes ``x_min, y_min, x_max, y_max`` of what people labelled; inside them only
            finds are blurred that are small beside them.

    Raises:
        BlurringMissingError: the cascades are not installed; nothing may leave unblurred.
    """
    out = pixels.copy()
    found = {"faces": 0, "plates": 0}
    spared = 0
    for kind, windows in _find_all(pixels).items():
        for window in windows:
            if any(_covers(window, box) for box in labelled):
                spared += 1
            else:
                _coarsen(out, window)
                found[kind] += 1
    return Blurred(out, found["faces"], found["plates"], spared)


def _find_all(pixels: Pixels) -> dict[str, list[Window]]:
    height_px, width_px = pixels.shape[:2]
    scale = min(1.0, LOOKED_AT_PX / max(height_px, width_px))
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    if scale < 1.0:
        size = (round(width_px * scale), round(height_px * scale))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    grey = np.asarray(cv2.equalizeHist(grey), dtype=np.uint8)
    faces = [*_find(grey, FACES, (MIN_FACE_PX, MIN_FACE_PX)), *_find_mirrored(grey)]
    plates = _find(grey, PLATES, MIN_PLATE_PX)
    return {
        kind: [_widen(item, scale, width_px, height_px) for item in items]
        for kind, items in (("faces", faces), ("plates", plates))
    }


def _find(grey: Pixels, files: Iterable[str], least: tuple[int, int]) -> list[Window]:
    """Return ``x, y, width, height`` in the looked-at picture."""
    found: list[Window] = []
    for file in files:
        for x, y, width, height in _load(file).detectMultiScale(
            grey, scaleFactor=SCALE_STEP, minNeighbors=MIN_NEIGHBOURS, minSize=least
        ):
            found.append((int(x), int(y), int(width), int(height)))
    return found


def _find_mirrored(grey: Pixels) -> list[Window]:
    """Return faces that look the other way: the cascade knows one side only."""
    flipped = np.asarray(cv2.flip(grey, 1), dtype=np.uint8)
    found = _find(flipped, FACES[1:], (MIN_FACE_PX, MIN_FACE_PX))
    return [(grey.shape[1] - x - width, y, width, height) for x, y, width, height in found]


@cache
def _load(file: str) -> cv2.CascadeClassifier:
    path = Path(cv2.__file__).parent / "data" / file
    if not path.is_file():
        raise BlurringMissingError(file)
    return cv2.CascadeClassifier(str(path))


def _widen(item: Window, scale: float, width_px: int, height_px: int) -> Window:
    x, y, width, height = (value / scale for value in item)
    return (
        max(0, int(x - MARGIN * width)),
        max(0, int(y - MARGIN * height)),
        min(width_px, int(np.ceil(x + (1 + MARGIN) * width))),
        min(height_px, int(np.ceil(y + (1 + MARGIN) * height))),
    )


def _covers(window: Window, box: Sequence[float]) -> bool:
    """Whether blurring would take more than a sliver of a labelled box."""
    width = min(window[2], box[2]) - max(window[0], box[0])
    height = min(window[3], box[3]) - max(window[1], box[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return width > 0 and height > 0 and width * height > SPARED_SHARE * area


def _coarsen(pixels: Pixels, window: Window) -> None:
    """Replace a window by a few even cells, in place."""
    x_min, y_min, x_max, y_max = window
    part = pixels[y_min:y_max, x_min:x_max]
    height, width = part.shape[:2]
    longer = max(height, width)
    cells = (max(1, round(CELLS * width / longer)), max(1, round(CELLS * height / longer)))
    small = cv2.resize(part, cells, interpolation=cv2.INTER_AREA)
    pixels[y_min:y_max, x_min:x_max] = cv2.resize(
        small, (width, height), interpolation=cv2.INTER_NEAREST
    )
