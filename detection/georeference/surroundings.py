"""What is known of the place of a flight: its ground, its buildings, its administrative areas."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from detection.domain.errors import InvalidInputError
from detection.domain.photo import Photo
from detection.layers.areas import AreaLayer
from detection.layers.buildings import BuildingLayer
from detection.terrain import Terrain

_FIRST_PHOTOS = 10

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Imported models of the place; each None where nobody gave one."""

    terrain: Terrain | None = None
    buildings: BuildingLayer | None = None
    areas: AreaLayer | None = None

    def settle(self, photos: Iterable[Photo]) -> Surroundings:
        """Return the same with the terrain's zero at the take-off of these photos.

        The ground under the first photo stands for that under the take-off, with the relief
        around it as its error. A receiver that has just been switched on may say another place:
        so the first few photos are asked. A terrain whose zero is known stays as it is.

        Raises:
            InvalidInputError: the terrain does not reach there.
        """
        if self.terrain is None or self.terrain.takeoff_height_m is not None:
            return self
        placed = (one for one in photos if one.pose is not None)
        trouble: InvalidInputError | None = None
        for photo in heapq.nsmallest(_FIRST_PHOTOS, placed, key=_time_of):
            if photo.pose is None:
                continue
            try:
                settled = self.terrain.at_takeoff(photo.pose.lon, photo.pose.lat)
            except InvalidInputError as error:
                trouble = trouble or error
            else:
                return replace(self, terrain=settled)
        if trouble is not None:
            raise trouble
        return replace(self, terrain=None)


def _time_of(photo: Photo) -> tuple[bool, datetime, str]:
    """Order by time, photos without one last; naive and aware times of one camera agree."""
    at = photo.captured_at
    return at is None, _NEVER if at is None else at.replace(tzinfo=UTC), photo.photo_id
