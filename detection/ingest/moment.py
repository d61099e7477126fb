"""When a photo was taken: the camera's clock, with the zone where GPS time tells it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from detection.ingest.drone_tags import DroneTags
from detection.ingest.exif import ExifData

_ZONE_STEP = timedelta(minutes=15)
_MAX_ZONE = timedelta(hours=14)
_MAX_DRIFT = timedelta(minutes=2)


def find_moment(exif: ExifData, tags: Sequence[DroneTags] = ()) -> datetime | None:
    """Return the moment of capture: aware where the zone is known, else naive local time.

    Where the camera wrote no zone but the time by GPS, the zone is what the two differ by, to
    the next quarter of an hour; a clock that is minutes beside every zone tells none.
    """
    local = exif.captured_at
    if local is None or local.tzinfo is not None:
        return local
    stated = [moment for moment in (*(one.utc for one in tags), exif.gps_time) if moment]
    if not stated:
        return local
    ahead = local - stated[0].replace(tzinfo=None)
    steps = round(ahead / _ZONE_STEP)
    zone = steps * _ZONE_STEP
    if abs(zone) > _MAX_ZONE or abs(ahead - zone) > _MAX_DRIFT:
        return local
    return local.replace(tzinfo=timezone(zone))
