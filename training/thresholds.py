"""Choose the shipped threshold of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from detection.detectors.manifest import ModelManifest
from detection.domain.hazard import HazardClass
from detection.tiling import PhotoBox
from training.evaluate import PhotoAnswer, class_boxes, show_boxes
from training.metrics import count_at_threshold
from training.settings import ThresholdRule

CANDIDATE_SCORES = np.round(np.arange(0.06, 0.91, 0.02), 2)


def choose_thresholds(
    answers: Sequence[PhotoAnswer],
    background: Sequence[PhotoAnswer],
    manifest: ModelManifest,
    rules: Mapping[HazardClass, ThresholdRule],
) -> dict[HazardClass, float]:
    """Return for each class the score with the best F-beta under its cap of false alarms.

    ``answers`` are labelled photos; the cap counts boxes per photo on ``background``, photos
    without any of the things, as deployed. Of equally good scores the middle one is taken, it
    stands farthest from the cliffs. Where no score obeys the cap the highest one is taken: a
    model that cries wolf is shipped silent rather than loud.
    """
    return {
        key: _choose_one(key, answers, background, manifest, rules.get(key, ThresholdRule()))
        for key in manifest.classes
    }


def _choose_one(
    key: HazardClass,
    answers: Sequence[PhotoAnswer],
    background: Sequence[PhotoAnswer],
    manifest: ModelManifest,
    rule: ThresholdRule,
) -> float:
    if rule.fixed is not None:
        return rule.fixed
    values: dict[float, float] = {}
    for score in CANDIDATE_SCORES[::-1]:
        threshold = float(score)
        if count_alarms(key, background, manifest, threshold) > rule.max_background_alarms:
            break
        boxes = [
            class_boxes(answer.photo, _show_class(key, answer, manifest, threshold), key)
            for answer in answers
        ]
        values[threshold] = count_at_threshold(boxes, threshold).f_score(rule.beta)
    if not values:
        return float(CANDIDATE_SCORES[-1])
    best = sorted(score for score, value in values.items() if value == max(values.values()))
    return best[len(best) // 2]


def count_alarms(
    key: HazardClass, background: Sequence[PhotoAnswer], manifest: ModelManifest, threshold: float
) -> float:
    """Return boxes of a class per background photo at a threshold, as deployed."""
    if not background:
        return 0.0
    shown = [_show_class(key, answer, manifest, threshold) for answer in background]
    return sum(map(len, shown)) / len(background)


def _show_class(
    key: HazardClass, answer: PhotoAnswer, manifest: ModelManifest, threshold: float
) -> list[PhotoBox]:
    """Return what would be shown if this class alone were looked for."""
    limits = {other: threshold if other is key else np.inf for other in manifest.classes}
    return show_boxes(answer, manifest, limits)
