"""How unlike an example is to all that is labelled or picked, kept up to date pick by pick."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import FloatArray
from detection.selection.example import Example

_CHUNK = 512  # labelled vectors that are compared at once: bounds the memory


class Spread:
    """Distance of each example of the pool to the nearest labelled or picked one.

    Greedy k-centre (Gonzalez 1985; core-set selection, Sener and Savarese 2018): the distance is
    ``1 - cosine``, at most 1. It is divided by one more than the members of the same group that
    are labelled or picked, because a tenth view of one place teaches little, however it looks.
    An example without a vector is unlike everything but its own group. ``units`` and
    ``labelled_units`` are the directions, ``(n, d)``; nought where there is none.
    """

    def __init__(self, pool: Sequence[Example], labelled: Sequence[Example]) -> None:
        """Compare the pool with the labelled examples.

        Raises:
            ValueError: two vectors are of different lengths.
        """
        width = _find_width([*pool, *labelled])
        self.units = _stack_units(pool, width)
        self._nearest = np.ones(len(pool), dtype=np.float64)
        known = self.labelled_units = _stack_units(labelled, width)
        for first in range(0, len(known), _CHUNK):
            closeness = self.units @ known[first : first + _CHUNK].T
            self._nearest = np.minimum(self._nearest, 1.0 - closeness.max(axis=1))
        names = sorted({example.group for example in pool if example.group})
        number_of = {name: number for number, name in enumerate(names, start=1)}
        self._groups = np.array(
            [number_of.get(example.group, 0) for example in pool], dtype=np.intp
        )
        taken = Counter(example.group for example in labelled)
        self._taken = np.array([0, *(taken[name] for name in names)], dtype=np.float64)

    def measure(self) -> FloatArray:
        """Return the diversity of each example, ``(n,)`` in [0, 1]."""
        distances = np.clip(self._nearest, 0.0, 1.0)
        return np.asarray(distances / (1.0 + self._taken[self._groups]))

    def take(self, index: int) -> None:
        """Count an example of the pool as picked."""
        if self.units[index].any():
            closeness = self.units @ self.units[index]
            self._nearest = np.minimum(self._nearest, 1.0 - closeness)
        if self._groups[index]:
            self._taken[self._groups[index]] += 1


def _find_width(examples: Sequence[Example]) -> int:
    widths = {len(example.vector) for example in examples if example.vector is not None}
    if len(widths) > 1:
        message = f"Vectors of lengths {sorted(widths)} cannot be compared."
        raise ValueError(message)
    return widths.pop() if widths else 1


def _stack_units(examples: Sequence[Example], width: int) -> NDArray[np.float32]:
    """Return directions, ``(n, width)``; nought where there is none."""
    units = np.zeros((len(examples), width), dtype=np.float32)
    for row, example in zip(units, examples, strict=True):
        if example.vector is not None:
            row[:] = example.vector
    lengths = np.linalg.norm(units, axis=1, keepdims=True)
    units /= np.maximum(lengths, 1e-12)
    return units
