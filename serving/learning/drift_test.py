"""Whether two sets of flights differ by more than chance, and which of many such answers count.

Pure. A flight is one row of counts, by bin of the score or as (confirmed, rejected).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from math import comb
from typing import Final

import numpy as np

from serving.learning.figures import LEAST_FLIGHTS, FloatArray, IntArray

DRAWS: Final = 4999
"""Divisions drawn by chance, where there are too many to try all."""

_SLACK: Final = 1e-9
_AT_ONCE: Final = 1024


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far two distributions are apart, and how often chance alone puts them as far.

    ``distance`` is the largest difference of their cumulative shares (Kolmogorov-Smirnov); of two
    bins it is the difference of the shares. ``least_p`` is the smallest that so few flights can
    ever give.
    """

    distance: float
    p_value: float
    least_p: float


def compare_flights(
    reference: IntArray, recent: IntArray, rng: np.random.Generator, draws: int = DRAWS
) -> Comparison | None:
    """Compare flights of then, ``(n, bins)``, with flights of now, ``(m, bins)``.

    A permutation test over whole flights: were nothing changed, any ``m`` of the ``n + m`` could
    be the recent ones. So it does not matter how alike the things of one flight are, which a test
    of single things (two proportions, Kolmogorov-Smirnov) takes for evidence. All divisions are
    tried where they are few, else ``draws`` of them (then p is ``(hits + 1) / (draws + 1)``, never
    0). None: fewer than two flights on one side have anything.
    """
    reference, recent = (each[each.sum(axis=1) > 0] for each in (reference, recent))
    if min(len(reference), len(recent)) < LEAST_FLIGHTS:
        return None
    flights = _Flights(np.concatenate([reference, recent]))
    own = np.zeros((1, len(reference) + len(recent)))
    own[0, len(reference) :] = 1.0
    distances, observed = flights.measure(own)
    hits, total = 0, 0
    for members in _divide(own.shape[1], len(recent), rng, draws):
        statistics = flights.measure(members)[1]
        hits += int((statistics >= observed[0] * (1.0 - _SLACK)).sum())
        total += len(members)
    if total < comb(own.shape[1], len(recent)):  # a sample; what was seen is one of them
        hits, total = hits + 1, total + 1
    return Comparison(float(distances[0]), hits / total, 1.0 / total)


def find_level(least: Sequence[float], alpha: float) -> float:
    """Return the p-value under which one of several tests counts (Tarone 1990).

    With all of them chance raises an alarm in a share ``alpha`` of the looks at most. Tests that
    could never give one, however much changed, are not counted; so a slice with three flights
    does not blind those that have thirty.
    """
    for divisor in range(1, len(least) + 1):
        if sum(each <= alpha / divisor for each in least) <= divisor:
            return alpha / divisor
    return alpha


class _Flights:
    """Counts of flights, ready to be divided again and again."""

    def __init__(self, counts: IntArray) -> None:
        """Add up what each division needs; everything in it is a sum over its flights."""
        up_to = counts.cumsum(axis=1)[:, :-1].astype(np.float64)  # the last bin is always all
        sizes = counts.sum(axis=1).astype(np.float64)[:, None]
        self._bins = up_to.shape[1]
        ones = np.ones_like(sizes)
        self._parts = np.hstack([ones, sizes, sizes**2, up_to, up_to**2, up_to * sizes])
        self._whole = self._parts.sum(axis=0)
        shares = up_to.sum(axis=0) / sizes.sum()
        self._least_variance = float((shares * (1.0 - shares)).mean())

    def measure(self, members: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return distance and statistic by division, (k,); ``members`` (k, n) is 1 for recent.

        The statistic is the distance over its own error (flights of five things beside flights of
        fifty would else seem to change too often; Chung and Romano 2013). The error is no smaller
        than if all things were independent.
        """
        now = members @ self._parts
        then = self._whole - now
        shares_now, variance_now = self._describe(now)
        shares_then, variance_then = self._describe(then)
        with np.errstate(invalid="ignore", divide="ignore"):
            distances = np.abs(shares_now - shares_then).max(axis=1)
            floor = self._least_variance * (1.0 / now[:, 1] + 1.0 / then[:, 1])
            errors = np.sqrt(np.maximum(variance_now + variance_then, floor))
            ratios = distances / errors
        # A division that leaves one side empty, or without any spread, says nothing.
        return np.nan_to_num(distances, nan=0.0), np.nan_to_num(ratios, nan=0.0, posinf=0.0)

    def _describe(self, sums: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return shares (k, bins) and the mean of their variances over the bins (k,)."""
        flights, size, squares = sums[:, 0], sums[:, 1], sums[:, 2]
        up_to, own_squares, products = (
            sums[:, 3 + part * self._bins : 3 + (part + 1) * self._bins] for part in range(3)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = up_to / size[:, None]
            residuals = own_squares - 2.0 * shares * products + shares**2 * squares[:, None]
            factor = flights / (flights - 1.0) / size**2
        return shares, (residuals.clip(0.0) * factor[:, None]).mean(axis=1)


def _divide(
    flights: int, recent: int, rng: np.random.Generator, draws: int
) -> Iterator[FloatArray]:
    """Yield divisions, (k, flights): all there are, or so many drawn by chance."""
    total = comb(flights, recent)
    every = combinations(range(flights), recent) if total <= draws else None
    for first in range(0, min(total, draws), _AT_ONCE):
        size = min(_AT_ONCE, min(total, draws) - first)
        if every is not None:
            chosen = np.array(list(islice(every, size)))
        else:
            chosen = rng.random((size, flights)).argpartition(recent - 1, axis=1)[:, :recent]
        members = np.zeros((size, flights))
        np.put_along_axis(members, chosen, 1.0, axis=1)
        yield members
