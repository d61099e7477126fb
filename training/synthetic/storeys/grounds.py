"""Real ground under rendered houses: a run must not tell an addition by the look of a render."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.domain.errors import InvalidInputError
from training.synthetic.rasterize import Image
from training.synthetic.textures import Rng

GROUND_NUMBER = 255
"""What the picture of numbers holds where bare ground is seen."""

SUFFIXES = {".jpg", ".jpeg"}
ZOOM = (0.6, 1.5)
SHADE = (0.25, 1.4)


def list_grounds(wanted: Iterable[str]) -> list[Path]:
    """Return photos of flights; each is named ``FOLDER``, or ``FOLDER:N`` for its first N photos.

    Those that are measured on must not be among them.
    """
    photos: list[Path] = []
    for entry in wanted:
        folder, _, count = entry.partition(":")
        there = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in SUFFIXES)
        photos += there[: int(count)] if count else there
    return photos


def lay_ground(rng: Rng, photo: Image, numbers: NDArray[np.uint8], ground: Path) -> Image:
    """Return the photo with a crop of ``ground`` where its ground was, in its light and shade."""
    mask = numbers == GROUND_NUMBER
    if not mask.any():
        return photo
    height, width = mask.shape
    crop = _crop(rng, ground, (width, height))
    light = cv2.GaussianBlur(photo.mean(axis=2).astype(np.float32), (0, 0), 2.0)
    # The brightest half of the ground lies in the light; what is darker lies in shadow.
    shade = np.clip(light / max(float(np.percentile(light[mask], 70)), 1.0), *SHADE)
    share = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)[..., None]
    mixed = crop * shade[..., None] * share + photo * (1 - share)
    return np.asarray(np.clip(mixed, 0, 255), dtype=np.uint8)


def read_rgb(path: Path) -> Image:
    """Return the pixels ``(h, w, 3)`` of a picture.

    Raises:
        InvalidInputError: it is none, or cannot be read.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        message = f"{path} cannot be read as an image."
        raise InvalidInputError(message, remedy="Name folders of drone photos with --ground.")
    return np.asarray(pixels[..., ::-1], dtype=np.uint8)


def _crop(rng: Rng, ground: Path, size_px: tuple[int, int]) -> Image:
    pixels = read_rgb(ground)
    width, height = size_px
    scale = max(float(rng.uniform(*ZOOM)), width / pixels.shape[1], height / pixels.shape[0])
    sized = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    left = int(rng.integers(max(1, sized.shape[1] - width)))
    top = int(rng.integers(max(1, sized.shape[0] - height)))
    crop = sized[top : top + height, left : left + width]
    return np.asarray(crop[:, :: int(rng.choice([-1, 1]))], dtype=np.uint8)
