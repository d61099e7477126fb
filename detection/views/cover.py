"""Fewest photos that show every spot often enough: greedy set multi-cover.

The greedy choice needs at most ln(spots of a photo) + 1 times as many photos as the best one
(G. Dobson, "Worst-case analysis of greedy heuristics for integer programming", Mathematics of
Operations Research 7, 1982). What it took too many of is dropped again at the end.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IndexArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Shown:
    """Which of ``spots`` each photo shows: those of photo i are ``spot[start[i]:start[i + 1]]``."""

    start: IndexArray
    spot: IndexArray
    spots: int

    def spots_of(self, photo: int) -> IndexArray:
        """Return the spots that one photo shows."""
        return self.spot[self.start[photo] : self.start[photo + 1]]

    def count_views(self, photos: BoolArray) -> IndexArray:
        """Return how many of the photos ``(n,)`` show each spot, ``(spots,)``."""
        kept = np.repeat(photos, np.diff(self.start))
        return np.bincount(self.spot[kept], minlength=self.spots)

    def select(self, kept: BoolArray) -> Shown:
        """Return the same photos, each with those of its spots for which the mask is true."""
        before = np.concatenate([[0], np.cumsum(kept)])
        return Shown(before[self.start].astype(np.intp), self.spot[kept], self.spots)


def cover_spots(
    shown: Shown, allowed: BoolArray, demand: IndexArray, taken: Sequence[int] = ()
) -> list[int]:
    """Return photos, ``taken`` among them, that show each spot ``demand`` times, where they can.

    Only photos ``allowed`` (n,) are added. Among equals the first photo is taken: the same flight
    gives the same choice.
    """
    left = demand.copy()
    for photo in taken:
        left[shown.spots_of(photo)] -= 1
    added = _add_greedily(shown, allowed, left, set(taken))
    return [*taken, *_drop_needless(shown, left, added)]


def _add_greedily(shown: Shown, allowed: BoolArray, left: IndexArray, taken: set[int]) -> list[int]:
    """Take the photo that shows most of what is left, and so on; ``left`` is counted down.

    A gain only ever falls, so one that was computed before is the most that it can be.
    """
    added: list[int] = []
    candidates = [int(photo) for photo in np.flatnonzero(allowed) if photo not in taken]
    queue = [(-_count_gain(shown, left, photo), photo) for photo in candidates]
    heapq.heapify(queue)
    while queue:
        before, photo = heapq.heappop(queue)
        gain = _count_gain(shown, left, photo)
        if gain == 0:
            continue
        if gain < -before and queue and (-gain, photo) > queue[0]:
            heapq.heappush(queue, (-gain, photo))
            continue
        left[shown.spots_of(photo)] -= 1
        added.append(photo)
    return added


def _count_gain(shown: Shown, left: IndexArray, photo: int) -> int:
    return int(np.count_nonzero(left[shown.spots_of(photo)] > 0))


def _drop_needless(shown: Shown, left: IndexArray, added: list[int]) -> list[int]:
    """Drop, the last first, photos whose every spot is shown more often than was asked."""
    kept = []
    for photo in reversed(added):
        spots = shown.spots_of(photo)
        if (left[spots] < 0).all():
            left[spots] += 1
        else:
            kept.append(photo)
    return kept[::-1]
