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
class Matches:
    """What was found of one class in one photo, best score first, and what of it is right.

    ``scores`` is ``(n,)``, ``hits`` ``(steps, n)``: which found ones hit a true one at each IoU
    step; ``taken`` ``(steps, truths)``: which true ones were hit.
    """

    scores: FloatArray
    hits: NDArray[np.bool_]
    taken: NDArray[np.bool_]

    @property
    def truths(self) -> int:
        """Number of true boxes in the photo."""
        return self.taken.shape[1]


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

    @property
    def f1(self) -> float | None:
        """F1; None where there is no true box and none was found."""
        return self.f_score() if self.true_positives + self.false_positives + self.misses else None

    def f_score(self, beta: float = 1.0) -> float:
        """Return F-beta; a beta above 1 weighs recall more. 0 where nothing was right."""
        weight = beta * beta
        denominator = (
            (1 + weight) * self.true_positives + weight * self.misses + self.false_positives
        )
        return (1 + weight) * self.true_positives / denominator if denominator else 0.0


@dataclass(frozen=True, slots=True)
class RankedFinds:
    """Everything found of one class in all photos, best score first.

    ``scores`` and ``photo_index`` are ``(n,)``, ``hits`` ``(steps, n)``, ``truths`` ``(photos,)``.
    """

    scores: FloatArray
    hits: NDArray[np.bool_]
    photo_index: NDArray[np.intp]
    truths: NDArray[np.intp]


def compute_average_precision(photos: Sequence[ClassBoxes]) -> AveragePrecision:
    """Return the AP of one class over the photos (all areas, 100 best boxes a photo)."""
    return measure_ranking(rank_finds([match_class(photo) for photo in photos]))


def match_class(photo: ClassBoxes, iou_steps: FloatArray = IOU_STEPS) -> Matches:
    """Return the matches of one class in one photo by the overlap of boxes."""
    overlaps = compute_iou(photo.found_xyxy, photo.truth_xyxy)
    return match_overlaps(overlaps, photo.scores, iou_steps)


def match_overlaps(
    overlaps: FloatArray, scores: FloatArray, iou_steps: FloatArray = IOU_STEPS
) -> Matches:
    """Match found and true ones by their IoU, ``(n, m)``; only the 100 best scores take part.

    Greedy in order of the score: a find takes the free true one that it overlaps most, if the
    IoU reaches the step; of equals the last, as pycocotools does.
    """
    order = np.argsort(-scores, kind="stable")[:MAX_BOXES_PER_PHOTO]
    truths = overlaps.shape[1]
    hits = np.zeros((len(iou_steps), len(order)), dtype=np.bool_)
    taken = np.zeros((len(iou_steps), truths), dtype=np.bool_)
    for index in np.flatnonzero((overlaps[order] >= iou_steps[0]).any(axis=1)):
        row = overlaps[order[index]]
        for step, minimum in enumerate(iou_steps):
            candidates = np.where(taken[step], -1.0, row)
            best = truths - 1 - int(np.argmax(candidates[::-1]))
            if candidates[best] >= min(float(minimum), 1 - 1e-10):
                taken[step, best] = hits[step, index] = True
    return Matches(scores[order], hits, taken)


def rank_finds(photos: Sequence[Matches]) -> RankedFinds:
    """Return the finds of all photos in one order of score; of equals the earlier photo first."""
    scores = np.concatenate([photo.scores for photo in photos])
    order = np.argsort(-scores, kind="stable")
    index = np.repeat(np.arange(len(photos)), [len(photo.scores) for photo in photos])
    return RankedFinds(
        scores[order],
        np.concatenate([photo.hits for photo in photos], axis=1)[:, order],
        index[order],
        np.array([photo.truths for photo in photos], dtype=np.intp),
    )


def measure_ranking(
    ranked: RankedFinds, photo_weights: NDArray[np.intp] | None = None
) -> AveragePrecision:
    """Return the AP; ``photo_weights`` ``(photos,)`` counts a photo that many times."""
    if photo_weights is None:
        photo_weights = np.ones(len(ranked.truths), dtype=np.intp)
    truths = int(photo_weights @ ranked.truths)
    if truths == 0:
        return AveragePrecision(None, None)
    if not len(ranked.scores):
        return AveragePrecision(0.0, 0.0)
    weights = photo_weights[ranked.photo_index]
    found = np.maximum(np.cumsum(weights), 1)  # nothing counts before the first weight
    values = [_area_under_curve(np.cumsum(weights * row), found, truths) for row in ranked.hits]
    return AveragePrecision(values[0], float(np.mean(values)))


def trace_curve(ranked: RankedFinds) -> tuple[FloatArray, FloatArray]:
    """Return precision and recall at IoU 0.5 after each find, ``(n,)`` each."""
    right = np.cumsum(ranked.hits[0])
    truths = max(1, int(ranked.truths.sum()))
    return right / (np.arange(len(right)) + 1), right / truths


def count_at_threshold(photos: Sequence[ClassBoxes], threshold: float) -> Counts:
    """Return hits, false alarms and misses of one class at a score threshold, IoU 0.5."""
    matches = [match_class(photo.at_threshold(threshold), IOU_STEPS[:1]) for photo in photos]
    return count_matches(matches)


def count_matches(photos: Sequence[Matches]) -> Counts:
    """Return hits, false alarms and misses of everything that is in the matches, first step."""
    truths = sum(photo.truths for photo in photos)
    found = sum(len(photo.scores) for photo in photos)
    hits = sum(int(photo.hits[0].sum()) for photo in photos)
    return Counts(hits, found - hits, truths - hits)


def _area_under_curve(right: NDArray[np.intp], found: NDArray[np.intp], truths: int) -> float:
    precision = right / found
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    position = np.searchsorted(right / truths, RECALL_STEPS, side="left")
    values = np.append(envelope, 0.0)[np.minimum(position, len(envelope))]
    return float(values.mean())
