"""The picture of simulated loops: what each budget of labels reached, by choice and by chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from training.fitting.charts import Line, Panel, draw_panels
from training.simulation.rounds import RoundResult

GOAL = 0.97
"""Share of the full data's figure that the last budget is to reach."""
_COLOURS = {"selected": 0, "random": 1}


def draw_budgets(results: Mapping[str, Sequence[RoundResult]]) -> str:
    """Return an SVG with a panel for each data set: mean and range of the seeds."""
    panels = [_draw_set(name, found) for name, found in results.items() if found]
    title = "Labels chosen by the selection against labels drawn by chance"
    return draw_panels(title, panels, columns=2)


def _draw_set(name: str, results: Sequence[RoundResult]) -> Panel:
    lines = [line for strategy in _COLOURS for line in _draw_strategy(strategy, results)]
    full = [result.mean_ap50 for result in find_rounds(results, "full")]
    last = max(result.fraction for result in results if result.strategy != "full")
    first = min(result.fraction for result in results)
    if full:
        mean = float(np.mean(full))
        ends = (100 * first, 100 * last)
        lines.append(Line("all labels", tuple((x, mean) for x in ends), colour=2))
        goal = tuple((x, GOAL * mean) for x in ends)
        lines.append(Line(f"{GOAL:.0%} of it", goal, colour=2, dashed=True))
    seeds = len({result.seed for result in results})
    return Panel(
        title=f"{name}: AP50 on val, {seeds} seeds",
        x_label="labelled training photos, %",
        lines=tuple(lines),
        x_ticks=tuple(sorted({100 * item.fraction for item in results if item.fraction <= last})),
    )


def find_rounds(
    results: Sequence[RoundResult], strategy: str, fraction: float | None = None
) -> list[RoundResult]:
    """Return the rounds of a strategy; the common start counts for both, ``full`` by its last."""
    names = {strategy} if strategy == "full" else {strategy, "start"}
    found = [item for item in results if item.strategy in names]
    return [item for item in found if fraction is None or item.fraction == fraction]


def _draw_strategy(strategy: str, results: Sequence[RoundResult]) -> list[Line]:
    """Return the mean of the seeds, and round it the outline from the worst seed to the best."""
    fractions = sorted({item.fraction for item in find_rounds(results, strategy)})
    figures = [
        (100 * fraction, [item.mean_ap50 for item in find_rounds(results, strategy, fraction)])
        for fraction in fractions
    ]
    mean = tuple((x, float(np.mean(values))) for x, values in figures)
    worst = [(x, min(values)) for x, values in figures]
    best = [(x, max(values)) for x, values in reversed(figures)]
    colour = _COLOURS[strategy]
    return [
        Line(strategy, mean, colour=colour),
        Line(f"{strategy}, range of seeds", (*worst, *best), colour=colour, dashed=True),
    ]
