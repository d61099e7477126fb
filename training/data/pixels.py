"""Pixels of a labelled photo."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from training.data.errors import CorruptImageError, TurnedPhotoError

UPRIGHT = frozenset({0, 1})
"""EXIF orientations that turn nothing; 0 is none of the standard, but cameras write it."""


def read_pixels(path: Path) -> NDArray[np.uint8]:
    """Return ``(H, W, 3)`` RGB pixels as stored, not turned: labels are in stored pixels.

    Raises:
        CorruptImageError: the file cannot be decoded to its end.
    """
    check_decodable(path)
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        message = f"{path} cannot be decoded."
        raise CorruptImageError(message, remedy="Remove it from the set or restore it.")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def check_decodable(path: Path) -> tuple[int, int]:
    """Decode a photo to its end and return its width and height in pixels.

    OpenCV fills the rest of a photo that breaks off with grey and says nothing.

    Raises:
        CorruptImageError: it is missing, no image, or breaks off.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        message = f"{path} cannot be decoded ({error})."
        raise CorruptImageError(message, remedy="Remove it from the set or restore it.") from error


def read_orientation(path: Path) -> int:
    """Return how the EXIF data turn a photo; 1 where they say nothing that can be read."""
    with Image.open(path) as image:
        try:
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
        except (OSError, ValueError, TypeError, SyntaxError, struct.error):
            return 1


def check_upright(path: Path) -> None:
    """Refuse a photo that its EXIF data turn: tools disagree which way its labels count.

    Raises:
        TurnedPhotoError: it is turned or mirrored.
    """
    orientation = read_orientation(path)
    if orientation not in UPRIGHT:
        message = f"{path} is turned by its EXIF data (orientation {orientation})."
        raise TurnedPhotoError(
            message, remedy="Turn its pixels for good, then label or export anew."
        )
