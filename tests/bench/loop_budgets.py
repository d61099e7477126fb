"""What choosing labels buys on the real sets: the simulated loop, several seeds, resumable.

Photos and labels lie outside the repository; every finished training leaves its record in the
folder, and only missing ones are trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.change_tables import say
from training.simulation import LoopPlan, RoundResult, Strategy, open_stock, run_chain
from training.simulation.curves import find_rounds
from training.simulation.plan import CRACKS, MANHOLE

SEEDS = (0, 1, 2)
PLANS = (MANHOLE, CRACKS)
NAMES: tuple[Strategy, ...] = ("selected", "random", "full")
Row = dict[str, Any]


def measure_budgets(
    folder: Path,
    shared_dir: Path,
    *,
    seeds: Sequence[int] = SEEDS,
    plans: Sequence[LoopPlan] = PLANS,
    processes: int = 3,
) -> list[Row]:
    """Return a row for each set and budget: the mean AP50 of the seeds, and each seed's."""
    results = run_loops(folder, shared_dir, seeds=seeds, plans=plans, processes=processes)
    return list_all_rows(plans, results)


def list_all_rows(
    plans: Sequence[LoopPlan], results: Mapping[str, Sequence[RoundResult]]
) -> list[Row]:
    """Return the rows of all sets."""
    return [row for plan in plans for row in list_rows(plan, results[plan.dataset])]


def run_loops(
    folder: Path,
    shared_dir: Path,
    *,
    seeds: Sequence[int] = SEEDS,
    plans: Sequence[LoopPlan] = PLANS,
    processes: int = 3,
) -> dict[str, list[RoundResult]]:
    """Run what is missing of all loops, the first seed of every set first, and return all rounds.

    A training takes one thread, so that several go side by side: on the cores of one machine that
    is faster than one after another with all threads.
    """
    stocks = {plan.dataset: open_stock(plan, shared_dir, folder / plan.dataset) for plan in plans}
    jobs = list(_list_jobs(plans, seeds))

    def run_job(job: tuple[LoopPlan, int, tuple[Strategy, ...]]) -> list[RoundResult]:
        plan, seed, strategies = job
        place = folder / plan.dataset
        return [
            result
            for strategy in strategies
            for result in run_chain(
                stocks[plan.dataset], strategy, seed, place, on_round=_say_round
            )
        ]

    found: dict[str, list[RoundResult]] = {plan.dataset: [] for plan in plans}
    with ThreadPoolExecutor(processes) as pool:
        for job, results in zip(jobs, pool.map(run_job, jobs), strict=True):
            found[job[0].dataset].extend(results)
    return {name: _without_doubles(results) for name, results in found.items()}


def _list_jobs(
    plans: Sequence[LoopPlan], seeds: Sequence[int]
) -> Iterator[tuple[LoopPlan, int, tuple[Strategy, ...]]]:
    """Yield chains that share a start as one job, and the full data as another."""
    for seed in seeds:
        for plan in plans:
            yield plan, seed, ("selected", "random")
        for plan in plans:
            yield plan, seed, ("full",)


def _without_doubles(results: Sequence[RoundResult]) -> list[RoundResult]:
    """Return each round once, of the full data the last only."""
    return list({(item.strategy, item.seed, item.fraction): item for item in results}.values())


def _say_round(result: RoundResult) -> None:
    labels = ", ".join(f"{count} {name}" for name, count in result.labels.items())
    say(
        f"{result.dataset} seed {result.seed} {result.strategy} {result.fraction:.0%}: AP50 "
        f"{result.mean_ap50:.4f} with {len(result.labelled)} photos ({labels}), "
        f"{result.seconds:.0f} s"
    )


def list_rows(plan: LoopPlan, results: Sequence[RoundResult]) -> list[Row]:
    """Return what each budget of one set reached; ``full`` is what all labels reach."""
    rows = []
    for fraction in plan.fractions:
        row: Row = {"set": plan.dataset, "fraction": fraction}
        for strategy in NAMES:
            share = None if strategy == "full" else fraction
            found = find_rounds(results, strategy, share)
            row[f"{strategy}_ap50"] = _mean([item.mean_ap50 for item in found])
            row[f"{strategy}_ap50_all_classes"] = _mean([item.mean_of_all for item in found])
            row[f"{strategy}_runs"] = [round(item.mean_ap50, 4) for item in found]
        rows.append(row)
    return rows


def say_rows(rows: Sequence[Row]) -> None:
    """Write the table as the documentation has it; a cell is the mean of the seeds."""
    say("| set | labels | selected | random | all labels | the same, mean of all classes | | |")
    say("|---|---|---|---|---|---|---|---|")
    for row in rows:
        cells = [row[f"{name}_{kind}"] for kind in ("ap50", "ap50_all_classes") for name in NAMES]
        told = " | ".join("none" if cell is None else f"{cell:.3f}" for cell in cells)
        say(f"| {row['set']} | {row['fraction']:.0%} | {told} |")
    for row in rows:
        each = "; ".join(f"{name} " + str(row[f"{name}_runs"]) for name in NAMES)
        say(f"seeds, {row['set']} {row['fraction']:.0%}: {each}")


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
