"""Two versions of a data set: what was added, removed, relabelled, moved across the split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training.data.annotation import AnnotatedPhoto
from training.data.manifest import hash_bytes
from training.data.versions import list_classes
from training.data.yolo_export import format_yolo_labels


@dataclass(frozen=True, slots=True)
class Comparison:
    """Names of photos; a photo may be in several lists. ``moved`` has (name, from, to)."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    relabelled: tuple[str, ...]
    changed_pixels: tuple[str, ...]
    moved: tuple[tuple[str, str, str], ...]

    @property
    def is_same(self) -> bool:
        """Whether both sets hold the same."""
        return not any(asdict(self).values())


def compare_sets(before: Sequence[AnnotatedPhoto], after: Sequence[AnnotatedPhoto]) -> Comparison:
    """Return what is different; photos are known by their names.

    Labels are compared as they are written, to a millionth of the photo, in any order.
    """
    old, new = ({photo.name: photo for photo in photos} for photos in (before, after))
    both = sorted(old.keys() & new.keys())
    return Comparison(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        relabelled=tuple(name for name in both if _labels(old[name]) != _labels(new[name])),
        changed_pixels=tuple(
            name for name in both if hash_bytes(old[name].path) != hash_bytes(new[name].path)
        ),
        moved=tuple(
            (name, old[name].split, new[name].split)
            for name in both
            if old[name].split != new[name].split
        ),
    )


def _labels(photo: AnnotatedPhoto) -> list[str]:
    classes = list_classes([photo])
    lines = format_yolo_labels(photo, {item: number for number, item in enumerate(classes)})
    keys = [item.value for item in classes]
    parts = (line.partition(" ") for line in lines.splitlines())
    return sorted(f"{keys[int(number)]} {rest}" for number, _, rest in parts)


def json_from_comparison(comparison: Comparison) -> dict[str, Any]:
    """Return the lists as JSON has them."""
    return asdict(comparison)
