"""Which boxes a person should label: all scores, many places, the most useful first."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detection.calibration.posterior import log_odds

STRATA_BELOW = 2
STRATA_ABOVE = 3


@dataclass(frozen=True, slots=True)
class ScoredBox:
    """A box that a model found, shown or not; ``place`` names boxes that show one thing."""

    key: str
    score: float
    place: str = ""


def suggest_boxes(boxes: Sequence[ScoredBox], threshold: float, count: int) -> list[str]:
    """Return the keys of at most ``count`` boxes, in the order in which they should be labelled.

    Scores below and above the threshold are cut into strata of equal width in log odds, and every
    stratum is asked in turn, so that whoever stops early has labelled all scores. Of one place a
    second box comes only when every place of the stratum was asked. The choice hangs on the keys
    alone: the same boxes give the same suggestions in any order.
    """
    strata = [sorted(part, key=_chance) for part in _stratify(boxes, threshold)]
    waiting = [_places_first(part) for part in strata if part]
    chosen: list[str] = []
    seen: set[str] = set()
    while waiting and len(chosen) < count:
        for part in waiting:
            fresh = next((box for box in part if not box.place or box.place not in seen), part[0])
            part.remove(fresh)
            chosen.append(fresh.key)
            seen.add(fresh.place)
        waiting = [part for part in waiting if part]
    return chosen[:count]


def _stratify(boxes: Sequence[ScoredBox], threshold: float) -> list[list[ScoredBox]]:
    """Return the boxes by stratum, those nearest to the threshold first."""
    below = [box for box in boxes if box.score < threshold]
    above = [box for box in boxes if box.score >= threshold]
    low, high = _cut(below, STRATA_BELOW)[::-1], _cut(above, STRATA_ABOVE)
    turns = max(len(low), len(high))
    return [part[turn] for turn in range(turns) for part in (high, low) if turn < len(part)]


def _cut(boxes: Sequence[ScoredBox], count: int) -> list[list[ScoredBox]]:
    """Return the boxes in ``count`` parts of rising score, equally wide in log odds."""
    if not boxes:
        return []
    odds = log_odds(np.array([box.score for box in boxes]))
    edges = np.linspace(odds.min(), odds.max(), count + 1)[1:-1]
    parts = np.searchsorted(edges, odds, side="right")
    return [
        [box for box, own in zip(boxes, parts, strict=True) if own == part] for part in range(count)
    ]


def _places_first(boxes: Sequence[ScoredBox]) -> list[ScoredBox]:
    """Return one box of every place first, then their second ones, and so on."""
    met: dict[str, int] = {}
    turns = []
    for box in boxes:
        turn = met.get(box.place, 0) if box.place else 0
        met[box.place] = turn + 1
        turns.append(turn)
    order = sorted(range(len(boxes)), key=lambda index: turns[index])
    return [boxes[index] for index in order]


def _chance(box: ScoredBox) -> str:
    """Return an order that has nothing to do with photo, place or score."""
    return hashlib.sha256(box.key.encode()).hexdigest()
