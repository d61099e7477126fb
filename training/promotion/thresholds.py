"""Choose the shipped threshold of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detection.detectors.manifest import ModelManifest
from detection.domain.geometry import FloatArray
from detection.domain.hazard import HazardClass
from detection.tiling import PhotoBox
from training.evaluation.answers import PhotoAnswer, list_boxes, pass_boxes
from training.evaluation.pixels import sweep_pixels
from training.evaluation.sweep import CANDIDATE_SCORES, Sweep, sweep_class
from training.settings import ThresholdRule

PIXELS_OF_12_MP = 12e6


def choose_thresholds(
    answers: Sequence[PhotoAnswer],
    background: Sequence[PhotoAnswer],
    manifest: ModelManifest,
    rules: Mapping[HazardClass, ThresholdRule],
) -> dict[HazardClass, float]:
    """Return the score from which each class is shown, by the rule of the class.

    ``answers`` are labelled photos, ``background`` photos without any of the things; both are
    counted as deployed, the class looked for alone. The caps of a rule hold first: false alarms
    on the background and on the negatives of ``answers``. Under them a rule with a ``min_recall``
    takes the highest score that reaches it (or the middle of those that do), or else the lowest
    one, the best recall to be had; any other rule takes the best F-beta, of equally good scores
    the middle one, which stands farthest from the cliffs. Where no score obeys the caps the
    highest one is taken: a model that cries wolf is shipped silent rather than loud.
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
    silent = float(CANDIDATE_SCORES[-1])
    scores = _quiet_scores(key, background, manifest, rule)
    if not len(scores):
        return silent
    sweep = sweep_class(key, answers, manifest, scores=scores)
    allowed = _obey_negatives(sweep, rule)
    if not allowed.any():
        return silent
    if rule.min_recall is not None:
        recall = sweep.photo_recall() if rule.recall_of == "photos" else sweep.box_recall()
        reached = scores[allowed & (recall >= rule.min_recall)]
        if not len(reached):
            return float(scores[allowed][0])
        return float(reached[-1] if rule.place == "highest" else reached[len(reached) // 2])
    if rule.by == "pixels":
        values = sweep_pixels(answers, manifest, (key,), scores).f_score(rule.beta)
    else:
        values = np.array([counts.f_score(rule.beta) for counts in sweep.counts()])
    best = scores[allowed & (values == values[allowed].max())]
    return float(best[len(best) // 2])


def _quiet_scores(
    key: HazardClass,
    background: Sequence[PhotoAnswer],
    manifest: ModelManifest,
    rule: ThresholdRule,
) -> FloatArray:
    """Return the rising scores from which upwards the caps on the background hold.

    Tried from the top: what passes at a low score on whole flights is slow to merge.
    """
    boxes = [list_boxes(answer, manifest) for answer in background]
    own = [[box for box in photo if box.detection.hazard_class is key] for photo in boxes]
    per_12_mp = _photos_of_12_mp(background)
    first = len(CANDIDATE_SCORES)
    while first > 0:
        alarms = _count_alarms(key, own, float(CANDIDATE_SCORES[first - 1]))
        if alarms > rule.max_background_alarms * len(background):
            break
        cap = rule.max_background_alarms_per_12_mp
        if cap is not None and alarms > cap * per_12_mp:
            break
        first -= 1
    return CANDIDATE_SCORES[first:]


def _obey_negatives(sweep: Sweep, rule: ThresholdRule) -> NDArray[np.bool_]:
    """Return at which scores the cap on labelled negatives holds, there and at all higher ones."""
    if rule.max_alarms_per_negative is None:
        return np.ones(len(sweep.scores), dtype=np.bool_)
    loud = np.flatnonzero(sweep.alarms_per_negative() > rule.max_alarms_per_negative)
    return np.arange(len(sweep.scores)) > (loud[-1] if len(loud) else -1)


def count_alarms(
    key: HazardClass, background: Sequence[PhotoAnswer], manifest: ModelManifest, threshold: float
) -> float:
    """Return boxes of a class per background photo at a threshold, as deployed."""
    if not background:
        return 0.0
    boxes = [list_boxes(answer, manifest) for answer in background]
    own = [[box for box in photo if box.detection.hazard_class is key] for photo in boxes]
    return _count_alarms(key, own, threshold) / len(background)


def _count_alarms(key: HazardClass, photos: Sequence[Sequence[PhotoBox]], threshold: float) -> int:
    return sum(len(pass_boxes(boxes, {key: threshold})) for boxes in photos)


def _photos_of_12_mp(answers: Sequence[PhotoAnswer]) -> float:
    """Return the pixels of all photos in units of a photo of 12 megapixels."""
    return sum(a.photo.width_px * a.photo.height_px for a in answers) / PIXELS_OF_12_MP
