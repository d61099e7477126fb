"""The RTK log of a drone to its photos, by the numbers in their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from detection.domain.photo import Photo
from detection.ingest.track import Track, TrackPoint
from detection.ingest.track_place import (
    MAX_DISAGREEMENT_M,
    MIN_AGREEING,
    add_warnings,
    measure_m,
    take_position,
)

_NUMBER_RULES = (1, 10)
"""What the number in a file name is divided by to give that of the log: the P4 Multispectral
writes six files a release and counts them in tens."""

_LAST_NUMBER = re.compile(r"(\d+)\D*$")


def apply_log(photos: Sequence[Photo], track: Track) -> tuple[Photo, ...]:
    """Return the photos at the places of the log where those are better than their own.

    They are matched by the number in the file name, under the rule that the positions bear out;
    where none does, every photo carries ``track_mismatch``.
    """
    by_number = {point.number: point for point in track.points}
    for divisor in _NUMBER_RULES:
        matched = [_find_by_name(photo, by_number, divisor) for photo in photos]
        if _is_borne_out(photos, matched):
            return tuple(
                photo if point is None else take_position(photo, point)
                for photo, point in zip(photos, matched, strict=True)
            )
    return tuple(add_warnings(photo, "track_mismatch") for photo in photos)


def _find_by_name(
    photo: Photo, by_number: Mapping[int | None, TrackPoint], divisor: int
) -> TrackPoint | None:
    stem = PurePosixPath(photo.photo_id).stem
    match = _LAST_NUMBER.search(stem)
    if match is None or int(match[1]) % divisor:
        return None
    return by_number.get(int(match[1]) // divisor)


def _is_borne_out(photos: Sequence[Photo], matched: Sequence[TrackPoint | None]) -> bool:
    """Whether the photos that know where they were agree with the points given to them."""
    agreeing = [
        measure_m(photo.pose, point) <= MAX_DISAGREEMENT_M
        for photo, point in zip(photos, matched, strict=True)
        if photo.pose is not None and point is not None
    ]
    return bool(agreeing) and sum(agreeing) >= MIN_AGREEING * len(agreeing)
