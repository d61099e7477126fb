"""Bootstrap intervals: how far a figure would move with other photos of the same kind.

Where every photo says the same (all found, or none), every round does too, and the bootstrap would
claim certainty. There the interval is the exact one of so many groups without an exception.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import FloatArray

ROUNDS = 1000
RANKING_ROUNDS = 200
"""Rounds for average precision, which is dearer than a sum of counts."""

SEED = 20240
MIN_GROUPS = 2
PERCENTILES = (2.5, 97.5)
TAIL = 0.025

Interval = tuple[float, float]


def draw_weights(groups: Sequence[str], rounds: int = ROUNDS) -> NDArray[np.intp]:
    """Return how often each photo counts in each round, ``(rounds, photos)``.

    Whole groups (a site, a scene) are drawn with replacement: photos of one group say much the
    same. The seed is fixed. Of less than two groups nothing can be drawn: no rounds then.
    """
    names, index = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    count = len(names)
    if count < MIN_GROUPS:
        return np.zeros((0, len(groups)), dtype=np.intp)
    drawn = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), size=rounds)
    return np.asarray(drawn[:, index], dtype=np.intp)


def find_interval(values: FloatArray) -> Interval | None:
    """Return the 95 % interval of the rounds; None where no round has the figure."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    low, high = np.percentile(known, PERCENTILES)
    return float(low), float(high)


def find_share_interval(values: FloatArray, groups: int) -> Interval | None:
    """Return the interval of a share; of rounds that all say 0 or 1 the one of Clopper and Pearson.

    ``groups`` is how many groups say something about it. Of n trials without an exception the
    bound is ``0.025 ** (1 / n)`` (Clopper and Pearson 1934): 0.48 for 5, 0.96 for 100.
    """
    interval = find_interval(values)
    if interval is None or not groups:
        return interval
    bound = TAIL ** (1 / groups)
    return {(1.0, 1.0): (bound, 1.0), (0.0, 0.0): (0.0, 1.0 - bound)}.get(interval, interval)


def find_rate_interval(values: FloatArray, groups: int) -> Interval | None:
    """Return the interval of events per photo; of rounds that all say 0 the one of Poisson.

    Of n photos without an event the rate is below ``-ln(0.025) / n`` (Garwood 1936).
    """
    interval = find_interval(values)
    if interval != (0.0, 0.0) or not groups:
        return interval
    return 0.0, -math.log(TAIL) / groups
