"""Two models on the same photos: recall at equal false alarms, photo by photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from detection.detectors.manifest import ModelManifest
from detection.detectors.registry import Precision, load_detector
from detection.domain.geometry import FloatArray
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto
from training.evaluation.answers import (
    PhotoAnswer,
    answer_photos,
    class_boxes,
    rank_boxes,
)
from training.evaluation.metrics import compute_average_precision
from training.evaluation.sampling import Interval, draw_weights, find_interval
from training.evaluation.sweep import CANDIDATE_SCORES, Sweep, sweep_class


@dataclass(frozen=True, slots=True)
class Contender:
    """A model with everything that it said of the photos, tiled as deployed."""

    manifest: ModelManifest
    answers: tuple[PhotoAnswer, ...]


@dataclass(frozen=True, slots=True)
class ClassDuel:
    """One class of a candidate against the model in force.

    The model in force stands at its shipped threshold; the candidate at the one, ``threshold``,
    that finds most among those with no more false alarms on the same photos. ``difference`` is
    candidate minus active, ``interval`` its 95 % bootstrap interval, photos drawn by group.
    """

    hazard_class: HazardClass
    boxes: int
    active_recall: float
    active_alarms_per_image: float
    candidate_recall: float
    candidate_alarms_per_image: float
    threshold: float | None
    interval: Interval | None

    @property
    def difference(self) -> float:
        """Recall won (above 0) or lost."""
        return self.candidate_recall - self.active_recall


def let_answer(
    manifest: ModelManifest,
    photos: Sequence[AnnotatedPhoto],
    *,
    runtime: str = "openvino",
    precision: Precision = "auto",
) -> Contender:
    """Run a model over the photos as it is deployed, with every box that a threshold may show."""
    floor = min(float(CANDIDATE_SCORES[0]), manifest.score_floor)
    manifest = replace(manifest, score_floor=floor)
    detector = load_detector(manifest, runtime=runtime, precision=precision)
    return Contender(manifest, tuple(answer_photos(detector, photos, tiled=True)))


def compare_class(key: HazardClass, candidate: Contender, active: Contender) -> ClassDuel:
    """Return how a class fares; both must know it and have seen the same photos."""
    standing = _sweep(key, active, np.array([active.manifest.thresholds[key]]))
    tried = _sweep(key, candidate, CANDIDATE_SCORES)
    index = choose_equal(tried, allowed_alarms=int((standing.found - standing.hits).sum()))
    none = np.zeros_like(standing.truths)
    hits, found = (none, none) if index is None else (tried.hits[index], tried.found[index])
    truths, photos = int(standing.truths.sum()), len(standing.truths)
    groups = [answer.photo.group for answer in active.answers]
    weights = draw_weights(groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        rounds = (weights @ (hits - standing.hits[0])) / (weights @ standing.truths)
    return ClassDuel(
        hazard_class=key,
        boxes=truths,
        active_recall=int(standing.hits.sum()) / max(1, truths),
        active_alarms_per_image=int((standing.found - standing.hits).sum()) / max(1, photos),
        candidate_recall=int(hits.sum()) / max(1, truths),
        candidate_alarms_per_image=int((found - hits).sum()) / max(1, photos),
        threshold=None if index is None else float(tried.scores[index]),
        interval=find_interval(np.asarray(rounds, dtype=np.float64)),
    )


def choose_equal(sweep: Sweep, *, allowed_alarms: int) -> int | None:
    """Return the row with most hits among those with no more false alarms; None without one."""
    quiet = np.flatnonzero((sweep.found - sweep.hits).sum(axis=1) <= allowed_alarms)
    if not len(quiet):
        return None
    return int(quiet[int(np.argmax(sweep.hits[quiet].sum(axis=1)))])


def mean_ap50(contender: Contender) -> tuple[float, dict[HazardClass, float]]:
    """Return the mean AP50 over the classes that the photos show, and that of each."""
    ranked = [rank_boxes(answer, contender.manifest) for answer in contender.answers]
    found = {
        key: compute_average_precision(
            [
                class_boxes(answer.photo, boxes, key)
                for answer, boxes in zip(contender.answers, ranked, strict=True)
            ]
        ).ap50
        for key in contender.manifest.classes
    }
    known = {key: value for key, value in found.items() if value is not None}
    return sum(known.values()) / max(1, len(known)), known


def _sweep(key: HazardClass, contender: Contender, scores: FloatArray) -> Sweep:
    others = dict(contender.manifest.thresholds)
    return sweep_class(key, contender.answers, contender.manifest, scores=scores, others=others)
