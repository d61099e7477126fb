"""A loop of one strategy and one seed: label, train, choose, label more, train on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from detection.selection import SelectionSettings
from training.simulation.choice import choose_photos, draw_photos
from training.simulation.plan import LoopPlan, Strategy
from training.simulation.rounds import WEIGHTS, RoundResult, is_finished, read_answers, run_round
from training.simulation.stock import Stock


def run_chain(
    stock: Stock,
    strategy: Strategy,
    seed: int,
    folder: Path,
    *,
    settings: SelectionSettings | None = None,
    threads: int = 1,
    on_round: Callable[[RoundResult], None] = lambda _: None,
) -> list[RoundResult]:
    """Return the results of all rounds, the first fraction first; rounds that ended are read.

    The first round is common to ``selected`` and ``random``: the same photos, the same weights.
    Every round goes on from the weights of the one before it. ``full`` takes as many rounds of as
    many steps, so that it differs in its labels only.

    Raises:
        ModelError: a training failed or was killed; another call goes on there.
    """
    plan = stock.plan
    labelled = _draw_start(stock, strategy, seed)
    results: list[RoundResult] = []
    start, before = stock.start, Path()
    for index, fraction in enumerate(plan.fractions):
        name = "start" if index == 0 and strategy != "full" else strategy
        place = folder / f"seed-{seed}" / f"{name}-{index}"
        if index and strategy != "full" and not is_finished(place):
            count = stock.count_budget(fraction) - len(labelled)
            if strategy == "selected":
                weights = settings or SelectionSettings()
                labelled += _choose(
                    stock, labelled, count, before=before, weights=weights, seed=seed
                )
            else:
                labelled += _draw(stock, labelled, count, seed)
        result = run_round(
            stock,
            place,
            labelled,
            start=start,
            settings=plan.write_settings(seed, index),
            told=(name, seed, 1.0 if strategy == "full" else fraction),
            asks_pool=_is_chosen_from(name, index, plan),
            threads=threads,
        )
        on_round(result)
        results.append(result)
        labelled, before, start = list(result.labelled), place, place / WEIGHTS
    return results


def _draw_start(stock: Stock, strategy: Strategy, seed: int) -> list[str]:
    names = [photo.name for photo in stock.train]
    if strategy == "full":
        return names
    return draw_photos(names, stock.count_budget(stock.plan.fractions[0]), seed)


def _is_chosen_from(name: str, index: int, plan: LoopPlan) -> bool:
    """Whether the next photos are chosen by what the network of this round says of all."""
    return name in {"start", "selected"} and index + 1 < len(plan.fractions)


def _draw(stock: Stock, labelled: Sequence[str], count: int, seed: int) -> list[str]:
    known = set(labelled)
    open_names = [photo.name for photo in stock.train if photo.name not in known]
    return draw_photos(open_names, count, seed + len(labelled))


def _choose(
    stock: Stock,
    labelled: Sequence[str],
    count: int,
    *,
    before: Path,
    weights: SelectionSettings,
    seed: int,
) -> list[str]:
    answers = read_answers(stock, before, asks_pool=True)
    return choose_photos(stock, labelled, answers, count, settings=weights, seed=seed)
