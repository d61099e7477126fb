"""Several rings of one thing to the one ring that a YOLO label can hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Ring = Sequence[tuple[float, float]]


def join_rings(rings: Sequence[Ring]) -> list[tuple[float, float]]:
    """Return one ring around all pieces, bridged where they come nearest.

    A bridge is walked there and back, so that it adds no area.
    """
    joined = list(rings[0])
    for ring in rings[1:]:
        a, b = np.asarray(joined, dtype=float), np.asarray(ring, dtype=float)
        distances = ((a[:, None] - b[None]) ** 2).sum(axis=2)
        i, j = (int(k) for k in np.unravel_index(distances.argmin(), distances.shape))
        around = [*ring[j:], *ring[: j + 1]]
        joined = [*joined[: i + 1], *around, *joined[i:]]
    return joined
