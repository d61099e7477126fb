"""Pixels of a labelled photo."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.domain.errors import InvalidInputError


def read_pixels(path: Path) -> NDArray[np.uint8]:
    """Return ``(H, W, 3)`` RGB pixels as stored, not turned: labels are in stored pixels.

    Raises:
        InvalidInputError: the file cannot be decoded.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        message = f"{path} cannot be decoded."
        raise InvalidInputError(message, remedy="Remove it from the set or restore it.")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)
