"""Flights that show none of the things: photos to measure on, tiles to train on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import Tile
from detection.tiling import cut_tile, tile_photo
from training.data.annotation import AnnotatedPhoto
from training.data.known import boxes_in_tile
from training.data.pixels import read_pixels
from training.data.sources import IMAGE_SUFFIXES, read_header

JPEG_QUALITY = 95


def list_flight(
    folder: Path, *, dataset: str, split: str, photos: tuple[int, int] | None = None
) -> list[AnnotatedPhoto]:
    """Return the photos of a flight as negatives, by name; ``photos`` is a range of them.

    Raises:
        InvalidInputError: the folder holds no photo, or fewer than the range names.
    """
    images = sorted(path for path in folder.glob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    if not images:
        message = f"No photo lies in {folder}."
        raise InvalidInputError(message, remedy="Give a folder of JPEG, PNG or TIFF photos.")
    start, stop = photos or (0, len(images))
    if stop > len(images):
        message = f"{folder} holds {len(images)} photos, the range ends at {stop}."
        raise InvalidInputError(message, remedy="Give photos: [start, stop] within the folder.")
    return [_negative(path, dataset, split) for path in images[start:stop]]


def cut_negatives(
    photos: Iterable[AnnotatedPhoto], out_dir: Path, *, tile_px: int
) -> list[AnnotatedPhoto]:
    """Cut photos of a flight into native-scale tiles; what they are known to show stays boxed."""
    return [tile for photo in photos for tile in _cut_photo(photo, out_dir, tile_px)]


def _cut_photo(photo: AnnotatedPhoto, out_dir: Path, tile_px: int) -> list[AnnotatedPhoto]:
    pixels = read_pixels(photo.path)
    tiles = tile_photo(
        photo.width_px, photo.height_px, tile_px=tile_px, overlap=0.0, include_overview=False
    )
    return [
        write_tile(
            cut_tile(pixels, tile, tile_px),
            out_dir / f"{photo.path.stem}_{tile.x_min}_{tile.y_min}.jpg",
            photo,
            tile,
        )
        for tile in tiles
    ]


def write_tile(
    pixels: NDArray[np.uint8], path: Path, photo: AnnotatedPhoto, tile: Tile
) -> AnnotatedPhoto:
    """Write the ``(H, W, 3)`` RGB pixels of a tile as a JPEG and return it with its boxes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(path), bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return replace(
        _negative(path, photo.dataset, photo.split), annotations=boxes_in_tile(photo, tile)
    )


def _negative(path: Path, dataset: str, split: str) -> AnnotatedPhoto:
    return read_header(path, dataset=dataset, split=split, group=dataset)
