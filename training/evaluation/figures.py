"""Figures of an evaluation as JSON and as a table to read."""

from __future__ import annotations

from collections.abc import Mapping

from training.evaluation.evaluate import ClassFigures, Evaluation
from training.evaluation.sampling import Interval
from training.evaluation.slices import Slice
from training.evaluation.sweep import Sweep

HEADER = (
    "| class | photos | boxes | AP50 | AP50-95 | threshold | precision | recall | F1 | hits "
    "| false alarms | missed |"
)
RULE = "|---|" + "---:|" * 11
PIXEL_NAMES = ("precision", "recall", "f1", "iou", "length_recall", "length_precision")
CURVE_STEP = 5
"""Of the scores that may be thresholds, every fifth: 0.05, 0.1, 0.15 …"""


def json_from_evaluation(evaluation: Evaluation) -> dict[str, object]:
    """Return the figures as plain numbers, classes by key."""
    return {
        "images": evaluation.photos,
        "negatives": evaluation.negatives,
        "tiled": evaluation.tiled,
        "map50": _rounded(evaluation.map50),
        "false_alarms_per_negative": _rounded(evaluation.hazard_alarms_per_negative),
        "false_alarms_per_12_mp": _rounded(evaluation.hazard_alarms_per_12_mp),
        "false_alarms_on_negatives": {
            key.value: count for key, count in evaluation.false_alarms.items()
        },
        "classes": {item.hazard_class.value: _class_json(item) for item in evaluation.figures},
        "pixel": _pixel_json(evaluation),
        "ci95": _intervals_json(evaluation),
        "confusion": {
            "classes": [*(item.hazard_class.value for item in evaluation.figures), "background"],
            "truth_by_row": evaluation.confusion.tolist(),
        },
        "slices": {
            facet: {value: _slice_json(part) for value, part in parts.items()}
            for facet, parts in evaluation.slices.items()
        },
    }


def table_from_evaluation(evaluation: Evaluation) -> str:
    """Return markdown: one row per class, a line on the negatives, and what else was measured."""
    rows = [_class_row(item) for item in evaluation.figures]
    alarms = ", ".join(f"{key.value} {count}" for key, count in evaluation.false_alarms.items())
    per_photo = format_figure(evaluation.hazard_alarms_per_negative)
    interval = format_interval(evaluation.intervals.get("false_alarms_per_negative"))
    negatives = (
        f"{evaluation.photos} photos, {evaluation.negatives} of them negative. "
        f"Boxes on negatives: {alarms} ({per_photo}{interval} of a hazard class per negative "
        f"photo). mAP50 {format_figure(evaluation.map50)}"
        f"{format_interval(evaluation.intervals.get('map50'))}."
    )
    more = [_class_line(item) for item in evaluation.figures if item.boxes]
    return "\n".join([HEADER, RULE, *rows, "", negatives, *_pixel_lines(evaluation), "", *more])


def table_from_slices(evaluation: Evaluation) -> str:
    """Return markdown: recall at the threshold of each part of the photos or boxes."""
    keys = [item.hazard_class for item in evaluation.figures if item.boxes]
    lines = [
        "| part | photos | " + " | ".join(f"{key.value} recall (boxes)" for key in keys) + " |",
        "|---|---:|" + "---:|" * len(keys),
    ]
    for facet, parts in evaluation.slices.items():
        for value, part in parts.items():
            cells = [
                f"{format_figure(part.classes[key].recall)} ({part.classes[key].truths})"
                for key in keys
            ]
            photos = "" if part.photos is None else str(part.photos)
            shown = value.replace("_", " ") if part.photos is None else value
            name = f"{facet.replace('_', ' ')}: {shown}"
            lines.append(f"| {name} | {photos} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def format_figure(value: float | None) -> str:
    """Return three decimals, or ``n/a`` where there is no figure."""
    return "n/a" if value is None else f"{value:.3f}"


def format_interval(interval: Interval | None) -> str:
    """Return `` [low, high]`` with a blank before it; nothing where there is none."""
    return "" if interval is None else f" [{interval[0]:.3f}, {interval[1]:.3f}]"


def _class_json(item: ClassFigures) -> dict[str, object]:
    counts = item.counts
    return {
        "count": item.boxes,
        "photos": item.photos,
        "ap50": _rounded(item.ap50),
        "ap50_95": _rounded(item.ap50_95),
        "mask_ap50": _rounded(item.mask_ap50),
        "mask_ap50_95": _rounded(item.mask_ap50_95),
        "threshold": item.threshold,
        "precision": _rounded(counts.precision),
        "recall": _rounded(counts.recall),
        "f1": _rounded(counts.f1),
        "true_positives": counts.true_positives,
        "false_positives": counts.false_positives,
        "misses": counts.misses,
        "image_recall_any": _rounded(item.image_recall_any),
        "image_recall_hit": _rounded(item.image_recall_hit),
        "false_alarms_per_negative": _rounded(item.false_alarms_per_negative),
        "recall_at_false_alarms_per_negative": {
            str(step): None
            if best is None
            else {"recall": _rounded(best[0]), "image_recall_any": _rounded(best[1])}
            for step, best in item.recall_at_alarms.items()
        },
        "score_curve": _curve_json(item.sweep),
    }


def _curve_json(sweep: Sweep) -> dict[str, object]:
    """Return the boxes at and above every fifth score: what calibration starts from."""
    part = slice(CURVE_STEP - 1, None, CURVE_STEP)
    return {
        "scores": [float(score) for score in sweep.scores[part]],
        "hits": sweep.hits.sum(axis=1)[part].tolist(),
        "found": sweep.found.sum(axis=1)[part].tolist(),
    }


def _pixel_json(evaluation: Evaluation) -> dict[str, float | None] | None:
    pixels = evaluation.pixels
    if pixels is None:
        return None
    figures = {name: _rounded(getattr(pixels, name)) for name in PIXEL_NAMES}
    return {
        **figures,
        "length_tolerance_px": pixels.length_tolerance_px,
        "best_f1": _rounded(pixels.best_f1),
        "best_f1_threshold": pixels.best_f1_threshold,
    }


def _intervals_json(evaluation: Evaluation) -> dict[str, object]:
    document: dict[str, object] = dict(_pairs(evaluation.intervals))
    document["classes"] = {
        item.hazard_class.value: _pairs(item.intervals) for item in evaluation.figures
    }
    if evaluation.pixels is not None:
        document["pixel"] = _pairs(evaluation.pixels.intervals)
    return document


def _pairs(intervals: Mapping[str, Interval]) -> dict[str, list[float]]:
    return {name: [round(side, 4) for side in pair] for name, pair in intervals.items()}


def _slice_json(part: Slice) -> dict[str, object]:
    classes: dict[str, dict[str, float | None]] = {}
    for key, item in part.classes.items():
        classes[key.value] = {"count": item.truths, "recall": _rounded(item.recall)}
        if part.photos is not None:
            classes[key.value] |= {
                "precision": _rounded(item.precision),
                "ap50": _rounded(item.ap50),
            }
    if part.photos is None:
        return {"classes": classes}
    return {
        "images": part.photos,
        "negatives": part.negatives,
        "false_alarms_per_negative": _rounded(part.false_alarms_per_negative),
        "classes": classes,
    }


def _class_row(item: ClassFigures) -> str:
    counts = item.counts
    cells = [
        item.hazard_class.value,
        str(item.photos),
        str(item.boxes),
        format_figure(item.ap50),
        format_figure(item.ap50_95),
        f"{item.threshold:.2f}",
        format_figure(counts.precision),
        format_figure(counts.recall),
        format_figure(counts.f1),
        str(counts.true_positives),
        str(counts.false_positives),
        str(counts.misses),
    ]
    return "| " + " | ".join(cells) + " |"


def _class_line(item: ClassFigures) -> str:
    """Return the intervals of a class and its figures by photo, in words."""
    pairs = item.intervals
    parts = [
        f"{label} {format_figure(value)}{format_interval(pairs.get(name))}"
        for label, name, value in (
            ("precision", "precision", item.counts.precision),
            ("recall", "recall", item.counts.recall),
            ("AP50", "ap50", item.ap50),
            ("mask AP50", "mask_ap50", item.mask_ap50),
            ("mask AP50-95", "mask_ap50_95", item.mask_ap50_95),
            ("photos with it that show any box of it", "image_recall_any", item.image_recall_any),
            ("with a box in place", "image_recall_hit", item.image_recall_hit),
            (
                "false alarms per negative",
                "false_alarms_per_negative",
                item.false_alarms_per_negative,
            ),
        )
        if value is not None
    ]
    best = [
        f"{photos:.3f} of photos, {boxes:.3f} of boxes at {step:g}"
        for step, found in item.recall_at_alarms.items()
        if found is not None
        for boxes, photos in [found]
    ]
    told = f" Best recall by false alarms per negative: {'; '.join(best)}." if best else ""
    return f"- `{item.hazard_class.value}`: {', '.join(parts)} (95 % intervals).{told}"


def _pixel_lines(evaluation: Evaluation) -> list[str]:
    pixels = evaluation.pixels
    if pixels is None:
        return []
    parts = [
        f"{name.replace('_', ' ')} {format_figure(getattr(pixels, name))}"
        f"{format_interval(pixels.intervals.get(name))}"
        for name in PIXEL_NAMES
    ]
    told = ", ".join(parts)
    near = f"centre lines count as met within {pixels.length_tolerance_px:g} px"
    best = f"Best F1 by pixel of any threshold: {pixels.best_f1:.3f} at"
    return [f"By pixel: {told}; {near}. {best} {pixels.best_f1_threshold:.2f}."]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
