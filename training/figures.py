"""Figures of an evaluation as JSON and as a table to read."""

from __future__ import annotations

from training.evaluate import ClassFigures, Evaluation

HEADER = (
    "| class | photos | boxes | AP50 | AP50-95 | threshold | precision | recall | F1 | hits "
    "| false alarms | missed |"
)
RULE = "|---|" + "---:|" * 11


def json_from_evaluation(evaluation: Evaluation) -> dict[str, object]:
    """Return the figures as plain numbers, classes by key."""
    return {
        "photos": evaluation.photos,
        "negatives": evaluation.negatives,
        "tiled": evaluation.tiled,
        "hazard_alarms_per_negative": _rounded(evaluation.hazard_alarms_per_negative),
        "false_alarms_on_negatives": {
            key.value: count for key, count in evaluation.false_alarms.items()
        },
        "classes": {item.hazard_class.value: _class_json(item) for item in evaluation.figures},
    }


def table_from_evaluation(evaluation: Evaluation) -> str:
    """Return a markdown table, one row per class, and a line on the negatives."""
    rows = [_class_row(item) for item in evaluation.figures]
    alarms = ", ".join(f"{key.value} {count}" for key, count in evaluation.false_alarms.items())
    per_photo = format_figure(evaluation.hazard_alarms_per_negative)
    negatives = (
        f"{evaluation.photos} photos, {evaluation.negatives} of them negative. "
        f"Boxes on negatives: {alarms} ({per_photo} of a hazard class per negative photo)."
    )
    return "\n".join([HEADER, RULE, *rows, "", negatives])


def format_figure(value: float | None) -> str:
    """Return three decimals, or ``n/a`` where there is no figure."""
    return "n/a" if value is None else f"{value:.3f}"


def _class_json(item: ClassFigures) -> dict[str, object]:
    counts = item.counts
    return {
        "photos": item.photos,
        "boxes": item.boxes,
        "ap50": _rounded(item.ap50),
        "ap50_95": _rounded(item.ap50_95),
        "threshold": item.threshold,
        "precision": _rounded(counts.precision),
        "recall": _rounded(counts.recall),
        "f1": _rounded(counts.f_score()),
        "true_positives": counts.true_positives,
        "false_positives": counts.false_positives,
        "misses": counts.misses,
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
        format_figure(counts.f_score()),
        str(counts.true_positives),
        str(counts.false_positives),
        str(counts.misses),
    ]
    return "| " + " | ".join(cells) + " |"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
