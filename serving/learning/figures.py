"""Means over things that come in flights, with intervals that know it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

Z_95: Final = 1.959963984540054
LEAST_FLIGHTS: Final = 2
"""Of one flight nobody knows how much flights differ: it has a mean and no interval."""

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean in [0, 1] of ``count`` things in ``flights`` flights, with its 95 % interval."""

    flights: int
    count: int
    value: float | None
    low: float | None
    high: float | None


def measure_mean(sums: FloatArray, counts: IntArray) -> Mean:
    """Return the mean of all things of all flights; ``sums`` and ``counts`` are by flight, (n,).

    Things of one flight resemble each other (one place, one light), so the error is that of a
    ratio of two totals over flights, and the interval Wilson's with as many independent things as
    would give that error, less what few flights are worth (Korn and Graubard 1998). Where all are
    0 or all are 1, nobody knows how much flights differ; then each flight counts as one thing.
    """
    kept = counts > 0
    sums, counts = sums[kept], counts[kept]
    flights, count = len(counts), int(counts.sum())
    if count == 0:
        return Mean(0, 0, None, None, None)
    value = float(np.clip(sums.sum() / count, 0.0, 1.0))
    if flights < LEAST_FLIGHTS:
        return Mean(flights, count, value, None, None)
    size = _effective_size(value, sums, counts)
    size *= (Z_95 / float(student.ppf(0.975, flights - 1))) ** 2
    low, high = wilson(value, size)
    return Mean(flights, count, value, low, high)


def _effective_size(value: float, sums: FloatArray, counts: IntArray) -> float:
    flights, count = len(counts), int(counts.sum())
    residuals = sums - value * counts
    variance = flights / (flights - 1) * float((residuals**2).sum()) / count**2
    spread = value * (1.0 - value)
    if spread <= 0.0:
        return float(flights)
    return spread / max(variance, spread / count)


def wilson(value: float, size: float) -> tuple[float, float]:
    """Return Wilson's score interval at 95 % (Wilson 1927) of a share of ``size`` things."""
    square = Z_95 * Z_95
    scale = 1.0 + square / size
    middle = (value + square / (2.0 * size)) / scale
    half = Z_95 / scale * sqrt(value * (1.0 - value) / size + square / (4.0 * size * size))
    return max(0.0, middle - half), min(1.0, middle + half)
