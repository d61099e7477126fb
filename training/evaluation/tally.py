"""Everything counted of one class, photo by photo, so that any part of the photos can be summed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.detectors.manifest import ModelManifest
from detection.domain.geometry import FloatArray
from detection.domain.hazard import HazardClass
from detection.tiling import PhotoBox
from training.evaluation.answers import (
    PhotoAnswer,
    class_boxes,
    rank_boxes,
    select_found,
    select_truth,
)
from training.evaluation.metrics import (
    IOU_STEPS,
    MAX_BOXES_PER_PHOTO,
    Matches,
    RankedFinds,
    match_class,
    match_overlaps,
    measure_ranking,
    rank_finds,
)
from training.evaluation.outlines import compute_outline_iou
from training.evaluation.pixels import divide
from training.evaluation.sampling import (
    Interval,
    draw_weights,
    find_rate_interval,
    find_share_interval,
)


@dataclass(frozen=True, slots=True)
class ClassTally:
    """One class in all photos, each array ``(photos,)``; IoU 0.5.

    ``hits``, ``found`` and ``truths`` count boxes at the threshold, as deployed. ``taken`` says
    of each true box whether it was hit. ``ranked`` is everything found, for the curve;
    ``outlines_ranked`` the same by overlap of outlines, where truth and model have them.
    """

    hits: NDArray[np.intp]
    found: NDArray[np.intp]
    truths: NDArray[np.intp]
    is_negative: NDArray[np.bool_]
    taken: tuple[NDArray[np.bool_], ...]
    ranked: RankedFinds
    outlines_ranked: RankedFinds | None

    def figures(self, weights: FloatArray | None = None) -> dict[str, FloatArray]:
        """Return each figure for each row of photo ``weights`` ``(rounds, photos)``; nan: none.

        ``image_recall_any`` is the share of photos with the class in which a box of the class is
        shown anywhere, ``image_recall_hit`` of those in which at least one true box is hit.
        """
        if weights is None:
            weights = np.ones((1, len(self.truths)))
        shows = self.truths > 0
        hits, found, truths = (weights @ item for item in (self.hits, self.found, self.truths))
        positives = weights @ shows
        return {
            "precision": divide(hits, found),
            "recall": divide(hits, truths),
            "f1": divide(2 * hits, found + truths),
            "image_recall_any": divide(weights @ (shows & (self.found > 0)), positives),
            "image_recall_hit": divide(weights @ (shows & (self.hits > 0)), positives),
            "false_alarms_per_negative": divide(
                weights @ (self.found * self.is_negative), weights @ self.is_negative
            ),
        }

    def precision_figures(self, weights: NDArray[np.intp] | None = None) -> dict[str, float | None]:
        """Return the average precisions, of boxes and of outlines; None without truth."""
        boxes = measure_ranking(self.ranked, weights)
        found = {"ap50": boxes.ap50, "ap50_95": boxes.ap50_95}
        if self.outlines_ranked is not None:
            masks = measure_ranking(self.outlines_ranked, weights)
            found |= {"mask_ap50": masks.ap50, "mask_ap50_95": masks.ap50_95}
        return found

    def find_intervals(
        self, groups: Sequence[str], rounds: int, ranking_rounds: int
    ) -> dict[str, Interval]:
        """Return the 95 % interval of every figure that has one."""
        sampled = self.figures(draw_weights(groups, rounds).astype(np.float64))
        rows = [self.precision_figures(row) for row in draw_weights(groups, ranking_rounds)]
        for name in self.precision_figures():
            sampled[name] = np.array([row[name] for row in rows], dtype=np.float64)
        of_found = _count_groups(groups, self.found > 0)
        of_truth = _count_groups(groups, self.truths > 0)
        intervals = {
            name: find_share_interval(values, of_found if name == "precision" else of_truth)
            for name, values in sampled.items()
        }
        alarms = "false_alarms_per_negative"
        quiet = _count_groups(groups, self.is_negative)
        intervals[alarms] = find_rate_interval(sampled[alarms], quiet)
        return {name: item for name, item in intervals.items() if item is not None}


def _count_groups(groups: Sequence[str], speaks: NDArray[np.bool_]) -> int:
    """Return how many groups hold a photo of which ``(photos,)`` is true."""
    return len({group for group, one in zip(groups, speaks, strict=True) if one})


def tally_class(
    key: HazardClass,
    answers: Sequence[PhotoAnswer],
    manifest: ModelManifest,
    shown: Sequence[Sequence[PhotoBox]],
    *,
    with_outlines: bool,
) -> ClassTally:
    """Return the tally of a class from the answers and the boxes that are ``shown`` of them.

    The boxes of the curve are made photo by photo and not kept: with outlines they are large.
    """
    deployed = [
        match_class(class_boxes(answer.photo, boxes, key), IOU_STEPS[:1])
        for answer, boxes in zip(answers, shown, strict=True)
    ]
    curve, outlines = [], []
    for answer in answers:
        boxes = rank_boxes(answer, manifest)
        curve.append(match_class(class_boxes(answer.photo, boxes, key)))
        if with_outlines:
            outlines.append(_match_outlines(key, answer, boxes))
    return ClassTally(
        hits=np.array([item.hits.sum() for item in deployed], dtype=np.intp),
        found=np.array([len(item.scores) for item in deployed], dtype=np.intp),
        truths=np.array([item.truths for item in deployed], dtype=np.intp),
        is_negative=np.array([a.photo.is_negative for a in answers], dtype=np.bool_),
        taken=tuple(item.taken[0] for item in deployed),
        ranked=rank_finds(curve),
        outlines_ranked=rank_finds(outlines) if with_outlines else None,
    )


def _match_outlines(key: HazardClass, answer: PhotoAnswer, boxes: Sequence[PhotoBox]) -> Matches:
    photo = answer.photo
    best_first = sorted(select_found(boxes, key), key=lambda one: -one.score)
    found = best_first[:MAX_BOXES_PER_PHOTO]
    truth = [(item.polygon,) for item in select_truth(photo, key)]
    overlaps = compute_outline_iou(
        [one.polygons for one in found], truth, photo.width_px, photo.height_px
    )
    return match_overlaps(overlaps, np.array([one.score for one in found], dtype=np.float64))
