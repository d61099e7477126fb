"""What a label must be, wherever it comes from; every reader of labels asks here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from detection.domain.geometry import BBox, compute_iou
from training.data.annotation import Annotation
from training.data.errors import (
    ClassConflictError,
    LabelOutsideError,
    MixedLabelsError,
    ZeroAreaError,
)

EDGE_SHARE = 0.02
"""A label may reach this share of the photo's side over its edge (rounding, a hasty hand)."""

SAME_BOX_IOU = 0.9
"""Boxes of two classes that overlap by more are one thing with two names."""

MIN_SIDE_PX = 0.5
"""A thinner box has no area that could be found or learnt."""


def check_annotations(annotations: Sequence[Annotation], where: str) -> None:
    """Refuse a photo whose labels contradict each other.

    Raises:
        MixedLabelsError: some are boxes, some polygons; trainers read one of them wrongly then.
        ClassConflictError: two classes for one box.
    """
    if len({bool(item.polygon) for item in annotations}) > 1:
        message = f"{where} mixes boxes and polygons."
        raise MixedLabelsError(message, remedy="Draw all as polygons, or give boxes alone.")
    for first, second in find_same_boxes(annotations):
        if first.hazard_class is not second.hazard_class:
            message = (
                f"{where} gives one box two classes, {first.hazard_class.value} and "
                f"{second.hazard_class.value}."
            )
            raise ClassConflictError(message, remedy="Keep the one that is right.")


def check_inside(box: BBox, size_px: tuple[int, int], where: str) -> None:
    """Refuse a box that lies outside the photo by more than ``EDGE_SHARE`` of its side.

    Raises:
        LabelOutsideError: it does.
    """
    width_px, height_px = size_px
    over_x = max(-box.x_min, box.x_max - width_px) / width_px
    over_y = max(-box.y_min, box.y_max - height_px) / height_px
    if not max(over_x, over_y) <= EDGE_SHARE:
        message = f"{where} lies outside the photo of {width_px} x {height_px} px."
        raise LabelOutsideError(message, remedy="Clip it, or check that label and photo belong.")


def check_area(annotations: Sequence[Annotation], where: str) -> None:
    """Refuse a box without an area.

    Raises:
        ZeroAreaError: one is thinner than ``MIN_SIDE_PX``.
    """
    if any(is_thin(item) for item in annotations):
        message = f"{where} holds a box without an area."
        raise ZeroAreaError(message, remedy="Remove it or draw it anew.")


def is_thin(item: Annotation) -> bool:
    """Whether a box is thinner than ``MIN_SIDE_PX``."""
    return min(item.box.width_px, item.box.height_px) < MIN_SIDE_PX


def find_same_boxes(
    annotations: Sequence[Annotation],
) -> Iterator[tuple[Annotation, Annotation]]:
    """Yield the pairs of annotations whose boxes are the same but for a stroke's width."""
    if len(annotations) > 1:
        boxes = np.array([item.box.xyxy for item in annotations], dtype=np.float64)
        same = compute_iou(boxes, boxes) > SAME_BOX_IOU
        for i, j in combinations(range(len(annotations)), 2):
            if same[i, j]:
                yield annotations[i], annotations[j]
