"""How new the conditions are under which a photo was taken, beside those that have labels. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from serving.learning.slices import UNKNOWN, Dimension

ENOUGH: Final = 20
"""So many labelled photos of a camera, height or season, and it is no longer new."""

CONDITIONS: Final = (Dimension.CAMERA, Dimension.ALTITUDE, Dimension.SEASON)

Conditions = Mapping[Dimension, str]


@dataclass(frozen=True, slots=True)
class Novelty:
    """How new, in [0, 1], by which dimension, and how many labelled photos share its value."""

    value: float = 0.0
    dimension: Dimension | None = None
    labelled: int = 0


class KnownConditions:
    """Labelled photos by camera, height and season."""

    def __init__(self, counts: Iterable[tuple[Conditions, int]]) -> None:
        """Add up the photos of each value."""
        self._counts: Counter[tuple[Dimension, str]] = Counter()
        for conditions, amount in counts:
            for dimension, value in conditions.items():
                self._counts[dimension, value] += amount

    def measure(self, conditions: Conditions) -> Novelty:
        """Return how new the newest of the conditions is; what is unknown is not new.

        1 where no label has it, falling straight to 0 at :data:`ENOUGH` labelled photos.
        """
        found = [
            Novelty(max(0.0, 1.0 - count / ENOUGH), dimension, count)
            for dimension, value in conditions.items()
            if value != UNKNOWN
            for count in [self._counts[dimension, value]]
        ]
        return max(found, key=lambda each: each.value, default=Novelty())
