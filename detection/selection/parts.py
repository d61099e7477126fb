"""The parts of a choice that do not change while examples are picked: ``(n,)``, all in [0, 1]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from detection.domain.geometry import FloatArray
from detection.domain.hazard import HazardClass
from detection.selection.example import Example

DEFAULT_THRESHOLD = 0.25
"""For a class that is given none."""


def measure_uncertainty(
    pool: Sequence[Example], thresholds: Mapping[HazardClass, float]
) -> FloatArray:
    """Return 1 where a score is its threshold, falling straight to 0 at the scores 0 and 1.

    Of several boxes the most uncertain one counts: least-confidence sampling (Lewis and Gale 1994)
    round the threshold that is deployed instead of round one half.
    """
    return np.array(
        [
            max(
                (_nearness(score, thresholds.get(key, DEFAULT_THRESHOLD)) for key, score in scores),
                default=0.0,
            )
            for scores in (example.scores for example in pool)
        ],
        dtype=np.float64,
    )


def _nearness(score: float, threshold: float) -> float:
    below, above = threshold, 1.0 - threshold
    span = below if score < threshold else above
    return 1.0 - abs(score - threshold) / span if span > 0 else float(score == threshold)


def measure_rarity(pool: Sequence[Example], class_counts: Mapping[HazardClass, int]) -> FloatArray:
    """Return how surely an example shows a class, the rarest counting whole.

    A class with ``n`` labels counts ``sqrt((m + 1) / (n + 1))``, ``m`` being the fewest of all
    (the exponent of repeat factor sampling, Gupta et al. 2019); a score counts as a probability:
    ``1 - prod(1 - weight * score)`` over the boxes. Of one class this is that anything is shown.
    """
    weights = weigh_classes(class_counts)
    return np.array(
        [
            1.0 - np.prod([1.0 - weights.get(key, 1.0) * score for key, score in example.scores])
            for example in pool
        ],
        dtype=np.float64,
    )


def weigh_classes(class_counts: Mapping[HazardClass, int]) -> dict[HazardClass, float]:
    """Return what each class counts, 1 for the rarest; a class without a count is as rare."""
    fewest = min(class_counts.values(), default=0)
    return {key: float(np.sqrt((fewest + 1) / (count + 1))) for key, count in class_counts.items()}
