"""Evaluation mathematics: average precision as COCO defines it, and figures at a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import FloatArray, compute_iou

IOU_STEPS: Final[FloatArray] = np.linspace(0.5, 0.95, 10, dtype=np.float64)
RECALL_STEPS: Final[FloatArray] = np.linspace(0.0, 1.0, 101, dtype=np.float64)
MAX_BOXES_PER_PHOTO: Final = 100


@dataclass(frozen=True, slots=True)
class ClassBoxes:
    """The boxes of one class in one photo.

    ``truth_xyxy`` is ``(m, 4)``, ``found_xyxy`` ``(n, 4)`` and ``scores`` ``(n,)``; pixels.
    """

    truth_xyxy: FloatArray
    found_xyxy: FloatArray
    scores: FloatArray

    def at_threshold(self, threshold: float) -> ClassBoxes:
        """Return the same with only the found boxes of at least this score."""
        keep = self.scores >= threshold
        return ClassBoxes(self.truth_xyxy, self.found_xyxy[keep], self.scores[keep])


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """AP at IoU 0.5 and the mean over 0.5 to 0.95; None where the class has no box."""

    ap50: float | None
    ap50_95: float | None


@dataclass(frozen=True, slots=True)
class Counts:
    """Hits, false alarms and misses at one threshold, IoU 0.5."""

    true_positives: int
    false_positives: int
    misses: int

    @property
    def precision(self) -> float | None:
        """Share of the found boxes that are right; None where none was found."""
        found = self.true_positives + self.false_positives
        return self.true_positives / found if found else None

    @property
    def recall(self) -> float | None:
        """Share of the true boxes that were found; None where there is none."""
        truth = self.true_positives + self.misses
        return self.true_positives / truth if truth else None

    def f_score(self, beta: float = 1.0) -> float:
        """Return F-beta; a beta above 1 weighs recall more. 0 where nothing was right."""
        weight = beta * beta
        denominator = (
            (1 + weight) * self.true_positives + weight * self.misses + self.false_positives
        )
        return (1 + weight) * self.true_positives / denominator if denominator else 0.0


def compute_average_precision(photos: Sequence[ClassBoxes]) -> AveragePrecision:
    """Return the AP of one class over the photos (all areas, 100 best boxes a photo)."""
    truths = sum(len(photo.truth_xyxy) for photo in photos)
    if truths == 0:
        return AveragePrecision(None, None)
    ranked = [_rank(photo) for photo in photos]
    scores = np.concatenate([photo.scores for photo in ranked])
    order = np.argsort(-scores, kind="stable")
    hits = np.concatenate([match_boxes(photo, IOU_STEPS) for photo in ranked], axis=1)[:, order]
    values = [_area_under_curve(row, truths) for row in hits]
    return AveragePrecision(values[0], float(np.mean(values)))


def count_at_threshold(photos: Sequence[ClassBoxes], threshold: float) -> Counts:
    """Return hits, false alarms and misses of one class at a score threshold, IoU 0.5."""
    truths = hits = found = 0
    for photo in photos:
        kept = _rank(photo.at_threshold(threshold))
        truths += len(kept.truth_xyxy)
        found += len(kept.scores)
        hits += int(match_boxes(kept, IOU_STEPS[:1]).sum())
    return Counts(hits, found - hits, truths - hits)


def match_boxes(photo: ClassBoxes, iou_steps: FloatArray) -> NDArray[np.bool_]:
    """Return which found boxes hit a true one, ``(len(iou_steps), n)``; ``photo`` is ranked.

    Greedy in order of the score: a box takes the free true box that it overlaps most, if the
    IoU reaches the step; of equals the last, as pycocotools does.
    """
    overlaps = compute_iou(photo.found_xyxy, photo.truth_xyxy)
    hits = np.zeros((len(iou_steps), len(photo.scores)), dtype=np.bool_)
    for step, minimum in enumerate(iou_steps):
        free = np.ones(len(photo.truth_xyxy), dtype=np.bool_)
        for index, row in enumerate(overlaps):
            candidates = np.where(free, row, -1.0)
            if not candidates.size:
                break
            best = len(candidates) - 1 - int(np.argmax(candidates[::-1]))
            if candidates[best] >= min(float(minimum), 1 - 1e-10):
                free[best] = False
                hits[step, index] = True
    return hits


def _rank(photo: ClassBoxes) -> ClassBoxes:
    order = np.argsort(-photo.scores, kind="stable")[:MAX_BOXES_PER_PHOTO]
    return ClassBoxes(photo.truth_xyxy, photo.found_xyxy[order], photo.scores[order])


def _area_under_curve(hits: NDArray[np.bool_], truths: int) -> float:
    if not hits.size:
        return 0.0
    right = np.cumsum(hits)
    precision = right / (np.arange(len(hits)) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    position = np.searchsorted(right / truths, RECALL_STEPS, side="left")
    values = np.append(envelope, 0.0)[np.minimum(position, len(envelope))]
    return float(values.mean())
