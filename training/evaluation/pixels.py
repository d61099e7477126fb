"""Figures of drawn-out things by pixel and by length: boxes of thin slanting things mislead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from detection.detectors.manifest import ModelManifest
from detection.domain.finding import Detection
from detection.domain.geometry import FloatArray
from detection.domain.hazard import COUNTABLE_THINGS, HazardClass
from detection.tiling import PhotoBox
from training.data.annotation import AnnotatedPhoto
from training.evaluation.answers import PhotoAnswer, list_boxes, select_found, select_truth
from training.evaluation.outlines import FOUND_SHIFT_PX, Mask, draw_outlines, paint_outlines

LENGTH_TOLERANCE_PX = 5.0
"""A pixel of a centre line counts as met where the other outline is at most this far away."""


@dataclass(frozen=True, slots=True)
class PixelCounts:
    """Pixels per photo, ``(photos, 7)``.

    Columns: right, false, missed pixels; true centre line, its part that was met; found centre
    line, its part that lies on a true outline.
    """

    table: FloatArray

    def figures(self, weights: FloatArray | None = None) -> dict[str, FloatArray]:
        """Return each figure for each row of photo ``weights`` ``(rounds, photos)``; nan: none.

        All are micro figures: pixels of all photos are added up first.
        """
        if weights is None:
            weights = np.ones((1, len(self.table)))
        right, false, missed, line, met, found_line, on_truth = (weights @ self.table).T
        return {
            "precision": divide(right, right + false),
            "recall": divide(right, right + missed),
            "f1": divide(2 * right, 2 * right + false + missed),
            "iou": divide(right, right + false + missed),
            "length_recall": divide(met, line),
            "length_precision": divide(on_truth, found_line),
        }


@dataclass(frozen=True, slots=True)
class PixelSweep:
    """Pixels of all photos at each threshold: right ones and found ones, ``(scores,)``; truth."""

    scores: FloatArray
    right: FloatArray
    found: FloatArray
    truth: float

    def f_score(self, beta: float = 1.0) -> FloatArray:
        """Return F-beta by pixel at each threshold, 0 where nothing is right."""
        weight = beta * beta
        values = divide((1 + weight) * self.right, weight * self.truth + self.found)
        return np.asarray(np.nan_to_num(values), dtype=np.float64)


def divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Return the quotient, nan where nothing is to be divided by."""
    quotient = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient


def is_drawn_out(key: HazardClass) -> bool:
    """Whether things of the class have no one outline (cracks), unlike covers."""
    return key.thing not in COUNTABLE_THINGS


def has_true_outlines(photos: Iterable[AnnotatedPhoto], keys: Sequence[HazardClass]) -> bool:
    """Whether every annotation of the classes has an outline, and there is one at all."""
    outlines = [
        bool(item.polygon)
        for photo in photos
        for item in photo.annotations
        if item.hazard_class in keys
    ]
    return bool(outlines) and all(outlines)


def count_pixels(
    answers: Sequence[PhotoAnswer],
    shown: Sequence[Sequence[PhotoBox]],
    keys: Sequence[HazardClass],
) -> PixelCounts:
    """Return the pixels of everything that is shown of the classes against the truth."""
    rows = [
        sum(
            (_count_photo(answer.photo, boxes, key) for key in keys),
            start=np.zeros(7, dtype=np.float64),
        )
        for answer, boxes in zip(answers, shown, strict=True)
    ]
    return PixelCounts(np.array(rows, dtype=np.float64).reshape(-1, 7))


def sweep_pixels(
    answers: Sequence[PhotoAnswer],
    manifest: ModelManifest,
    keys: Sequence[HazardClass],
    scores: FloatArray,
) -> PixelSweep:
    """Return the pixels at rising ``scores`` (at most 255); outlines need no merge to be added up.

    Each pixel takes the highest score of the outlines over it.
    """
    right = np.zeros(len(scores) + 1)
    found = np.zeros(len(scores) + 1)
    truth_px = 0
    for answer in answers:
        photo = answer.photo
        size_px = photo.width_px, photo.height_px
        boxes = [box.detection for box in list_boxes(answer, manifest)]
        for key in keys:
            own = sorted((one for one in boxes if one.hazard_class is key), key=_by_score)
            ranks = np.searchsorted(scores, [one.score for one in own], side="right")
            levels = np.zeros(size_px[::-1], dtype=np.uint8)
            for one, rank in zip(own, ranks, strict=True):
                if rank:
                    paint_outlines(levels, one.polygons, int(rank), shift_px=FOUND_SHIFT_PX)
            truth = draw_outlines([item.polygon for item in select_truth(photo, key)], *size_px)
            found += np.bincount(levels.ravel(), minlength=len(found))
            right += np.bincount(levels[truth > 0], minlength=len(right))
            truth_px += int(np.count_nonzero(truth))
    above = [np.cumsum(counts[:0:-1])[::-1] for counts in (right, found)]
    return PixelSweep(scores, above[0], above[1], float(truth_px))


def _by_score(one: Detection) -> float:
    return one.score


def _count_photo(
    photo: AnnotatedPhoto, boxes: Sequence[PhotoBox], key: HazardClass
) -> NDArray[np.float64]:
    size_px = photo.width_px, photo.height_px
    polygons = [ring for one in select_found(boxes, key) for ring in one.polygons]
    found = draw_outlines(polygons, *size_px, shift_px=FOUND_SHIFT_PX)
    truth = draw_outlines([item.polygon for item in select_truth(photo, key)], *size_px)
    right = int(np.count_nonzero(found & truth))
    line, met = measure_lines(truth, found)
    found_line, on_truth = measure_lines(found, truth)
    return np.array(
        [
            right,
            np.count_nonzero(found) - right,
            np.count_nonzero(truth) - right,
            line,
            met,
            found_line,
            on_truth,
        ],
        dtype=np.float64,
    )


def measure_lines(outline: Mask, other: Mask) -> tuple[int, int]:
    """Return the pixels of an outline's centre line, and how many the other outline meets."""
    if not outline.any():
        return 0, 0
    line = skeletonize(outline.astype(np.bool_))
    if not other.any():
        return int(np.count_nonzero(line)), 0
    away_px = cv2.distanceTransform(1 - other, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    met = np.count_nonzero(line & (away_px <= LENGTH_TOLERANCE_PX))
    return int(np.count_nonzero(line)), int(met)
