"""What happens at every threshold, over all that may be true of curve and boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.calibration.posterior import Posterior
from detection.calibration.suggest import ScoredBox
from detection.domain.geometry import FloatArray

STEP = 0.01
HIGHEST = 0.95
"""Thresholds are tried in steps up to here, as those of models are."""

DRAWS = 1000
BOXES_AT_ONCE = 2000
"""More boxes are drawn part by part: memory holds draws times so many numbers."""

UNKNOWN, FALSE, TRUE = -1, 0, 1
"""What a person said of a box."""


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws of the truth at each of ``thresholds`` ``(t,)``.

    Of ``shown`` ``(t,)`` boxes ``shown_true`` ``(draws, t)`` are true; ``expected_true`` of the
    same shape is how many the drawn curve leads to expect in many such flights, whatever the
    labels say of these very boxes.
    """

    thresholds: FloatArray
    shown: NDArray[np.intp]
    shown_true: FloatArray
    expected_true: FloatArray
    photos: int

    def alarms_per_photo(self) -> FloatArray:
        """Return false boxes per photo, ``(draws, t)``."""
        return np.asarray((self.shown[None, :] - self.shown_true) / self.photos)

    def recall(self) -> FloatArray:
        """Return the share of true boxes that is shown, ``(draws, t)``; 1 where none is true."""
        total = self.shown_true[:, :1]  # the lowest threshold shows all
        ones = np.ones_like(self.shown_true)
        return np.divide(self.shown_true, total, out=ones, where=total > 0)

    def cost_per_photo(self, alarms_per_miss: float, *, expected: bool = False) -> FloatArray:
        """Return false alarms and misses per photo in false alarms, ``(draws, t)``."""
        true = self.expected_true if expected else self.shown_true
        cost = self.shown[None, :] - true + alarms_per_miss * (true[:, :1] - true)
        return np.asarray(cost / self.photos)

    def find(self, threshold: float) -> int:
        """Return the index of a threshold."""
        return int(np.argmin(np.abs(self.thresholds - threshold)))


def draw_truth(
    boxes: Sequence[ScoredBox],
    known: NDArray[np.int8],
    posterior: Posterior,
    thresholds: FloatArray,
    *,
    photos: int,
    seed: int,
) -> Draws:
    """Draw the truth of the boxes of which ``known`` ``(n,)`` says nothing.

    One draw takes a curve from the posterior and one number for each place: boxes of one thing
    are true or false together.
    """
    rng = np.random.default_rng(seed)
    scores = np.array([box.score for box in boxes])
    places = _number_places(boxes)
    points = posterior.draw(DRAWS, rng)
    chances = rng.uniform(size=(DRAWS, int(places.max()) + 1))
    shown_true, expected_true = np.zeros((2, DRAWS, len(thresholds)))
    for start in range(0, len(boxes), BOXES_AT_ONCE):
        part = slice(start, start + BOXES_AT_ONCE)
        truth = posterior.truth(scores[part], points)
        is_shown = (scores[part, None] >= thresholds[None, :]).astype(np.float64)
        expected_true += truth @ is_shown
        truth[:, known[part] == TRUE] = 1.0
        truth[:, known[part] == FALSE] = 0.0
        shown_true += (chances[:, places[part]] < truth) @ is_shown
    shown = (scores[:, None] >= thresholds[None, :]).sum(axis=0)
    return Draws(thresholds, shown, shown_true, expected_true, photos)


def list_thresholds(scores: FloatArray, threshold: float, *, may_raise: bool) -> FloatArray:
    """Return what may be proposed, rising: from one that shows every box, with the present one."""
    lowest = max(STEP, math.floor(float(scores.min()) / STEP) * STEP)
    steps = np.arange(lowest, HIGHEST + STEP / 2, STEP)
    tried = np.unique(np.round([min(lowest, threshold), *steps, threshold], 4))
    return tried if may_raise else tried[tried <= round(threshold, 4)]


def _number_places(boxes: Sequence[ScoredBox]) -> NDArray[np.intp]:
    numbers: dict[str, int] = {}
    found = [numbers.setdefault(box.place or box.key, len(numbers)) for box in boxes]
    return np.array(found, dtype=np.intp)
