"""How sure a difference of two models on the same photos is, also where the photos are few.

Intervals are bootstrap percentiles over whole groups, paired: a drawn group counts for both models
(Efron and Tibshirani, An Introduction to the Bootstrap, 1993). With few groups they are too narrow,
so a difference only counts where a sign-flip test over the groups agrees: under no difference each
group's could as well have the other sign (Fisher's randomisation test; exact up to 12 groups that
differ). Where no group differs at all, the interval is what so many groups could hide: 3 of them
("rule of three", Hanley and Lippman-Hand, JAMA 1983), not nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import FloatArray
from training.evaluation.metrics import RankedFinds, measure_ranking
from training.evaluation.sampling import RANKING_ROUNDS, SEED, draw_weights, find_interval

RULE_OF_THREE = 3.0
MOST_EXACT = 12
DRAWS = 4096
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate minus running; None where it cannot be had, or nothing can be said of its error.

    ``low`` to ``high`` is the 95 % interval, ``p`` that of the sign-flip test.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None

    @property
    def direction(self) -> int:
        """1 or -1 where the difference is more than chance, else 0."""
        if self.low is None or self.high is None or self.p is None or self.p > LEVEL:
            return 0
        return 1 if self.low > 0 else -1 if self.high < 0 else 0

    def without_error(self) -> Difference:
        """Return the value alone: of so few photos nothing more can be said."""
        return Difference(self.value)


def compare_rates(
    running: FloatArray, candidate: FloatArray, of: FloatArray, groups: Sequence[str]
) -> Difference:
    """Return the difference of two rates that share a denominator.

    Args:
        running: ``(photos,)`` counts of the model in force, such as hits.
        candidate: the same of the candidate.
        of: ``(photos,)`` what both are divided by, such as true boxes, or ones for "per photo".
        groups: the group of each photo.
    """
    total = float(of.sum())
    if total <= 0:
        return Difference()
    change = (candidate - running).astype(np.float64)
    by_group = sum_groups(change, groups)
    value = float(change.sum()) / total
    if not by_group.any():
        reach = RULE_OF_THREE / total if len(by_group) > 1 else None
        return Difference(value, None if reach is None else -reach, reach, 1.0)
    weights = draw_weights(groups).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        rounds = (weights @ change) / (weights @ of)
    low, high = find_interval(np.asarray(rounds, dtype=np.float64)) or (None, None)
    return Difference(value, low, high, flip_signs(by_group))


def compare_ranking(
    running: RankedFinds, candidate: RankedFinds, groups: Sequence[str]
) -> Difference:
    """Return the difference of AP50 with its interval; it has no test, and decides nothing."""
    values = [measure_ranking(one).ap50 for one in (running, candidate)]
    if values[0] is None or values[1] is None:
        return Difference()
    rounds = [_ap_change(running, candidate, row) for row in draw_weights(groups, RANKING_ROUNDS)]
    low, high = find_interval(np.array(rounds, dtype=np.float64)) or (None, None)
    return Difference(values[1] - values[0], low, high)


def _ap_change(running: RankedFinds, candidate: RankedFinds, weights: NDArray[np.intp]) -> float:
    first, second = (measure_ranking(one, weights).ap50 for one in (running, candidate))
    return np.nan if first is None or second is None else second - first


def sum_groups(values: FloatArray, groups: Sequence[str]) -> FloatArray:
    """Return the sum of each group, by name of the group."""
    names, index = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    return np.bincount(index, weights=values, minlength=len(names)).astype(np.float64)


def flip_signs(by_group: FloatArray) -> float:
    """Return how often signs by chance give a sum as far from nought as the one that was seen."""
    moved = by_group[by_group != 0]
    if not len(moved):
        return 1.0
    seen = abs(float(moved.sum())) - 1e-9
    if len(moved) <= MOST_EXACT:
        bits = (np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved))) & 1
        sums = np.abs((1 - 2 * bits) @ moved)
        return float((sums >= seen).mean())
    signs = np.random.default_rng(SEED).choice((-1.0, 1.0), size=(DRAWS, len(moved)))
    return float(((np.abs(signs @ moved) >= seen).sum() + 1) / (DRAWS + 1))


def correct_holm(found: Sequence[Difference]) -> list[Difference]:
    """Return the differences with their p corrected for being many (Holm, 1979)."""
    known = sorted(
        (index for index, one in enumerate(found) if one.p is not None),
        key=lambda index: found[index].p or 0.0,
    )
    corrected = list(found)
    highest = 0.0
    for rank, index in enumerate(known):
        highest = max(highest, min(1.0, (found[index].p or 0.0) * (len(known) - rank)))
        corrected[index] = replace(found[index], p=highest)
    return corrected
