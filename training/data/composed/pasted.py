"""Real ground with real covers pasted on it, and with things that are none."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from detection.domain.hazard import HazardClass
from training.composed_settings import PastedSource
from training.data.annotation import Annotation
from training.data.composed.blend import paste_cover
from training.data.composed.confusers import paste_confuser
from training.data.composed.covers import CoverCut
from training.data.composed.grounds import GroundMaker
from training.data.composed.scenes import Scene, draw_class, draw_ground, find_spot

Rng = np.random.Generator

SMALLEST_PX = {HazardClass.MANHOLE_BROKEN: 30.0}
"""A hole in a lid is a third of it at most: below this size it would be a label without a thing."""

_SPREAD = (0.8, 1.25)
_MOST_COVERS = 4


def compose_pasted(
    rng: Rng, cuts: Sequence[CoverCut], makers: Sequence[GroundMaker], source: PastedSource
) -> Scene:
    """Draw a ground, put covers and confusers on it."""
    ground = draw_ground(rng, makers)
    canvas = ground.pixels.copy()
    width_px = math.exp(rng.uniform(*np.log(ground.width_px)))
    annotations = list(ground.annotations)
    taken = [item.box for item in annotations]
    cut_from, confusers = [], []
    for _ in range(int(rng.poisson(source.confusers_per_scene))):
        spot = find_spot(rng, ground, canvas, width_px * rng.uniform(0.5, 2.0), taken)
        if spot is not None:
            confusers.append(paste_confuser(rng, canvas, spot))
            taken.append(spot.box)
    for _ in range(_draw_count(rng, source)):
        cut = _draw_cut(rng, cuts)
        smallest = SMALLEST_PX.get(cut.hazard_class, 0.0)
        wanted_px = max(smallest, width_px * rng.uniform(*_SPREAD))
        spot = find_spot(rng, ground, canvas, wanted_px, taken)
        if spot is not None:
            box = paste_cover(rng, canvas, cut, spot)
            height, width = canvas.shape[:2]
            annotations.append(Annotation(cut.hazard_class, box.clip(width, height)))
            cut_from.append(cut.photo_name)
            taken.append(box)
    return Scene(canvas, tuple(annotations), ground.origin, tuple(cut_from), tuple(confusers))


def _draw_count(rng: Rng, source: PastedSource) -> int:
    if rng.random() < source.empty_share:
        return 0
    return min(_MOST_COVERS, 1 + int(rng.poisson(0.6)))


def _draw_cut(rng: Rng, cuts: Sequence[CoverCut]) -> CoverCut:
    key = draw_class(rng, (cut.hazard_class for cut in cuts))
    fitting = [cut for cut in cuts if cut.hazard_class is key]
    return fitting[int(rng.integers(len(fitting)))]
