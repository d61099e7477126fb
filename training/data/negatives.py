"""Flights that show none of the things: photos to measure on, tiles to train on."""

from __future__ import annotations

from pathlib import Path

import cv2

from detection.domain.errors import InvalidInputError
from detection.tiling import cut_tile, tile_photo
from training.data.annotation import AnnotatedPhoto
from training.data.pixels import read_pixels
from training.data.sources import IMAGE_SUFFIXES, read_header

JPEG_QUALITY = 95


def list_flight(folder: Path, *, dataset: str, split: str) -> list[AnnotatedPhoto]:
    """Return the photos of a flight as negatives.

    Raises:
        InvalidInputError: the folder holds no photo.
    """
    images = sorted(path for path in folder.glob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    if not images:
        message = f"No photo lies in {folder}."
        raise InvalidInputError(message, remedy="Give a folder of JPEG, PNG or TIFF photos.")
    return [_negative(path, dataset, split) for path in images]


def cut_negatives(
    folder: Path, out_dir: Path, *, dataset: str, tile_px: int, every: int
) -> list[AnnotatedPhoto]:
    """Cut every ``every``-th photo of a flight into native-scale tiles and return them."""
    out_dir.mkdir(parents=True, exist_ok=True)
    return [
        tile
        for photo in list_flight(folder, dataset=dataset, split="train")[::every]
        for tile in _cut_photo(photo, out_dir, tile_px)
    ]


def _cut_photo(photo: AnnotatedPhoto, out_dir: Path, tile_px: int) -> list[AnnotatedPhoto]:
    pixels = read_pixels(photo.path)
    tiles = tile_photo(
        photo.width_px, photo.height_px, tile_px=tile_px, overlap=0.0, include_overview=False
    )
    found = []
    for tile in tiles:
        path = out_dir / f"{photo.path.stem}_{tile.x_min}_{tile.y_min}.jpg"
        cut = cut_tile(pixels, tile, tile_px)
        cv2.imwrite(
            str(path),
            cv2.cvtColor(cut, cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY],
        )
        found.append(_negative(path, photo.dataset, photo.split))
    return found


def _negative(path: Path, dataset: str, split: str) -> AnnotatedPhoto:
    return read_header(path, dataset=dataset, split=split, group=dataset)
