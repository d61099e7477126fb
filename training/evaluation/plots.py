"""Curves and the confusion matrix as SVG."""

from __future__ import annotations

import io
from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from detection.report.content import CLASS_COLORS
from training.evaluation.results import Evaluation

SIZE_INCHES = (5.2, 4.0)
MANY_ALARMS = 1.0
"""Right end of the axis of false alarms per negative photo."""


def draw_plots(evaluation: Evaluation) -> Mapping[str, bytes]:
    """Return the SVG files of an evaluation by name; classes without truth have no curve."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "hazardlens", "font.size": 10}):
        return {
            "precision_recall.svg": _draw_precision_recall(evaluation),
            "recall_by_alarms.svg": _draw_recall_by_alarms(evaluation),
            "confusion.svg": _draw_confusion(evaluation),
        }


def _draw_precision_recall(evaluation: Evaluation) -> bytes:
    figure, axes = _start("recall", "precision")
    for item in evaluation.figures:
        if not item.boxes:
            continue
        precision, recall = item.curve
        color = CLASS_COLORS[item.hazard_class]
        axes.plot(recall, precision, color=color, label=item.hazard_class.value)
        if item.counts.precision is not None and item.counts.recall is not None:
            axes.plot(item.counts.recall, item.counts.precision, "o", color=color)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    return _finish(figure, axes)


def _draw_recall_by_alarms(evaluation: Evaluation) -> bytes:
    figure, axes = _start("false alarms per negative photo", "recall")
    for item in evaluation.figures:
        if not item.boxes or not evaluation.negatives:
            continue
        color = CLASS_COLORS[item.hazard_class]
        alarms = item.sweep.alarms_per_negative()
        axes.plot(alarms, item.sweep.box_recall(), color=color, label=item.hazard_class.value)
        axes.plot(alarms, item.sweep.photo_recall(), color=color, linestyle=":")
        if item.counts.recall is not None and item.false_alarms_per_negative is not None:
            axes.plot(item.false_alarms_per_negative, item.counts.recall, "o", color=color)
    axes.set(xlim=(-0.01, MANY_ALARMS), ylim=(0, 1.02))
    return _finish(figure, axes)


def _draw_confusion(evaluation: Evaluation) -> bytes:
    names = [*(item.hazard_class.value for item in evaluation.figures), "background"]
    figure, axes = _start("found", "truth")
    matrix = evaluation.confusion.astype(np.float64)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(*matrix.shape):
        dark = shares[row, column] > 0.5  # noqa: PLR2004 - white text on the dark half of the scale
        axes.text(
            column,
            row,
            f"{int(matrix[row, column])}",
            ha="center",
            va="center",
            color="white" if dark else "black",
        )
    axes.set_xticks(range(len(names)), names, rotation=20, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=False)
    return _finish(figure, None)


def _start(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.grid(visible=True, color="#e4e8ec")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _finish(figure: Figure, legend_of: Axes | None) -> bytes:
    if legend_of is not None and legend_of.get_legend_handles_labels()[0]:
        legend_of.legend(loc="best", frameon=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()
