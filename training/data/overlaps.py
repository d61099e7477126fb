"""Two photos of one scene on two sides of the split: shifted, turned or seen from nearer.

A hash of the whole picture does not see these. Details (SIFT) of each held-out photo are looked up
among those of all training photos; several that lie in the same order tell one scene. A
watermark or a repeated pattern can look the same: a person has to look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.annotation import AnnotatedPhoto
from training.data.following import follow
from training.data.pixels import read_pixels

MIN_INLIERS = 10
"""Details in the same order from which two photos are reported."""

_LONG_SIDE_PX = 320
_DETAILS = 150
_BLOCK = 50_000  # details compared at once: 30 MB against those of one photo
_MIN_SIMILARITY = 0.93  # cosine of two RootSIFT descriptors
_TOLERANCE_PX = 3.0
_SCALES = (0.25, 4.0)  # a fit outside has collapsed onto one point


@dataclass(frozen=True, slots=True)
class Overlap:
    """A held-out photo and a training photo with ``inliers`` details in common."""

    first: AnnotatedPhoto
    second: AnnotatedPhoto
    inliers: int


@dataclass(frozen=True, slots=True)
class _Details:
    """Places ``(n, 2)`` in the shrunken photo, descriptors ``(n, 128)`` of length 1."""

    places: NDArray[np.float32]
    descriptors: NDArray[np.float32]


def find_overlaps(photos: Sequence[AnnotatedPhoto]) -> list[Overlap]:
    """Return pairs of a held-out and a training photo that seem to be of one scene."""
    train = [photo for photo in photos if photo.split == "train"]
    held_out = [photo for photo in photos if photo.split != "train"]
    if not train or not held_out:
        return []
    details = [_find_details(photo) for photo in follow(train, "Finding details")]
    owner = np.concatenate([np.full(len(item.places), k) for k, item in enumerate(details)])
    places = np.concatenate([item.places for item in details])
    descriptors = np.concatenate([item.descriptors for item in details])
    found = []
    for photo in follow(held_out, "Looking for scenes"):
        own = _find_details(photo)
        matches: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for mine, theirs in _match(own.descriptors, descriptors):
            matches[int(owner[theirs])].append((mine, theirs))
        for index, pairs in matches.items():
            inliers = _count_inliers(
                own.places[[mine for mine, _ in pairs]], places[[theirs for _, theirs in pairs]]
            )
            if inliers >= MIN_INLIERS:
                found.append(Overlap(photo, train[index], inliers))
    return sorted(found, key=lambda item: (-item.inliers, item.first.name, item.second.name))


def _find_details(photo: AnnotatedPhoto) -> _Details:
    grey = cv2.cvtColor(read_pixels(photo.path), cv2.COLOR_RGB2GRAY)
    scale = _LONG_SIDE_PX / max(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    points, raw = cv2.SIFT.create(_DETAILS).detectAndCompute(grey, None)
    if raw is None:
        return _Details(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    roots = np.sqrt(raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-9))
    return _Details(np.array([point.pt for point in points], np.float32), roots)


def _match(mine: NDArray[np.float32], theirs: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Yield indices of each detail and its nearest one among all training photos."""
    if not len(mine) or not len(theirs):
        return
    best = np.full(len(mine), _MIN_SIMILARITY, dtype=np.float32)
    nearest = np.full(len(mine), -1)
    for start in range(0, len(theirs), _BLOCK):
        similarity = mine @ theirs[start : start + _BLOCK].T
        other = similarity.argmax(axis=1)
        found = similarity[np.arange(len(mine)), other]
        nearest[found > best] = start + other[found > best]
        best = np.maximum(best, found)
    for index in np.flatnonzero(nearest >= 0):
        yield int(index), int(nearest[index])


def _count_inliers(mine: NDArray[np.float32], theirs: NDArray[np.float32]) -> int:
    """Return how many details a turn, a scale and a shift explain; 0 for a collapsed fit."""
    if len(mine) < MIN_INLIERS:
        return 0
    fit, inside = cv2.estimateAffinePartial2D(mine, theirs, ransacReprojThreshold=_TOLERANCE_PX)
    if fit is None or not _SCALES[0] < float(np.hypot(fit[0, 0], fit[0, 1])) < _SCALES[1]:
        return 0
    return int(inside.sum())
