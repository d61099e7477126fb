"""The track of a GPS logger to the photos taken along with it, by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta, timezone

from detection.domain.photo import Photo
from detection.ingest.track import Track, interpolate_track
from detection.ingest.track_place import MIN_AGREEING, add_warnings, is_near, take_position

_ZONES = [timedelta(minutes=minutes) for minutes in range(-12 * 60, 14 * 60 + 1, 30)]
_ZONE_PHOTOS = 40


def apply_logger(photos: Sequence[Photo], track: Track) -> tuple[Photo, ...]:
    """Return the photos with a position from the track where they have none.

    Times without a zone get the only one that fits the track (``track_without_zone`` where none
    or several do); photos that lie elsewhere than the track carry ``track_mismatch``, those that
    it placed its own warnings.
    """
    naive = [
        photo
        for photo in photos
        if photo.captured_at is not None and photo.captured_at.tzinfo is None
    ]
    zone = _find_zone(naive, track) if naive else None
    return tuple(_locate(photo, track, zone) for photo in photos)


def _locate(photo: Photo, track: Track, zone: timedelta | None) -> Photo:
    moment = photo.captured_at
    if moment is None:
        return photo
    if moment.tzinfo is None:
        if zone is None:
            return photo if photo.pose is not None else add_warnings(photo, "track_without_zone")
        moment = moment.replace(tzinfo=timezone(zone))
    point = interpolate_track(track, moment)
    if point is None:
        return photo
    timed = replace(photo, captured_at=moment)
    if photo.pose is None:
        return add_warnings(take_position(timed, point), *track.warnings)
    return timed if is_near(photo, point) else add_warnings(photo, "track_mismatch")


def _find_zone(photos: Sequence[Photo], track: Track) -> timedelta | None:
    """Return the only zone of the camera's clock that puts the photos on the track, else None.

    Photos with a position decide by distance; without any, only one zone may place all of them.
    """
    sample = photos[:: -(-len(photos) // _ZONE_PHOTOS)]
    placed = [photo for photo in sample if photo.pose is not None]
    fitting = [zone for zone in _ZONES if _fits(placed or sample, track, zone)]
    return fitting[0] if len(fitting) == 1 else None


def _fits(photos: Sequence[Photo], track: Track, zone: timedelta) -> bool:
    """Whether a zone puts photos with naive times on the track, near where they know to be."""
    hits = 0
    for photo in photos:
        if photo.captured_at is not None:
            moment = photo.captured_at.replace(tzinfo=timezone(zone))
            point = interpolate_track(track, moment)
            hits += point is not None and is_near(photo, point)
    return hits >= MIN_AGREEING * len(photos)
