"""Which boxes of two models on one photo are the same, and which only one of them has. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detection.domain.geometry import FloatArray, compute_iou

SAME_BOX_IOU = 0.5
"""As in evaluation: boxes that overlap so much are of one thing."""

_LOT_BYTES = 6


@dataclass(frozen=True, slots=True)
class ModelBox:
    """A box as one model has it, in pixels of the photo."""

    hazard_class: str
    score: float
    bbox_xyxy: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """A box of one model only; of both where they disagree on the class of one thing."""

    shadow: ModelBox | None
    current: ModelBox | None

    @property
    def hazard_class(self) -> str:
        """The class that is in question; of two, that of the model in force."""
        box = self.current or self.shadow
        return box.hazard_class if box is not None else ""


@dataclass(frozen=True, slots=True)
class Matching:
    """How many boxes have their like, and what is left, in the order of the photo."""

    both: int
    differences: tuple[Difference, ...]

    def count_only(self, *, shadow: bool) -> int:
        """Return how many boxes of one model have no like; a class in dispute is one of each."""
        return sum(
            (item.shadow if shadow else item.current) is not None for item in self.differences
        )


def match_boxes(shadow: Sequence[ModelBox], current: Sequence[ModelBox]) -> Matching:
    """Pair the boxes of two models: the same class first, then whatever lies in one place.

    Each box pairs once, the best overlap first. Which model is which changes nothing but names.
    """
    overlaps = compute_iou(_xyxy(shadow), _xyxy(current))
    is_same = np.array(
        [[a.hazard_class == b.hazard_class for b in current] for a in shadow], dtype=np.bool_
    ).reshape(overlaps.shape)
    pairs = _pair(np.where(is_same, overlaps, 0.0), set(), set())
    other = _pair(overlaps, {i for i, _ in pairs}, {j for _, j in pairs})
    paired_shadow = {i for i, _ in pairs + other}
    paired_current = {j for _, j in pairs + other}
    left = [
        *(Difference(shadow[i], current[j]) for i, j in other),
        *(Difference(box, None) for i, box in enumerate(shadow) if i not in paired_shadow),
        *(Difference(None, box) for j, box in enumerate(current) if j not in paired_current),
    ]
    return Matching(len(pairs), tuple(sorted(left, key=_place_of)))


def draw_lot(photo_sha256: str, config_hash: str, difference: Difference) -> float:
    """Return a number in [0, 1) that the difference always draws, and no score or class sways."""
    box = difference.current or difference.shadow
    place = "" if box is None else " ".join(f"{side:.1f}" for side in box.bbox_xyxy)
    digest = hashlib.sha256(f"{photo_sha256} {config_hash} {place}".encode()).digest()
    return int.from_bytes(digest[:_LOT_BYTES], "big") / float(1 << 8 * _LOT_BYTES)


def _pair(overlaps: FloatArray, no_rows: set[int], no_columns: set[int]) -> list[tuple[int, int]]:
    rows, columns = np.nonzero(overlaps >= SAME_BOX_IOU)
    ranked = sorted(
        zip(rows.tolist(), columns.tolist(), strict=True), key=lambda at: -float(overlaps[at])
    )
    used_rows, used_columns = set(no_rows), set(no_columns)
    pairs = []
    for row, column in ranked:
        if row not in used_rows and column not in used_columns:
            pairs.append((row, column))
            used_rows.add(row)
            used_columns.add(column)
    return pairs


def _xyxy(boxes: Sequence[ModelBox]) -> FloatArray:
    return np.array([box.bbox_xyxy for box in boxes], dtype=np.float64).reshape(-1, 4)


def _place_of(difference: Difference) -> tuple[float, ...]:
    box = difference.current or difference.shadow
    return () if box is None else box.bbox_xyxy
