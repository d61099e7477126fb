"""Which class was taken for which: the confusion matrix with the background."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import compute_iou
from detection.domain.hazard import HazardClass
from detection.tiling import PhotoBox
from training.data.annotation import AnnotatedPhoto

SAME_PLACE_IOU = 0.5


def count_confusion(
    photos: Sequence[AnnotatedPhoto],
    shown: Sequence[Sequence[PhotoBox]],
    classes: Sequence[HazardClass],
) -> NDArray[np.intp]:
    """Return counts, truth by row and found by column; the last of each is the background.

    Boxes pair by place alone, best score first: a broken lid taken for a whole one stands off the
    diagonal, a box on nothing in the last row, a miss in the last column.
    """
    index = {key: number for number, key in enumerate(classes)}
    background = len(classes)
    matrix = np.zeros((background + 1, background + 1), dtype=np.intp)
    for photo, boxes in zip(photos, shown, strict=True):
        truth = [item for item in photo.annotations if item.hazard_class in index]
        pairs = pair_by_place(photo, boxes, classes)
        for box, pair in zip(boxes, pairs, strict=True):
            row = background if pair is None else index[truth[pair].hazard_class]
            matrix[row, index[box.detection.hazard_class]] += 1
        for number in set(range(len(truth))) - set(pairs):
            matrix[index[truth[number].hazard_class], background] += 1
    return matrix


def pair_by_place(
    photo: AnnotatedPhoto, boxes: Sequence[PhotoBox], classes: Sequence[HazardClass]
) -> list[int | None]:
    """Return for each shown box the number of the true box where it lies, whatever its class.

    Numbers count the annotations of ``classes``. A true box of the same class goes before one of
    another class; best score first, IoU 0.5, each true box once.
    """
    truth = [item for item in photo.annotations if item.hazard_class in classes]
    pairs: list[int | None] = [None] * len(boxes)
    if not truth:
        return pairs
    overlaps = compute_iou(
        np.array([b.detection.bbox_xyxy.xyxy for b in boxes], dtype=np.float64).reshape(-1, 4),
        np.array([item.box.xyxy for item in truth], dtype=np.float64).reshape(-1, 4),
    )
    same = np.array(
        [[b.detection.hazard_class is item.hazard_class for item in truth] for b in boxes],
        dtype=np.bool_,
    ).reshape(overlaps.shape)
    ranked = sorted(range(len(boxes)), key=lambda number: -boxes[number].detection.score)
    free = np.ones(len(truth), dtype=np.bool_)
    for allowed in (same, ~same):
        for number in ranked:
            row = np.where(free & allowed[number], overlaps[number], -1.0)
            best = int(np.argmax(row))
            if pairs[number] is None and row[best] >= SAME_PLACE_IOU:
                pairs[number] = best
                free[best] = False
    return pairs
