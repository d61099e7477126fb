"""Photos in the order in which one camera took them, and where its clock does not agree.

Cameras number their files; the number tells the order even where the clock was set in flight.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import PurePosixPath

from detection.domain.photo import Photo

CLOCK_TOLERANCE = timedelta(seconds=2)
"""Clocks of the lenses of one camera, and whole seconds, differ by no more."""

MAX_PAUSE = timedelta(hours=12)
"""A longer pause between two neighbouring photos is a clock that was set, or another visit."""

_STRAY_PHOTOS = 2
"""So many in a row are strays; a longer row means that the clock changed."""

_MAX_DESCENT_SHARE = 0.2
"""Where times fall more often than this, names are no numbers of a camera."""

_DIGITS = re.compile(r"(\d+)")


def group_by_camera(photos: Sequence[Photo]) -> list[list[int]]:
    """Return the indices of timed photos by folder and camera, each in the order of the names.

    Times with and without a zone cannot be compared, so they make groups of their own.
    """
    groups: dict[tuple[str, str, bool], list[int]] = defaultdict(list)
    for index, photo in enumerate(photos):
        if photo.captured_at is not None:
            folder = str(PurePosixPath(photo.photo_id).parent)
            has_zone = photo.captured_at.tzinfo is not None
            groups[folder, photo.camera_model or "", has_zone].append(index)
    return [
        sorted(group, key=lambda index: split_digits(photos[index].photo_id))
        for group in groups.values()
    ]


def split_digits(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts numbers in names as numbers: DJI_2 before DJI_10."""
    parts = _DIGITS.split(name)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def find_strays(times: Sequence[datetime]) -> tuple[set[int], set[int]]:
    """Return the positions of photos out of time order and of those where the clock jumps.

    ``times`` are in the order of the names. What lies outside the longest run that never goes
    back is out of order: one or two in a row are strays, more mean that the clock was set.
    """
    descents = [i for i in range(1, len(times)) if times[i] < times[i - 1] - CLOCK_TOLERANCE]
    if len(descents) > max(1, _MAX_DESCENT_SHARE * len(times)):
        return set(), set()
    kept = find_longest_rise(times)
    outside = _find_outside(times, kept)
    strays: set[int] = set()
    jumps: set[int] = set()
    for row in _iterate_rows(outside):
        if len(row) <= _STRAY_PHOTOS:
            strays.update(row)
        else:
            jumps.update(i for i in descents if i in row or i - 1 in row)
    steady = [i for i in range(len(times)) if i not in strays]
    for before, after in pairwise(steady):
        if times[after] - times[before] > MAX_PAUSE:
            jumps.add(after)
    return strays, jumps


def find_longest_rise(times: Sequence[datetime]) -> list[int]:
    """Return the positions of the longest subsequence that never goes back (patience sorting)."""
    tails: list[datetime] = []
    tail_positions: list[int] = []
    before: list[int] = []
    for position, moment in enumerate(times):
        pile = bisect_right(tails, moment)
        before.append(tail_positions[pile - 1] if pile else -1)
        tails[pile:] = [moment, *tails[pile + 1 :]]
        tail_positions[pile:] = [position, *tail_positions[pile + 1 :]]
    rise: list[int] = []
    position = tail_positions[-1] if tail_positions else -1
    while position >= 0:
        rise.append(position)
        position = before[position]
    return rise[::-1]


def _find_outside(times: Sequence[datetime], kept: Sequence[int]) -> list[int]:
    """Return the positions outside the rise that are off by more than the tolerance."""
    outside = []
    for position in sorted(set(range(len(times))) - set(kept)):
        after = bisect_right(kept, position)
        is_late = after < len(kept) and times[position] > times[kept[after]] + CLOCK_TOLERANCE
        is_early = after > 0 and times[position] < times[kept[after - 1]] - CLOCK_TOLERANCE
        if is_late or is_early:
            outside.append(position)
    return outside


def _iterate_rows(positions: Sequence[int]) -> Iterator[set[int]]:
    """Yield maximal rows of neighbouring positions."""
    row: set[int] = set()
    for position in positions:
        if row and position - 1 not in row:
            yield row
            row = set()
        row.add(position)
    if row:
        yield row
