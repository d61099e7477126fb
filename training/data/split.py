"""Splits by group (site, scene, flight), never by photo."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping

from detection.domain.errors import InvalidInputError
from training.data.annotation import AnnotatedPhoto


def assign_split(groups: Iterable[str], *, val_fraction: float, seed: int) -> dict[str, str]:
    """Return ``train`` or ``val`` for each group, stable under added and removed groups.

    A group's side depends on its name and the seed alone, so a grown data set never moves a
    photo that was held out before into training.
    """
    if not 0.0 <= val_fraction < 1.0:
        message = f"val_fraction {val_fraction} is not in [0, 1)."
        raise InvalidInputError(message, remedy="Give a fraction such as 0.2.")
    sides = {}
    for group in set(groups):
        digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
        position = int.from_bytes(digest[:8], "big") / 2**64
        sides[group] = "val" if position < val_fraction else "train"
    return sides


def check_split(photos: Iterable[AnnotatedPhoto]) -> None:
    """Refuse a split that parts a group: val would be a memory test.

    Raises:
        InvalidInputError: photos of one group lie on both sides.
    """
    sides: dict[tuple[str, str], set[str]] = defaultdict(set)
    for photo in photos:
        sides[photo.dataset, photo.group].add(photo.split)
    parted = sorted(
        f"{dataset}/{group}" for (dataset, group), side in sides.items() if len(side) > 1
    )
    if parted:
        message = f"{len(parted)} groups lie on both sides of the split: {', '.join(parted[:5])}."
        raise InvalidInputError(message, remedy="Draw the split by group.")


def count_split(photos: Iterable[AnnotatedPhoto]) -> Mapping[str, Mapping[str, int]]:
    """Return photos, negatives and boxes per class for each side of the split."""
    counts: dict[str, dict[str, int]] = {}
    for photo in photos:
        row = counts.setdefault(photo.split, {"photos": 0, "negatives": 0})
        row["photos"] += 1
        row["negatives"] += photo.is_negative
        for item in photo.annotations:
            row[item.hazard_class.value] = row.get(item.hazard_class.value, 0) + 1
    return counts
