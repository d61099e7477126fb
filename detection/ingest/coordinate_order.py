"""Which of two unlabelled numbers is the longitude: evidence, never a guess.

DJI writes pairs in both orders (``GPS(36.6146,-6.1120,0.0M)`` of a Matrice 300 is latitude first,
``GPS (-58.85, -34.24, 15)`` of a Phantom 4 RTK longitude first), and where both numbers are below
90 nothing in them tells. What does: a number beyond 90, a position written with its name in the
same file, the distance from home that the drone wrote beside both pairs, and a place where the
flight is known to have been.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pyproj import Geod

MAX_AWAY_M = 100_000.0
"""No drone or car of one flight is further than this from where the flight is known to be."""

_MAX_LON_DEG, _MAX_LAT_DEG = 180.0, 90.0
_MIN_HOME_DISTANCE_M = 30.0
"""Nearer to home the two orders may differ by less than what is rounded away."""

_MAX_DISTANCE_ERROR_M, _MAX_DISTANCE_ERROR = 5.0, 0.05
_GEOD = Geod(ellps="WGS84")

Pair = tuple[float, float]


class CoordinateOrder(StrEnum):
    """Which number of a pair comes first."""

    LON_LAT = "lon_lat"
    LAT_LON = "lat_lon"

    def read(self, pair: Pair) -> Pair:
        """Return (lon, lat)."""
        return pair if self is CoordinateOrder.LON_LAT else (pair[1], pair[0])

    def allows(self, pair: Pair) -> bool:
        """Return whether the pair is a place on Earth in this order."""
        return is_on_earth(*self.read(pair))


@dataclass(frozen=True, slots=True)
class HomeDistance:
    """A pair, the take-off point's pair in the same order, and metres between as written."""

    pair: Pair
    home: Pair
    distance_m: float


def is_on_earth(lon: float, lat: float) -> bool:
    """Return whether (lon, lat) lies within the range of degrees."""
    return abs(lon) <= _MAX_LON_DEG and abs(lat) <= _MAX_LAT_DEG


def find_order(
    pairs: Sequence[Pair], distances: Sequence[HomeDistance], near: Pair | None
) -> CoordinateOrder | None:
    """Return the one order that all evidence allows; None where both remain or neither.

    ``near`` is (lon, lat) of a place within ``MAX_AWAY_M`` of the flight. Pairs that are on Earth
    in no order tell nothing.
    """
    usable = [pair for pair in pairs if any(one.allows(pair) for one in CoordinateOrder)]
    if not usable:
        return None
    allowed = [order for order in CoordinateOrder if all(map(order.allows, usable))]
    if len(allowed) > 1:
        far = [one for one in distances if one.distance_m >= _MIN_HOME_DISTANCE_M]
        allowed = [order for order in allowed if not far or _is_confirmed(order, far)]
    if len(allowed) > 1 and near is not None:
        allowed = [o for o in allowed if any(is_near(o.read(pair), near) for pair in usable)]
    return allowed[0] if len(allowed) == 1 else None


def is_near(place: Pair, near: Pair) -> bool:
    """Return whether two (lon, lat) are within ``MAX_AWAY_M`` of each other."""
    return bool(_GEOD.inv(*place, *near)[2] <= MAX_AWAY_M)


def _is_confirmed(order: CoordinateOrder, distances: Sequence[HomeDistance]) -> bool:
    """Return whether most of the written distances from home are those of this order."""
    agreeing = 0
    for one in distances:
        measured_m = _GEOD.inv(*order.read(one.pair), *order.read(one.home))[2]
        error_m = abs(measured_m - one.distance_m)
        agreeing += error_m <= max(_MAX_DISTANCE_ERROR_M, _MAX_DISTANCE_ERROR * one.distance_m)
    return agreeing > len(distances) / 2
