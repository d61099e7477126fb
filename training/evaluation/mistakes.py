"""What a model got wrong at its shipped thresholds, one row per box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from detection.detectors.manifest import ModelManifest
from detection.domain.finding import Detection
from detection.domain.geometry import BBox, compute_iou
from detection.domain.hazard import HazardClass
from detection.tiling import PhotoBox
from training.data.annotation import Annotation
from training.evaluation.answers import PhotoAnswer, class_boxes, list_boxes, pass_boxes
from training.evaluation.confusion import SAME_PLACE_IOU, pair_by_place


class MistakeKind(StrEnum):
    """How a box is wrong."""

    FALSE_ALARM = "false_alarm"
    CONFUSION = "confusion"
    MISS = "miss"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong or missing box.

    ``hazard_class`` is what was found, or of a miss what was not; ``truth_class`` what a confused
    one is. ``score`` of a miss is the best that the model gave a box of the class there, before
    the merge; None where it gave none.
    """

    kind: MistakeKind
    answer: PhotoAnswer
    hazard_class: HazardClass
    truth_class: HazardClass | None
    score: float | None
    box: BBox
    shown: tuple[Detection, ...]


def list_mistakes(
    answers: Sequence[PhotoAnswer],
    manifest: ModelManifest,
    thresholds: Mapping[HazardClass, float],
) -> list[Mistake]:
    """Return every mistake, highest score first; misses that scored nothing come last."""
    found = [
        mistake for answer in answers for mistake in _judge_photo(answer, manifest, thresholds)
    ]
    return sorted(found, key=lambda item: (-(item.score or 0.0), item.answer.photo.name))


def _judge_photo(
    answer: PhotoAnswer, manifest: ModelManifest, thresholds: Mapping[HazardClass, float]
) -> list[Mistake]:
    boxes = list_boxes(answer, manifest)
    shown = pass_boxes(boxes, thresholds)
    drawn = tuple(box.detection for box in shown)
    truth = [item for item in answer.photo.annotations if item.hazard_class in manifest.classes]
    pairs = pair_by_place(answer.photo, shown, manifest.classes)
    rows = []
    for one, pair in zip(drawn, pairs, strict=True):
        is_class = None if pair is None else truth[pair].hazard_class
        if is_class is one.hazard_class:
            continue
        kind = MistakeKind.FALSE_ALARM if is_class is None else MistakeKind.CONFUSION
        rows.append(
            Mistake(kind, answer, one.hazard_class, is_class, one.score, one.bbox_xyxy, drawn)
        )
    for number in sorted(set(range(len(truth))) - set(pairs)):
        item = truth[number]
        score = _score_at(item, answer, boxes)
        rows.append(
            Mistake(MistakeKind.MISS, answer, item.hazard_class, None, score, item.box, drawn)
        )
    return rows


def _score_at(item: Annotation, answer: PhotoAnswer, boxes: Sequence[PhotoBox]) -> float | None:
    """Return the best score of an unmerged box of the class on a true one."""
    found = class_boxes(answer.photo, boxes, item.hazard_class)
    overlaps = compute_iou(found.found_xyxy, np.array([item.box.xyxy], dtype=np.float64))[:, 0]
    there = found.scores[overlaps >= SAME_PLACE_IOU]
    return float(there.max()) if len(there) else None
