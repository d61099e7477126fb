"""Models that seek the same things on near and on far ground: each tile goes to one of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.detectors.manifest import ModelManifest
from detection.domain.geometry import FloatArray


@dataclass(frozen=True, slots=True)
class GroundShare:
    """The ground that is one model's: from ``from_gsd_m`` up to ``to_gsd_m``, metres a pixel."""

    from_gsd_m: float = 0.0
    to_gsd_m: float = math.inf

    def find_own(self, gsd_m: FloatArray | None, count: int) -> NDArray[np.bool_]:
        """Return which of ``count`` tiles are the model's, ``(count,)``.

        ``gsd_m`` ``(count,)`` is the finest ground sampling distance in each, infinite for sky.
        Where it is not known (None), all tiles go to the model of the finest ground.
        """
        if gsd_m is None:
            return np.full(count, self.from_gsd_m == 0.0)
        is_last = math.isinf(self.to_gsd_m)
        return np.asarray((gsd_m >= self.from_gsd_m) & ((gsd_m < self.to_gsd_m) | is_last))


EVERYWHERE = GroundShare()
"""The share of a model that seeks what no other does."""


def share_ground(manifests: Sequence[ModelManifest]) -> list[GroundShare]:
    """Return which ground is whose, in order: a model begins where it says (``starts_at_gsd_m``).

    It ends where the next model with a class in common begins. The one that begins finest has all
    finer ground too, so that a model that runs alone looks everywhere.
    """
    return [_find_share(one, manifests) for one in manifests]


def _find_share(own: ModelManifest, manifests: Sequence[ModelManifest]) -> GroundShare:
    start_m = _start(own)
    starts_m = [_start(other) for other in manifests if set(other.classes) & set(own.classes)]
    later_m = [other_m for other_m in starts_m if other_m > start_m]
    is_first = start_m <= min(starts_m)
    return GroundShare(0.0 if is_first else start_m, min(later_m, default=math.inf))


def _start(manifest: ModelManifest) -> float:
    return manifest.starts_at_gsd_m or 0.0
