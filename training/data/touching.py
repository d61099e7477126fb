"""Where labels and found boxes of one photo meet, whatever their classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import FloatArray, compute_ios, compute_iou
from training.data.annotation import Annotation
from training.data.suspects import Prediction

NEAR_IOU = 0.1
NEAR_IOS = 0.5
"""Boxes are near each other from this overlap on, or when half of the smaller lies in the other:
a crack is labelled whole and found in pieces, or the other way round."""


@dataclass(frozen=True, slots=True)
class Touch:
    """How the labels (rows) and boxes (columns) of a photo meet.

    ``iou``, ``near`` and ``own`` (the same class) are ``(labels, boxes)``. ``fit`` ``(labels,)`` is
    how well the boxes of a label's class fit it: the best IoU of one of them, of all near ones
    together, or of the hull of all labels of the class that one of them is near. ``leads``
    ``(boxes,)`` says which boxes are not near a better one of their class, which says the same.
    """

    iou: FloatArray
    near: NDArray[np.bool_]
    own: NDArray[np.bool_]
    fit: FloatArray
    leads: NDArray[np.bool_]


def touch(labels: Sequence[Annotation], found: Sequence[Prediction]) -> Touch:
    """Return where they meet."""
    given_xyxy = np.array([item.box.xyxy for item in labels], dtype=np.float64).reshape(-1, 4)
    found_xyxy = np.array([item.box.xyxy for item in found], dtype=np.float64).reshape(-1, 4)
    iou = compute_iou(given_xyxy, found_xyxy)
    near = _are_near(given_xyxy, found_xyxy)
    own = np.array(
        [[one.hazard_class is item.hazard_class for one in found] for item in labels],
        dtype=np.bool_,
    ).reshape(iou.shape)
    fit = _measure_fit(given_xyxy, found_xyxy, iou, near & own)
    return Touch(iou, near, own, fit, _find_leading(found, found_xyxy))


def _are_near(first_xyxy: FloatArray, second_xyxy: FloatArray) -> NDArray[np.bool_]:
    near = compute_iou(first_xyxy, second_xyxy) >= NEAR_IOU
    return np.asarray(near | (compute_ios(first_xyxy, second_xyxy) >= NEAR_IOS), dtype=np.bool_)


def _find_leading(found: Sequence[Prediction], found_xyxy: FloatArray) -> NDArray[np.bool_]:
    near = _are_near(found_xyxy, found_xyxy)
    leads = np.ones(len(found), dtype=np.bool_)
    for number in sorted(range(len(found)), key=lambda k: -found[k].score):
        if leads[number]:
            for other in np.flatnonzero(near[number]):
                is_same = found[other].hazard_class is found[number].hazard_class
                leads[other] &= other == number or not is_same
    return leads


def _measure_fit(
    given_xyxy: FloatArray, found_xyxy: FloatArray, iou: FloatArray, met: NDArray[np.bool_]
) -> FloatArray:
    """Return the best fit of each label; 0 where no box of its class is near."""
    fit = np.where(met, iou, 0.0).max(axis=1, initial=0.0)
    for row in np.flatnonzero(met.any(axis=1)):
        together = _iou_of_one(given_xyxy[row], _hull(found_xyxy[met[row]]))
        pieces = [
            _iou_of_one(_hull(given_xyxy[met[:, column]]), found_xyxy[column])
            for column in np.flatnonzero(met[row])
        ]
        fit[row] = max(fit[row], together, *pieces)
    return np.asarray(fit, dtype=np.float64)


def _hull(xyxy: FloatArray) -> FloatArray:
    return np.concatenate([xyxy[:, :2].min(axis=0), xyxy[:, 2:].max(axis=0)])


def _iou_of_one(first: FloatArray, second: FloatArray) -> float:
    return float(compute_iou(first[None], second[None])[0, 0])
