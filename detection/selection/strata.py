"""Kinds of looks, and whose turn it is: the budget is spread over them as the photos are.

A model that is blind to one kind of picture scores nothing there, so that its own scores would
never ask for a label of it, and it would stay blind.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_STRATA: Final = 12
SMALLEST_MEAN: Final = 25
"""Fewer examples a kind than this are too few to speak of a kind."""
_ROUNDS = 20


class Strata:
    """Kinds of looks among the pool and what is labelled, each with its share of both.

    Rows of nought are examples without a look: a kind of their own.
    """

    def __init__(self, pool: NDArray[np.float32], labelled: NDArray[np.float32], seed: int) -> None:
        """Group the directions, ``(n, d)`` and ``(m, d)``."""
        kinds = group_directions(np.concatenate([pool, labelled]), seed)
        self._kinds = kinds[: len(pool)]
        count = int(kinds.max(initial=0)) + 1
        self._shares = np.bincount(kinds, minlength=count) / max(1, len(kinds))
        self._taken = np.bincount(kinds[len(pool) :], minlength=count).astype(np.float64)

    def find_turn(self, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which allowed examples are of the kind that is furthest behind its share."""
        behind = self._shares * (self._taken.sum() + 1) - self._taken
        behind[np.bincount(self._kinds[allowed], minlength=len(behind)) == 0] = -np.inf
        return np.asarray(allowed & (self._kinds == int(np.argmax(behind))))

    def take(self, index: int) -> None:
        """Count an example of the pool as picked."""
        self._taken[self._kinds[index]] += 1


def group_directions(units: NDArray[np.float32], seed: int) -> NDArray[np.intp]:
    """Return the kind of each direction, ``(n,)``: spherical k-means (Dhillon and Modha 2001).

    The first centres are drawn by k-means++. Kinds are as many as make 25 examples each, at most
    12; where that is one, or nothing has a direction, all are of one kind.
    """
    known = units.any(axis=1)
    kinds = np.zeros(len(units), dtype=np.intp)
    count = min(MOST_STRATA, int(known.sum()) // SMALLEST_MEAN)
    if count > 1:
        own = _cluster(units[known], count, np.random.default_rng(seed))
        kinds[known] = own
        kinds[~known] = count
    return kinds


def _cluster(units: NDArray[np.float32], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    centres = _draw_centres(units, count, rng)
    kinds = np.argmax(units @ centres.T, axis=1)
    for _ in range(_ROUNDS):
        sums = np.stack([units[kinds == kind].sum(axis=0) for kind in range(count)])
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-12), centres)
        kinds = np.argmax(units @ centres.T, axis=1)
    return np.asarray(kinds, dtype=np.intp)


def _draw_centres(
    units: NDArray[np.float32], count: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return directions that lie apart: each is drawn by its distance to those before it."""
    chosen = [int(rng.integers(len(units)))]
    nearest = 1.0 - units @ units[chosen[0]]
    for _ in range(1, count):
        weights = np.clip(nearest, 0.0, None).astype(np.float64) + 1e-9
        chosen.append(int(rng.choice(len(units), p=weights / weights.sum())))
        nearest = np.minimum(nearest, 1.0 - units @ units[chosen[-1]])
    return units[chosen]
