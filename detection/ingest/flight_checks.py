"""What only the flight as a whole shows: frozen GPS, jumps, clocks that were set on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from pyproj import Geod

from detection.domain.photo import FlightKind, Photo
from detection.ingest.sequence import CLOCK_TOLERANCE, find_strays, group_by_camera

FLIGHT_CODES = frozenset(
    {"clock_jump", "duplicated_position", "out_of_time_order", "position_jump"}
)
"""Every warning that this module gives; a second check replaces those of the first."""

MAX_SPEED_MPS = {FlightKind.DRONE: 40.0, FlightKind.STREET: 70.0}
"""Faster than inspection drones with the wind behind them, and than cars."""

_CLOCK_STEP_S = 1.0
"""Most cameras write whole seconds."""

_JUMP_SIGMAS = 3.0
_GEOD = Geod(ellps="WGS84")


def check_flight(
    photos: Sequence[Photo], *, kind: FlightKind = FlightKind.DRONE
) -> tuple[Photo, ...]:
    """Return the photos, in their order, with the warnings that the whole flight gives rise to.

    - ``clock_jump``: from this photo on the camera's clock is another one;
    - ``out_of_time_order``: a single photo whose time does not fit its number;
    - ``position_jump``: further from its neighbours than anything flies or drives;
    - ``duplicated_position``: exactly where a photo of another time is. A car may well stand
      still, so this is asked of drones only.

    Checking twice gives the same as checking once.
    """
    codes: dict[int, set[str]] = defaultdict(set)
    for index, code in _iterate_faults(photos, kind):
        codes[index].add(code)
    checked = []
    for index, photo in enumerate(photos):
        own = tuple(code for code in photo.warnings if code not in FLIGHT_CODES)
        warnings = own + tuple(sorted(codes[index]))
        checked.append(photo if warnings == photo.warnings else replace(photo, warnings=warnings))
    return tuple(checked)


def _iterate_faults(photos: Sequence[Photo], kind: FlightKind) -> Iterator[tuple[int, str]]:
    for group in group_by_camera(photos):
        times = [moment for index in group if (moment := photos[index].captured_at) is not None]
        strays, jumps = find_strays(times)
        yield from ((group[position], "out_of_time_order") for position in strays)
        yield from ((group[position], "clock_jump") for position in jumps)
        if not jumps:  # else time tells nothing of speed
            steady = [index for position, index in enumerate(group) if position not in strays]
            for index in _find_position_jumps(photos, steady, kind):
                yield index, "position_jump"
    if kind is FlightKind.DRONE:
        yield from ((index, "duplicated_position") for index in _find_frozen(photos))


def _find_frozen(photos: Sequence[Photo]) -> Iterator[int]:
    """Yield photos exactly where an earlier one was taken; hovering never repeats a position.

    Lenses of one camera that release together share a position; they are of one moment.
    """
    same_place: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, photo in enumerate(photos):
        moment, pose = photo.captured_at, photo.pose
        if moment is not None and pose is not None:
            has_zone = moment.tzinfo is not None
            place = (pose.lon, pose.lat, pose.altitude_m, pose.altitude_agl_m, has_zone)
            same_place[place].append(index)
    for group in same_place.values():
        if len(group) > 1:
            moments = {index: photos[index].captured_at for index in group}
            known = {index: moment for index, moment in moments.items() if moment is not None}
            first = min(known.values())
            yield from (i for i, moment in known.items() if moment - first >= CLOCK_TOLERANCE)


def _find_position_jumps(
    photos: Sequence[Photo], group: Sequence[int], kind: FlightKind
) -> Iterator[int]:
    """Yield photos too far from the last good one; a jump that lasts is told of once."""
    placed = [index for index in group if photos[index].pose is not None]
    good: int | None = None
    doubtful: int | None = None
    for index in placed:
        before = [i for i in (good, doubtful) if i is not None]
        if not before or any(_can_reach(photos[i], photos[index], kind) for i in before):
            good, doubtful = index, None
        else:
            yield index
            doubtful = index


def _can_reach(first: Photo, second: Photo, kind: FlightKind) -> bool:
    """Whether the way between two photos can be flown in their time, errors counted off."""
    if first.pose is None or second.pose is None:
        return True
    if first.captured_at is None or second.captured_at is None:
        return True
    seconds = abs(second.captured_at - first.captured_at) / timedelta(seconds=1)
    way_m = _GEOD.inv(first.pose.lon, first.pose.lat, second.pose.lon, second.pose.lat)[2]
    error_m = _JUMP_SIGMAS * (first.pose.horizontal_std_m + second.pose.horizontal_std_m)
    return bool(way_m <= MAX_SPEED_MPS[kind] * (seconds + _CLOCK_STEP_S) + error_m)
