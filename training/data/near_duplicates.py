"""Photos that are the same picture: copied, scaled, recompressed, turned or mirrored.

A perceptual hash (DCT, 256 bits) of each photo is compared with the eight turned and mirrored
hashes of every other; what is near is then compared pixel by pixel at 64 x 64, because plain walls
and roads come near each other by chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detection.domain.errors import ConfigurationError
from training.data.annotation import AnnotatedPhoto
from training.data.errors import CorruptImageError
from training.data.following import follow

HASH_SIDE = 16
"""Side of the hash: 256 bits."""

MAX_DISTANCE = 56
"""Differing bits, of 256, up to which two photos are compared by their pixels."""

MIN_CORRELATION = 0.9
"""Correlation of the small grey pictures from which two photos are the same picture."""

MOST_PARTNERS = 50
"""Copies of one photo that are reported, counted from the photo onwards."""

_SMALL_PX = 64
_HASHED_PX = 128
_TURNS: tuple[Image.Transpose | None, ...] = (None, *Image.Transpose)


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """Two photos that show the same picture; ``distance`` is in bits of 256."""

    first: AnnotatedPhoto
    second: AnnotatedPhoto
    distance: int
    correlation: float


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Hashes ``(n, 8, 32)`` uint8, one for each turn, and small grey pictures ``(n, 64, 64)``."""

    hashes: NDArray[np.uint8]
    pictures: NDArray[np.uint8]


def find_near_duplicates(photos: Sequence[AnnotatedPhoto]) -> list[NearDuplicate]:
    """Return the pairs of photos that are the same picture, the nearest first.

    Of many that are all the same (blank tiles) each is paired with its next ``MOST_PARTNERS``
    only: enough to chain them all, and no more than memory holds.

    Raises:
        ConfigurationError: the library of hashes is not part of this (light) install.
        CorruptImageError: a photo cannot be decoded.
    """
    prints = compute_fingerprints([photo.path for photo in photos])
    pairs: list[NearDuplicate] = []
    partners = [0] * len(photos)
    for i, j, distance, turn in _near_pairs(prints.hashes):
        if partners[i] == MOST_PARTNERS:
            continue
        correlation = _correlate(prints.pictures[i], prints.pictures[j], turn)
        if correlation >= MIN_CORRELATION:
            pairs.append(NearDuplicate(photos[i], photos[j], distance, correlation))
            partners[i] += 1
    return sorted(pairs, key=lambda pair: (pair.distance, pair.first.name, pair.second.name))


def compute_fingerprints(paths: Sequence[Path]) -> Fingerprints:
    """Return hashes and small pictures of the photos, in their order."""
    hashes = np.zeros((len(paths), len(_TURNS), HASH_SIDE * HASH_SIDE // 8), dtype=np.uint8)
    pictures = np.zeros((len(paths), _SMALL_PX, _SMALL_PX), dtype=np.uint8)
    for index, path in enumerate(follow(paths, "Comparing photos")):
        grey = _read_grey(path)
        pictures[index] = np.asarray(grey.resize((_SMALL_PX, _SMALL_PX), Image.Resampling.BOX))
        for number, turn in enumerate(_TURNS):
            hashes[index, number] = _hash(grey if turn is None else grey.transpose(turn))
    return Fingerprints(hashes, pictures)


def _read_grey(path: Path) -> Image.Image:
    """Return the photo squeezed to a small grey square; the draft mode keeps large JPEGs fast."""
    try:
        with Image.open(path) as image:
            image.draft("L", (2 * _HASHED_PX, 2 * _HASHED_PX))
            return image.convert("L").resize((_HASHED_PX, _HASHED_PX), Image.Resampling.BILINEAR)
    except (OSError, ValueError, SyntaxError) as error:
        message = f"{path} cannot be decoded ({error})."
        raise CorruptImageError(message, remedy="Remove it from the set or restore it.") from error


def _hash(grey: Image.Image) -> NDArray[np.uint8]:
    try:
        from imagehash import phash  # noqa: PLC0415  # not part of the light install
    except ImportError as error:
        message = "The library of perceptual hashes is not installed."
        raise ConfigurationError(message, remedy="Install requirements/train.txt.") from error
    return np.packbits(phash(grey, hash_size=HASH_SIDE).hash.ravel())


def _near_pairs(hashes: NDArray[np.uint8]) -> Iterator[tuple[int, int, int, int]]:
    """Yield ``(i, j, distance, turn)``: photo j, turned so, comes near photo i."""
    for i in range(len(hashes) - 1):
        distances = np.bitwise_count(hashes[i, 0] ^ hashes[i + 1 :]).sum(axis=2, dtype=np.uint16)
        turns = distances.argmin(axis=1)
        nearest = distances.min(axis=1)
        for offset in np.flatnonzero(nearest <= MAX_DISTANCE):
            yield i, i + 1 + int(offset), int(nearest[offset]), int(turns[offset])


def _correlate(first: NDArray[np.uint8], second: NDArray[np.uint8], turn: int) -> float:
    transpose = _TURNS[turn]
    turned = Image.fromarray(second)
    if transpose is not None:
        turned = turned.transpose(transpose)
    a = np.asarray(first, dtype=np.float64) - first.mean()
    b = np.asarray(turned, dtype=np.float64) - second.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    # Two pictures of one even colour are the same picture.
    return float((a * b).sum()) / scale if scale else 1.0
