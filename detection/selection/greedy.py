"""The choice itself: one example after another, each the best beside those taken before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import FloatArray
from detection.domain.hazard import HazardClass
from detection.selection.example import REASONS, Example, Pick, SelectionSettings
from detection.selection.parts import measure_rarity, measure_uncertainty
from detection.selection.spread import Spread
from detection.selection.strata import Strata


def select_examples(
    pool: Sequence[Example],
    labelled: Sequence[Example],
    budget: int,
    *,
    thresholds: Mapping[HazardClass, float],
    class_counts: Mapping[HazardClass, int],
    settings: SelectionSettings | None = None,
    seed: int = 0,
) -> list[Pick]:
    """Return at most ``budget`` examples of the pool, the one to label first in front.

    ``thresholds`` are the deployed ones, ``class_counts`` the labels there are of each class.
    In turns, each kind of looks gives its best, so that every kind gets labels as it has photos.
    Examples of which nothing is said but how they look come after all others. The order in which
    either is given does not matter; ``seed`` parts equals and begins the kinds.

    Raises:
        ValueError: a key occurs twice in the pool, or is labelled already, or the budget is
            negative.
    """
    _check_keys(pool, labelled, budget)
    weights = settings or SelectionSettings()
    ordered = _shuffle(pool, seed)
    spread = Spread(ordered, sorted(labelled, key=lambda example: example.key))
    strata = Strata(spread.units, spread.labelled_units, seed)
    fixed = _measure_fixed_parts(ordered, thresholds, class_counts)
    usual = _measure_usual(fixed | {"diversity": spread.measure()})
    silent = np.array([example.says_nothing for example in ordered], dtype=np.bool_)
    is_open = np.ones(len(ordered), dtype=np.bool_)
    picks: list[Pick] = []
    for rank in range(1, min(budget, len(ordered)) + 1):
        parts = fixed | {"diversity": spread.measure()}
        turn = strata.find_turn(_allow(is_open, silent))
        index = int(np.argmax(np.where(turn, _weigh(parts, weights), -1.0)))
        own = {name: float(parts[name][index]) for name in REASONS}
        picks.append(_explain(ordered[index].key, rank, own=own, usual=usual, weights=weights))
        is_open[index] = False
        spread.take(index)
        strata.take(index)
    return picks


def _check_keys(pool: Sequence[Example], labelled: Sequence[Example], budget: int) -> None:
    keys = {example.key for example in pool}
    if len(keys) < len(pool) or not keys.isdisjoint(example.key for example in labelled):
        message = "A key occurs twice in the pool, or is labelled already."
        raise ValueError(message)
    if budget < 0:
        message = f"A budget of {budget} examples is none."
        raise ValueError(message)


def _shuffle(pool: Sequence[Example], seed: int) -> list[Example]:
    """Return the pool in an order that hangs on its keys and the seed alone."""
    ordered = sorted(pool, key=lambda example: example.key)
    return [ordered[index] for index in np.random.default_rng(seed).permutation(len(ordered))]


def _measure_fixed_parts(
    pool: Sequence[Example],
    thresholds: Mapping[HazardClass, float],
    class_counts: Mapping[HazardClass, int],
) -> dict[str, FloatArray]:
    """Return the parts that no pick changes, ``(n,)`` each."""
    return {
        "uncertainty": measure_uncertainty(pool, thresholds),
        "rarity": measure_rarity(pool, class_counts),
        "disagreement": np.array([example.disagreement for example in pool], dtype=np.float64),
        "novelty": np.array([example.novelty for example in pool], dtype=np.float64),
    }


def _measure_usual(parts: Mapping[str, FloatArray]) -> dict[str, float]:
    """Return the mean of each part over the pool before anything is picked."""
    return {name: float(part.mean()) if len(part) else 0.0 for name, part in parts.items()}


def _weigh(parts: Mapping[str, FloatArray], settings: SelectionSettings) -> FloatArray:
    """Return the mean of the parts by their weights, ``(n,)``."""
    weights = {name: float(getattr(settings, name)) for name in REASONS}
    return np.asarray(sum(weights[name] * parts[name] for name in REASONS) / sum(weights.values()))


def _allow(is_open: NDArray[np.bool_], silent: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what may be picked: what says nothing only when nothing else is left."""
    telling = is_open & ~silent
    return telling if telling.any() else is_open


def _explain(
    key: str,
    rank: int,
    *,
    own: Mapping[str, float],
    usual: Mapping[str, float],
    weights: SelectionSettings,
) -> Pick:
    """Return a pick with its parts; its reason is what lifts it most above the usual.

    Not the largest part: where most photos are somewhat uncertain, that tells a reader nothing.
    Where all lie below the usual, a part that is nought is still no reason.
    """
    shares = {name: float(getattr(weights, name)) for name in REASONS}
    lifts = {name: shares[name] * (own[name] - usual[name]) for name in REASONS}
    return Pick(
        key=key,
        rank=rank,
        total=sum(shares[name] * own[name] for name in REASONS) / sum(shares.values()),
        reason=REASONS[max(REASONS, key=lambda name: (own[name] > 0.0, lifts[name]))],
        **own,
    )
