"""Bootstrap intervals: how far a figure would move with other photos of the same kind."""

from __future__ import annotations

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
