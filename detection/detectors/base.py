"""What every detector can do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import compress
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from detection.detectors.manifest import ModelManifest
from detection.domain.geometry import FloatArray

TileImage = NDArray[np.uint8]
"""RGB pixels of one tile, shape ``(height, width, 3)``: square of the side that the model learned,
or wider by multiples of 32 where the weights leave their sides free."""

Outline = tuple[FloatArray, ...]
"""Rings ``(k, 2)`` of x, y in tile pixels, one per piece; none holds a hole."""


@dataclass(frozen=True, slots=True, eq=False)
class TileDetections:
    """What a model says of one tile.

    ``rows`` is ``(n, 6)``: x_min, y_min, x_max, y_max in tile pixels, score, class_index.
    ``polygons`` holds one outline per row, ``()`` where the model gave none.
    """

    rows: NDArray[np.float32]
    polygons: tuple[Outline, ...]

    @classmethod
    def from_rows(cls, rows: NDArray[np.float32]) -> Self:
        """Return the answer of a model of boxes."""
        return cls(rows, ((),) * len(rows))

    def __len__(self) -> int:
        """Return how many boxes there are."""
        return len(self.rows)

    def select(self, kept: NDArray[np.bool_]) -> TileDetections:
        """Return the boxes for which the ``(n,)`` mask is true."""
        return TileDetections(self.rows[kept], tuple(compress(self.polygons, kept)))


class Detector(Protocol):
    """A loaded model. Knows nothing of photos: tiles in, boxes in tile pixels out."""

    @property
    def manifest(self) -> ModelManifest:
        """Which model this is, its classes and its shipped thresholds."""

    def detect_tiles(self, tiles: Iterable[TileImage]) -> Iterator[TileDetections]:
        """Yield the boxes of each tile, with their outlines, in the order of the tiles.

        Tiles may come from many photos and be of several sizes; one call may last for a flight.

        Boxes with a score below the manifest's ``score_floor`` may be left out; the shipped
        threshold of each class is applied by the pipeline, not here.
        """
