"""Pictures of nothing in particular, the same on every machine: the zero of appearance."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

CELLS = (2, 4, 8, 16, 32, 64)
"""Cells along a side: from broad shading to grain."""
CONTRASTS = (9, 24, 42, 60)
"""Standard deviation of the brightness, of 255."""
COLOUR_SHARE = 0.3
SEED = 0


def draw_textures(side_px: int) -> Iterator[NDArray[np.uint8]]:
    """Yield ``(side_px, side_px, 3)`` RGB pictures of random shading, coarse to fine."""
    rng = np.random.default_rng(SEED)
    for contrast in CONTRASTS:
        for cells in CELLS:
            brightness = rng.uniform(40, 200)
            shading = rng.normal(size=(cells, cells, 1)).repeat(3, axis=2)
            shading += COLOUR_SHARE * rng.normal(size=(cells, cells, 3))
            smooth = cv2.resize(shading, (side_px, side_px), interpolation=cv2.INTER_CUBIC)
            picture = brightness + contrast * smooth / max(float(smooth.std()), 1e-6)
            yield np.clip(picture, 0, 255).astype(np.uint8)
