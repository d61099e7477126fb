"""What the loop buys: labels chosen against chance, the trip to Label Studio, fewer false alarms.

``make bench-loop``, or ``--only budgets`` and the like. Lines for people first, one JSON object as
the last line; a part that cannot be measured here is null, with the reason on a line before it.
The simulated loops are dozens of trainings (an hour of four cores); each leaves its record in
``--folder`` and is not done again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from detection.domain.errors import HazardLensError
from tests.bench.change_tables import say
from tests.bench.loop_budgets import PLANS, SEEDS, Row, list_all_rows, run_loops, say_rows
from tests.bench.loop_false_alarms import measure_false_alarms
from tests.bench.loop_roundtrip import measure_roundtrip
from training.settings import RUNS_DIR, find_shared_dir
from training.simulation import draw_budgets

Figures = Mapping[str, object] | list[Row]

SHAPE = {
    "budgets": (
        *("set", "fraction", "selected_ap50", "random_ap50", "full_ap50"),
        *("selected_ap50_all_classes", "random_ap50_all_classes", "full_ap50_all_classes"),
    ),
    "roundtrip": ("tasks", "seconds", "changed_labels"),
    "false_alarms": ("before_per_photo", "after_per_photo", "recall_change"),
}
"""What is printed of each part, in this order."""


def read_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Return which parts are asked for, where the simulated loops lie and how many are run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(SHAPE), action="append")
    parser.add_argument("--folder", type=Path, default=RUNS_DIR / "loop-budgets")
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--svg", type=Path, help="where to draw the learning curves")
    return parser.parse_args(given)


def measure_budget_rows(asked: argparse.Namespace) -> list[Row]:
    """Return the rows of all sets and budgets; tells and draws them on the way."""
    results = run_loops(
        asked.folder,
        find_shared_dir(None),
        seeds=range(asked.seeds),
        processes=asked.processes,
    )
    if asked.svg is not None:
        asked.svg.write_text(draw_budgets(results), encoding="utf-8")
    rows = list_all_rows(PLANS, results)
    say_rows(rows)
    return rows


def measure_parts(asked: argparse.Namespace) -> dict[str, object]:
    """Return the figures of the parts that are asked for; null where one cannot be measured."""
    parts: dict[str, Callable[[], Figures]] = {
        "budgets": lambda: measure_budget_rows(asked),
        "roundtrip": measure_roundtrip,
        "false_alarms": measure_false_alarms,
    }
    return {
        name: tell_part(name, measure) if name in (asked.only or parts) else None
        for name, measure in parts.items()
    }


def tell_part(name: str, measure: Callable[[], Figures]) -> object:
    """Measure one part and return what is printed of it; null, with why, where it cannot be."""
    figures: Figures
    try:
        figures = measure()
    except HazardLensError as error:
        figures = {"skipped": str(error)}
    if isinstance(figures, list):
        return [{key: row[key] for key in SHAPE[name]} for row in figures]
    told = dict(figures)
    if "skipped" in told:
        say(f"{name}: not measured: {told['skipped']}")
        return None
    say(f"{name}: {told}")
    return {key: told[key] for key in SHAPE[name]}


def main() -> None:
    """Measure and write."""
    say(json.dumps(measure_parts(read_arguments())))


if __name__ == "__main__":
    main()
