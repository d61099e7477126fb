"""Splits by group (site, scene, flight), never by photo."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping

from detection.domain.errors import InvalidInputError
from training.data.annotation import AnnotatedPhoto
from training.data.errors import LeakError, MissingSplitError
from training.data.manifest import hash_bytes


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
        LeakError: photos of one group lie on both sides.
    """
    sides: dict[tuple[str, str], set[str]] = defaultdict(set)
    for photo in photos:
        sides[photo.dataset, photo.group].add(photo.split)
    parted = sorted(
        f"{dataset}/{group}" for (dataset, group), side in sides.items() if len(side) > 1
    )
    if parted:
        message = f"{len(parted)} groups lie on both sides of the split: {', '.join(parted[:5])}."
        raise LeakError(message, remedy="Draw the split by group.")


def check_copies(photos: Iterable[AnnotatedPhoto]) -> None:
    """Refuse a val photo of one source that is a training photo of another.

    Files are compared byte by byte (those of equal size, by their hash); what is the same picture
    in another file is for the audit to find.

    Raises:
        LeakError: a file is on both sides.
    """
    train: list[AnnotatedPhoto] = []
    held_out: list[AnnotatedPhoto] = []
    for photo in photos:
        (train if photo.split == "train" else held_out).append(photo)
    sizes = {_size(photo) for photo in train} & {_size(photo) for photo in held_out}
    known = {hash_bytes(photo.path): photo for photo in held_out if _size(photo) in sizes}
    for photo in train:
        other = known.get(hash_bytes(photo.path)) if _size(photo) in sizes else None
        if other is not None:
            message = f"{photo.dataset}/{photo.name} is trained on, and is the same file as "
            message += f"{other.dataset}/{other.name} of {other.split}."
            raise LeakError(message, remedy="Leave one of the two data sets out.")


def _size(photo: AnnotatedPhoto) -> int:
    return photo.path.stat().st_size


def check_sides(photos: Iterable[AnnotatedPhoto]) -> None:
    """Refuse a split without photos to train on or without photos to judge on.

    Raises:
        MissingSplitError: train or val is empty, or another side is named.
    """
    sides = {photo.split for photo in photos}
    missing = sorted({"train", "val"} - sides)
    foreign = sorted(sides - {"train", "val", "test"})
    if missing or foreign:
        said = f"has no {missing[0]} side" if missing else f"names a side {foreign[0]!r}"
        message = f"The split {said}."
        remedy = "A set needs both: hazardlens data build --split draw draws one by group; "
        remedy += "where few groups leave a side empty, give --seed or --val-fraction."
        raise MissingSplitError(message, remedy=remedy)


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
