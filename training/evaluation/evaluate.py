"""Measure a model on labelled photos through the deployed path: tile, detect, merge, threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress

import numpy as np

from detection.detectors.manifest import ModelManifest
from detection.domain.hazard import HazardClass
from detection.tiling import PhotoBox
from training.evaluation.answers import (
    RANKING_FLOOR,
    SHIPPED_FLOOR,
    PhotoAnswer,
    answer_photos,
    class_boxes,
    plan_tiles,
    rank_boxes,
    show_boxes,
)
from training.evaluation.confusion import count_confusion
from training.evaluation.metrics import Counts, trace_curve
from training.evaluation.pixels import (
    LENGTH_TOLERANCE_PX,
    count_pixels,
    divide,
    has_true_outlines,
    is_drawn_out,
    sweep_pixels,
)
from training.evaluation.results import ClassFigures, Evaluation, PixelFigures
from training.evaluation.sampling import (
    RANKING_ROUNDS,
    ROUNDS,
    Interval,
    draw_weights,
    find_interval,
    find_rate_interval,
)
from training.evaluation.slices import none_from_nan, slice_figures
from training.evaluation.sweep import CANDIDATE_SCORES, Sweep, sweep_class
from training.evaluation.tally import ClassTally, tally_class

__all__ = [
    "RANKING_FLOOR",
    "SHIPPED_FLOOR",
    "ClassFigures",
    "Evaluation",
    "PhotoAnswer",
    "PixelFigures",
    "answer_photos",
    "class_boxes",
    "evaluate_answers",
    "plan_tiles",
    "rank_boxes",
    "show_boxes",
]

ALARM_STEPS = (0.05, 0.1, 0.2)
"""False alarms per negative photo at which the recall to be had is told."""


def evaluate_answers(
    answers: Sequence[PhotoAnswer],
    manifest: ModelManifest,
    thresholds: Mapping[HazardClass, float],
    *,
    tiled: bool,
) -> Evaluation:
    """Return the figures of each class at the given thresholds.

    The curve is drawn as ``rank_boxes`` says. Counts are always as deployed: threshold, merge.
    Intervals are drawn over the groups of the photos.
    """
    photos = [answer.photo for answer in answers]
    shown = [show_boxes(answer, manifest, thresholds) for answer in answers]
    has_masks = manifest.task == "segment"
    tallies = {
        key: tally_class(
            key,
            answers,
            manifest,
            shown,
            with_outlines=has_masks and has_true_outlines(photos, (key,)),
        )
        for key in manifest.classes
    }
    groups = [f"{photo.dataset}/{photo.group}" for photo in photos]
    figures = tuple(
        _measure_class(
            key,
            tally,
            sweep_class(key, answers, manifest, others=thresholds),
            thresholds[key],
            groups,
        )
        for key, tally in tallies.items()
    )
    return Evaluation(
        figures,
        photos=len(answers),
        negatives=sum(photo.is_negative for photo in photos),
        tiled=tiled,
        false_alarms={
            key: int(tally.found[tally.is_negative].sum()) for key, tally in tallies.items()
        },
        pixels=_measure_pixels(answers, shown, manifest, groups) if has_masks else None,
        intervals=_measure_together(tallies, groups),
        slices=slice_figures(photos, tallies),
        negatives_megapixels=sum(
            photo.width_px * photo.height_px / 1e6 for photo in photos if photo.is_negative
        ),
        confusion=count_confusion(photos, shown, manifest.classes),
    )


def _measure_class(
    key: HazardClass,
    tally: ClassTally,
    sweep: Sweep,
    threshold: float,
    groups: Sequence[str],
) -> ClassFigures:
    plain = {name: none_from_nan(values[0]) for name, values in tally.figures().items()}
    precision = tally.precision_figures()
    hits, found, truths = (int(item.sum()) for item in (tally.hits, tally.found, tally.truths))
    return ClassFigures(
        hazard_class=key,
        photos=int((tally.truths > 0).sum()),
        boxes=truths,
        ap50=precision["ap50"],
        ap50_95=precision["ap50_95"],
        threshold=threshold,
        counts=Counts(hits, found - hits, truths - hits),
        mask_ap50=precision.get("mask_ap50"),
        mask_ap50_95=precision.get("mask_ap50_95"),
        image_recall_any=plain["image_recall_any"],
        image_recall_hit=plain["image_recall_hit"],
        false_alarms_per_negative=plain["false_alarms_per_negative"],
        recall_at_alarms={step: find_recall_at(sweep, step) for step in ALARM_STEPS},
        intervals=tally.find_intervals(groups, ROUNDS, RANKING_ROUNDS),
        curve=trace_curve(tally.ranked),
        sweep=sweep,
    )


def find_recall_at(sweep: Sweep, alarms: float) -> tuple[float, float] | None:
    """Return the best recall of boxes and of photos at no more false alarms per negative."""
    quiet = sweep.alarms_per_negative() <= alarms
    if not quiet.any() or not sweep.truths.any() or not sweep.is_negative.any():
        return None
    return float(sweep.box_recall()[quiet].max()), float(sweep.photo_recall()[quiet].max())


def _measure_pixels(
    answers: Sequence[PhotoAnswer],
    shown: Sequence[Sequence[PhotoBox]],
    manifest: ModelManifest,
    groups: Sequence[str],
) -> PixelFigures | None:
    keys = [key for key in manifest.classes if is_drawn_out(key)]
    if not has_true_outlines([answer.photo for answer in answers], keys):
        return None
    counts = count_pixels(answers, shown, keys)
    plain = {name: none_from_nan(values[0]) for name, values in counts.figures().items()}
    by_threshold = sweep_pixels(answers, manifest, keys, CANDIDATE_SCORES)
    best = int(np.argmax(by_threshold.f_score()))
    sampled = counts.figures(draw_weights(groups).astype(np.float64))
    intervals = {name: find_interval(values) for name, values in sampled.items()}
    return PixelFigures(
        **plain,
        length_tolerance_px=LENGTH_TOLERANCE_PX,
        best_f1=float(by_threshold.f_score()[best]),
        best_f1_threshold=float(CANDIDATE_SCORES[best]),
        intervals={name: item for name, item in intervals.items() if item is not None},
    )


def _measure_together(
    tallies: Mapping[HazardClass, ClassTally], groups: Sequence[str]
) -> dict[str, Interval]:
    """Return the intervals of what is counted over several classes."""
    weights = draw_weights(groups).astype(np.float64)
    quiet = next(iter(tallies.values())).is_negative
    alarms = sum(
        (tally.found * quiet for key, tally in tallies.items() if key.is_hazard),
        start=np.zeros(len(groups), dtype=np.intp),
    )
    rows = [
        [tally.precision_figures(row)["ap50"] for tally in tallies.values()]
        for row in draw_weights(groups, RANKING_ROUNDS)
    ]
    known = [[value for value in row if value is not None] for row in rows]
    means = np.array([np.mean(row) if row else np.nan for row in known], dtype=np.float64)
    intervals = {
        "false_alarms_per_negative": find_rate_interval(
            divide(weights @ alarms, weights @ quiet), len(set(compress(groups, quiet)))
        ),
        "map50": find_interval(means),
    }
    return {name: item for name, item in intervals.items() if item is not None}
