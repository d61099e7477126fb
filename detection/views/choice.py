"""Which photos of a flight are looked at, so that all ground is seen often enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from detection.domain.geometry import FloatArray
from detection.views.cover import BoolArray, Shown, cover_spots
from detection.views.spots import GroundSight, ShownGround, see_ground

COARSER = 1.25
"""A photo whose pixels are this much coarser than the finest ones there is no view of a spot."""

JudgePhotos = Callable[[Sequence[int]], Sequence[bool]]
"""Numbers of photos to whether each is sharp and well exposed; each photo is asked of once."""


@dataclass(frozen=True, slots=True)
class ViewChoice:
    """What was chosen, in the order of the photos.

    ``chosen`` tells which photos are looked at. ``unplaced`` counts those among them of which the
    ground does not tell what they show (no pose, towards the horizon, at walls), ``poor`` those
    found too blurred or badly exposed to count, whether they are looked at or not.
    """

    wanted: int
    chosen: tuple[bool, ...]
    unplaced: int = 0
    poor: int = 0

    @property
    def left_out(self) -> int:
        """How many photos are not looked at."""
        return len(self.chosen) - sum(self.chosen)


def choose_views(photos: Sequence[ShownGround], wanted: int, judge: JudgePhotos) -> ViewChoice:
    """Choose photos so that every spot is seen by ``wanted`` good ones, or by all that there are.

    With ``wanted`` 0 every photo is looked at, and so is every photo of which the ground does not
    say what it shows. Photos are judged only when they are chosen: judging decodes them. A poor
    photo is looked at only where too few good ones show what it shows.
    """
    if wanted <= 0:
        return ViewChoice(0, (True,) * len(photos))
    sight = see_ground(photos)
    is_poor = np.zeros(len(photos), dtype=bool)
    is_judged = np.zeros(len(photos), dtype=bool)
    while True:
        chosen = _choose_good(sight, wanted, is_poor)
        asked = [photo for photo in chosen if not is_judged[photo]]
        if not asked:
            break
        is_judged[asked] = True
        is_poor[asked] = ~np.asarray(judge(asked), dtype=bool)
    looked_at = ~sight.has_ground
    looked_at[[*chosen, *_choose_poor(sight, wanted, is_poor)]] = True
    return ViewChoice(
        wanted,
        tuple(looked_at.tolist()),
        unplaced=int(np.count_nonzero(~sight.has_ground)),
        poor=int(np.count_nonzero(is_poor)),
    )


def _choose_good(sight: GroundSight, wanted: int, is_poor: BoolArray) -> list[int]:
    shown, good = _keep_fine(sight, ~is_poor), ~is_poor
    demand = np.minimum(shown.count_views(good), wanted)
    return cover_spots(shown, good, demand)


def _choose_poor(sight: GroundSight, wanted: int, is_poor: BoolArray) -> list[int]:
    """Return poor photos for the spots that fewer than ``wanted`` good photos show."""
    if not is_poor.any():
        return []
    good = _keep_fine(sight, ~is_poor).count_views(~is_poor)
    shown = _keep_fine(sight, np.ones(len(is_poor), dtype=bool))
    demand = np.minimum(shown.count_views(is_poor), np.maximum(wanted - good, 0))
    return cover_spots(shown, is_poor, demand)


def _keep_fine(sight: GroundSight, counted: BoolArray) -> Shown:
    """Return the views whose pixels are hardly coarser than the finest of the counted photos."""
    photo = np.repeat(np.arange(len(counted)), np.diff(sight.shown.start))
    finest_m = _find_finest_m(sight, counted[photo])
    return sight.shown.select(sight.gsd_m <= COARSER * finest_m[sight.shown.spot])


def _find_finest_m(sight: GroundSight, counted: BoolArray) -> FloatArray:
    finest_m = np.full(sight.shown.spots, np.inf)
    np.minimum.at(finest_m, sight.shown.spot[counted], sight.gsd_m[counted])
    return finest_m
