"""A part of the training photos, by whole groups: the steps of a learning curve."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence

from training.data.annotation import AnnotatedPhoto


def keep_fraction(photos: Sequence[AnnotatedPhoto], fraction: float) -> list[AnnotatedPhoto]:
    """Return val whole and ``fraction`` of the training groups of every data set, rounded up.

    Groups are taken in the order of the hash of their name, so a smaller fraction is always a
    part of a larger one, and added groups move nothing that was ordered before.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for photo in photos:
        if photo.split == "train":
            groups[photo.dataset].add(photo.group)
    kept = {
        (dataset, group)
        for dataset, names in groups.items()
        for group in _take(dataset, names, fraction)
    }
    return [
        photo for photo in photos if photo.split != "train" or (photo.dataset, photo.group) in kept
    ]


def _take(dataset: str, groups: set[str], fraction: float) -> list[str]:
    ordered = sorted(
        groups, key=lambda group: hashlib.sha256(f"{dataset}/{group}".encode()).digest()
    )
    return ordered[: math.ceil(round(fraction * len(ordered), 9))]
