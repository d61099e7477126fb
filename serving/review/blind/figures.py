"""Figures on people, pure: agreement beyond chance, shares with their interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

Pair = tuple[str, str]

Z_95 = 1.959963984540054
"""95 % of a normal distribution lie within so many standard deviations."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cohen's kappa of ``count`` pairs; None where chance alone would agree always, or no pair."""

    count: int
    agreed: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Share:
    """``hits`` of ``count``, with Wilson's 95 % interval; None where there is nothing to count."""

    hits: int
    count: int
    value: float | None
    low: float | None
    high: float | None


def measure_agreement(pairs: Sequence[Pair]) -> Agreement:
    """Return Cohen's kappa of pairs of verdicts, (p_o - p_e) / (1 - p_e).

    p_o is the share of equal pairs, p_e the sum over the verdicts of the product of the shares in
    which the first and the second of a pair say it (Cohen 1960, unweighted).
    """
    count = len(pairs)
    agreed = sum(one == other for one, other in pairs)
    ones, others = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    # In whole numbers, so that chance which always agrees is told from one that nearly does.
    by_chance = sum(ones[verdict] * others[verdict] for verdict in ones)
    everything = count * count
    if by_chance == everything:
        return Agreement(count, agreed, None)
    kappa = (agreed * count - by_chance) / (everything - by_chance)
    return Agreement(count, agreed, kappa)


def measure_share(hits: int, count: int) -> Share:
    """Return a share with Wilson's score interval at 95 % (Wilson 1927), within 0 and 1.

    It holds for few answers too, and for none or all of them right, where the plain one collapses.
    """
    if count == 0:
        return Share(0, 0, None, None, None)
    value, square = hits / count, Z_95 * Z_95
    scale = 1 + square / count
    middle = (value + square / (2 * count)) / scale
    half = Z_95 / scale * sqrt(value * (1 - value) / count + square / (4 * count * count))
    return Share(hits, count, value, max(0.0, middle - half), min(1.0, middle + half))
