"""The curves of runs: losses and figures on val over the epochs, and over the share of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from training.fitting.charts import Line, Panel, draw_panels
from training.fitting.curves import (
    BOX_AP50,
    BOX_AP50_95,
    MASK_AP50,
    MASK_AP50_95,
    Row,
    find_best,
    read_epochs,
)

CURVES = "curves.svg"
_FIGURES = {
    BOX_AP50: "boxes AP50",
    BOX_AP50_95: "boxes AP50-95",
    MASK_AP50: "masks AP50",
    MASK_AP50_95: "masks AP50-95",
}
_HITS = {
    "metrics/precision(B)": "boxes precision",
    "metrics/recall(B)": "boxes recall",
    "metrics/precision(M)": "masks precision",
    "metrics/recall(M)": "masks recall",
}


def draw_run(run_dir: Path) -> Path | None:
    """Write ``curves.svg`` into a run folder; None where no epoch ended."""
    rows = read_epochs(run_dir)
    if not rows:
        return None
    path = run_dir / CURVES
    path.write_text(draw_panels(f"Training of {run_dir.name}", plot_epochs(rows)), encoding="utf-8")
    return path


def plot_epochs(rows: Sequence[Row]) -> list[Panel]:
    """Return the panels of one run: figures on val, then each loss on train and val."""
    best = find_best(rows)
    mark = best["epoch"] if best else None
    note = f" (best: epoch {mark:g})" if mark else ""
    panels = [
        _plot_columns(f"Average precision on val{note}", _FIGURES, rows, mark),
        _plot_columns("At the score of the best F1, on val", _HITS, rows, None),
    ]
    for column in dict.fromkeys(column for row in rows for column in row):
        if not column.startswith("train/"):
            continue
        name = column.removeprefix("train/")
        lines = [
            Line(part, points, colour)
            for colour, part in enumerate(("train", "val"))
            if (points := _points(rows, f"{part}/{name}"))
        ]
        title = f"Loss: {name.removesuffix('_loss')}"
        panels.append(Panel(title, "epoch", tuple(lines)))
    return panels


def _plot_columns(
    title: str, names: Mapping[str, str], rows: Sequence[Row], mark: float | None
) -> Panel:
    lines = tuple(
        Line(name, points, colour, mark=mark)
        for colour, (column, name) in enumerate(names.items())
        if (points := _points(rows, column))
    )
    return Panel(title, "epoch", lines, (0.0, 1.0))


def _points(rows: Sequence[Row], column: str) -> tuple[tuple[float, float], ...]:
    return tuple((row["epoch"], row[column]) for row in rows if column in row)


def overlay_runs(runs: Mapping[str, Sequence[Row]]) -> str:
    """Return an SVG with the curves of several runs over each other, by name of the run."""
    shown = [column for column in _FIGURES if any(column in row for row in _all_rows(runs))]
    panels = [
        Panel(f"{_FIGURES[column]} on val", "epoch", _overlay(runs, column), (0.0, 1.0))
        for column in shown
    ]
    losses = sorted({key for row in _all_rows(runs) for key in row if key.startswith("val/")})
    panels += [
        Panel(
            f"Loss on val: {column.removeprefix('val/').removesuffix('_loss')}",
            "epoch",
            _overlay(runs, column),
        )
        for column in losses
    ]
    return draw_panels("Runs compared", panels)


def _all_rows(runs: Mapping[str, Sequence[Row]]) -> list[Row]:
    return [row for rows in runs.values() for row in rows]


def _overlay(runs: Mapping[str, Sequence[Row]], column: str) -> tuple[Line, ...]:
    return tuple(
        Line(name, points, colour, mark=best["epoch"] if (best := find_best(rows)) else None)
        for colour, (name, rows) in enumerate(runs.items())
        if (points := _points(rows, column))
    )


def draw_learning_curve(figures: Mapping[str, Sequence[tuple[float, float]]], title: str) -> str:
    """Return an SVG of figures over the share of the training groups, by name of the figure."""
    lines = tuple(
        Line(name, tuple(sorted((100 * share, value) for share, value in points)), colour)
        for colour, (name, points) in enumerate(figures.items())
    )
    ticks = tuple(sorted({x for line in lines for x, _ in line.points}))
    label = "share of the training groups, %"
    panel = Panel("Best epoch on val", label, lines, (0.0, 1.0), dots=True, x_ticks=ticks)
    return draw_panels(title, [panel], 1)
