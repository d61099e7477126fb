"""Figures of one class at many thresholds, each as deployed: threshold, then merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.detectors.manifest import ModelManifest
from detection.domain.geometry import FloatArray
from detection.domain.hazard import HazardClass
from detection.tiling import PhotoBox
from training.data.annotation import AnnotatedPhoto
from training.evaluation.answers import (
    LOWEST_THRESHOLD,
    PhotoAnswer,
    class_boxes,
    list_boxes,
    pass_boxes,
)
from training.evaluation.metrics import IOU_STEPS, Counts, match_class

CANDIDATE_SCORES: FloatArray = np.round(np.arange(LOWEST_THRESHOLD, 0.951, 0.01), 2)
"""Thresholds that may be shipped."""

IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Counts of one class for each threshold (rows, rising) and photo (columns), IoU 0.5.

    ``hits`` and ``found`` are ``(scores, photos)``; ``truths`` and ``is_negative`` ``(photos,)``.
    """

    scores: FloatArray
    hits: IntArray
    found: IntArray
    truths: IntArray
    is_negative: NDArray[np.bool_]

    def counts(self) -> list[Counts]:
        """Return hits, false alarms and misses at each threshold."""
        hits, found = self.hits.sum(axis=1), self.found.sum(axis=1)
        truths = int(self.truths.sum())
        return [
            Counts(int(hit), int(all_found - hit), truths - int(hit))
            for hit, all_found in zip(hits, found, strict=True)
        ]

    def box_recall(self) -> FloatArray:
        """Return the share of true boxes that are found, at each threshold; 0 without truth."""
        recall = self.hits.sum(axis=1) / max(1, int(self.truths.sum()))
        return np.asarray(recall, dtype=np.float64)

    def photo_recall(self) -> FloatArray:
        """Return the share of photos with truth in which the class is shown at all."""
        shows = self.truths > 0
        recall = (self.found[:, shows] > 0).sum(axis=1) / max(1, int(shows.sum()))
        return np.asarray(recall, dtype=np.float64)

    def alarms_per_negative(self) -> FloatArray:
        """Return boxes per photo without any annotation; 0 where there is no such photo."""
        quiet = self.found[:, self.is_negative]
        return np.asarray(quiet.sum(axis=1) / max(1, quiet.shape[1]), dtype=np.float64)


def sweep_class(
    key: HazardClass,
    answers: Sequence[PhotoAnswer],
    manifest: ModelManifest,
    *,
    scores: FloatArray = CANDIDATE_SCORES,
    others: Mapping[HazardClass, float] | None = None,
) -> Sweep:
    """Return the counts of a class at rising ``scores``.

    ``others`` are the thresholds of the other classes, which compete for covers in the merge;
    without them the class is looked for alone.
    """
    limits = dict.fromkeys(manifest.classes, float("inf")) | dict(others or {})
    columns = [
        _sweep_photo(key, answer.photo, list_boxes(answer, manifest), limits, scores)
        for answer in answers
    ]
    shape = (len(answers), len(scores), 2)
    table = np.array(columns, dtype=np.intp).reshape(shape).transpose(2, 1, 0)
    truths = [sum(item.hazard_class is key for item in a.photo.annotations) for a in answers]
    return Sweep(
        scores,
        table[0],
        table[1],
        np.array(truths, dtype=np.intp),
        np.array([answer.photo.is_negative for answer in answers], dtype=np.bool_),
    )


def _sweep_photo(
    key: HazardClass,
    photo: AnnotatedPhoto,
    boxes: Sequence[PhotoBox],
    limits: Mapping[HazardClass, float],
    scores: FloatArray,
) -> list[tuple[int, int]]:
    """Return hits and found boxes at each score; merged once for each set of boxes that passes."""
    own = np.array([b.detection.score for b in boxes if b.detection.hazard_class is key])
    kept = [
        box
        for box in boxes
        if box.detection.score
        >= (scores[0] if box.detection.hazard_class is key else limits[box.detection.hazard_class])
    ]
    known: dict[int, tuple[int, int]] = {}
    rows = []
    for score in scores:
        passing = int((own >= score).sum())
        if passing not in known:
            shown = pass_boxes(kept, {**limits, key: float(score)}) if passing else []
            matches = match_class(class_boxes(photo, shown, key), IOU_STEPS[:1])
            known[passing] = int(matches.hits.sum()), len(matches.scores)
        rows.append(known[passing])
    return rows
