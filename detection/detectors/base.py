"""What every detector can do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detection.detectors.manifest import ModelManifest

TileImage = NDArray[np.uint8]
"""RGB pixels of one tile, shape ``(tile_px, tile_px, 3)``."""

TileDetections = NDArray[np.float32]
"""Shape ``(n, 6)``: x_min, y_min, x_max, y_max in tile pixels, score, class_index."""


class Detector(Protocol):
    """A loaded model. Knows nothing of photos: tiles in, boxes in tile pixels out."""

    @property
    def manifest(self) -> ModelManifest:
        """Which model this is, its classes and its shipped thresholds."""

    def detect_tiles(self, tiles: Iterable[TileImage]) -> Iterator[TileDetections]:
        """Yield the boxes of each tile, in the order of the tiles.

        Boxes with a score below the manifest's ``score_floor`` may be left out; the shipped
        threshold of each class is applied by the pipeline, not here.
        """
