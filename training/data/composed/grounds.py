"""Real and rendered road surfaces without covers, onto which things are pasted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox, Tile
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.composed.covers import FloatImage
from training.data.known import boxes_in_tile
from training.data.pixels import read_pixels
from training.synthetic.training_covers import build_cover_scene, photograph_covers

Rng = np.random.Generator

_VIEWS = ((1.5, (0.22, 0.5), 0.5), (1.25, (0.35, 0.75), 0.45), (0.0, (0.5, 1.0), 0.15))
"""Least width per height of a photo, tilt and top: the wider, the more it looks along the road."""

_ZOOM = (0.75, 1.4)
_SMALL_PX = 160
_CROPS = 5


@dataclass(frozen=True, slots=True)
class Ground:
    """Some ground: ``(H, W, 3)`` RGB, how it is seen, and how wide a cover may be on it.

    ``tilt`` bounds height per width of a round thing, ``top`` is the share of the photo above
    which nothing is pasted. ``origin`` names the photo, ``annotations`` are the real things that
    lie on it already.
    """

    pixels: FloatImage
    tilt: tuple[float, float]
    top: float
    width_px: tuple[float, float]
    origin: str
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True, slots=True)
class GroundMaker:
    """One kind of ground and how often it is wanted beside the others."""

    share: float
    make: Callable[[Rng], Ground]


def list_makers(
    negatives: Sequence[AnnotatedPhoto],
    flights: Sequence[Sequence[AnnotatedPhoto]],
    *,
    size_px: int,
    width_px: tuple[float, float],
    side: str = "train",
) -> list[GroundMaker]:
    """Return one maker for each kind of ground that there is; flights are drawn equally often.

    Raises:
        InvalidInputError: a photo is on another side than the scenes will be.
    """
    for photo in (*negatives, *(photo for photos in flights for photo in photos)):
        if photo.split != side:
            message = f"{photo.name} is on the {photo.split} side: no ground to paste onto."
            raise InvalidInputError(message, remedy=f"Paste onto {side} photos only.")
    makers = [GroundMaker(0.15, lambda rng: _render(rng, size_px, width_px))]
    if negatives:
        makers.append(
            GroundMaker(0.45, lambda rng: _fit_photo(_pick(rng, negatives), size_px, width_px))
        )
    if flights:
        makers.append(
            GroundMaker(
                0.4,
                lambda rng: _crop_flight(
                    rng, _pick(rng, flights[int(rng.integers(len(flights)))]), size_px, width_px
                ),
            )
        )
    return makers


def _pick(rng: Rng, photos: Sequence[AnnotatedPhoto]) -> AnnotatedPhoto:
    return photos[int(rng.integers(len(photos)))]


@lru_cache(maxsize=4)
def _read_cached(path: Path) -> NDArray[np.uint8]:
    return read_pixels(path)


def _crop_flight(
    rng: Rng, photo: AnnotatedPhoto, size_px: int, width_px: tuple[float, float]
) -> Ground:
    """Cut a square of a drone photo, a little enlarged or made small."""
    pixels = _read_cached(photo.path)
    side_px = min(round(size_px / float(rng.uniform(*_ZOOM))), photo.width_px, photo.height_px)
    tiles = [
        Tile(x, y, x + side_px, y + side_px, size_px / side_px)
        for x, y in zip(
            rng.integers(photo.width_px - side_px + 1, size=_CROPS).tolist(),
            rng.integers(photo.height_px - side_px + 1, size=_CROPS).tolist(),
            strict=True,
        )
    ]
    crops = [
        _resize(pixels[tile.y_min : tile.y_max, tile.x_min : tile.x_max], (size_px, size_px))
        for tile in tiles
    ]
    best = min(range(_CROPS), key=lambda index: _measure_clutter(crops[index]))
    known = boxes_in_tile(photo, tiles[best])
    widest = min(width_px[1], size_px / 6)
    return Ground(crops[best], (0.85, 1.0), 0.0, (width_px[0], widest), photo.name, known)


def _measure_clutter(crop: FloatImage) -> float:
    """Return how little of a crop looks like paving."""
    grey = crop.mean(axis=2)
    saturation = float((crop.max(axis=2) - crop.min(axis=2)).mean())
    return float(grey.std()) + saturation + max(0.0, 90.0 - float(grey.mean()))


def _fit_photo(photo: AnnotatedPhoto, size_px: int, width_px: tuple[float, float]) -> Ground:
    """Take a whole photo; a small one (a tile of a survey) keeps its size."""
    longer = max(photo.width_px, photo.height_px)
    if longer < _SMALL_PX:
        pixels = read_pixels(photo.path).astype(np.float32)
        return Ground(pixels, (0.92, 1.0), 0.0, (12.0, 18.0), photo.name)
    scale = size_px / longer
    size = (round(photo.width_px * scale), round(photo.height_px * scale))
    pixels = _resize(read_pixels(photo.path), size)
    shape = photo.width_px / photo.height_px
    tilt, top = next((tilt, top) for least, tilt, top in _VIEWS if shape >= least)
    return Ground(pixels, tilt, top, width_px, photo.name)


def _render(rng: Rng, size_px: int, width_px: tuple[float, float]) -> Ground:
    scene = build_cover_scene(rng, has_covers=False)
    pixels, _, _ = photograph_covers(rng, scene, size_px)
    return Ground(pixels.astype(np.float32), (0.5, 1.0), 0.3, width_px, "rendered")


def _resize(pixels: NDArray[np.uint8], size: tuple[int, int]) -> FloatImage:
    method = cv2.INTER_AREA if size[0] < pixels.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=method), dtype=np.float32)


def contains(ground: Ground, box: BBox) -> bool:
    """Whether a box lies inside the ground, with a pixel to spare."""
    height_px, width_px = ground.pixels.shape[:2]
    return (
        box.x_min >= 1
        and box.y_min >= max(1.0, ground.top * height_px)
        and box.x_max <= width_px - 1
        and box.y_max <= height_px - 1
    )
