"""The time stamps that DJI drones with RTK write beside their photos (``*_Timestamp.MRK``).

One line per photo: its number, GPS seconds of the week, ``[week]``, the offset from antenna to
camera in millimetres north, east and down, latitude, longitude, height above the ellipsoid,
standard deviations north, east and up in metres, and the kind of solution (50 fixed, 32-49
floating, 16 single, 0 none). The position is the camera's: DJI's manuals of the Zenmuse P1 and
the Matrice 4 call it "after compensation", so the offset is not added once more.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from detection.ingest.coordinate_order import is_on_earth
from detection.ingest.sidecar_text import read_sidecar_text
from detection.ingest.track import (
    GPS_HORIZONTAL_STD_M,
    GPS_VERTICAL_STD_M,
    Track,
    TrackKind,
    TrackPoint,
)

GPS_EPOCH = datetime(1980, 1, 6, tzinfo=UTC)
LEAP_SECONDS = 18
"""By which GPS time is ahead of UTC, since 2017; no second has been added or announced since."""

_MIN_STD_M = 0.02
_FIXED, _SINGLE = 50, 16
_MAX_LINE = 1000
_NUMBER = r"([+-]?\d{1,9}(?:\.\d*)?)"
_LINE = re.compile(
    rf"(?P<number>\d{{1,9}})\s+(?P<second>\d{{1,9}}(?:\.\d*)?)\s+\[(?P<week>\d{{1,9}})\]\s.*?"
    rf"(?P<lat>{_NUMBER}),Lat\s+(?P<lon>{_NUMBER}),Lon\s+(?P<height>{_NUMBER}),Ellh\s+"
    rf"(?P<std_n>{_NUMBER}),\s*(?P<std_e>{_NUMBER}),\s*(?P<std_u>{_NUMBER})\s+(?P<quality>\d{{1,9}}),Q"
)


def read_mrk(path: Path) -> Track:
    """Return the position of every photo in a ``.MRK`` file, by number, with its moment in UTC.

    Lines that cannot be read or hold no position are left out; the warnings say so.

    Raises:
        InvalidInputError: the file cannot be opened or is too large.
    """
    lines = [line for line in read_sidecar_text(path).splitlines() if line.strip()]
    found = [_read_line(line) for line in lines]
    points = sorted((one for one in found if one is not None), key=lambda point: point.number or 0)
    if not points:
        return Track(TrackKind.MRK, (), ("empty_track",))
    warnings = ["track_incomplete"] if len(points) < len(lines) else []
    warnings += ["rtk_not_fixed"] if any("+rtk" not in one.source for one in points) else []
    return Track(TrackKind.MRK, tuple(points), tuple(warnings))


def _read_line(line: str) -> TrackPoint | None:
    match = _LINE.match(line.strip()) if len(line) <= _MAX_LINE else None
    if match is None or int(match["quality"]) < _SINGLE:
        return None
    lon, lat = float(match["lon"]), float(match["lat"])
    if not is_on_earth(lon, lat) or not (lon or lat):
        return None
    is_fixed = int(match["quality"]) == _FIXED
    floor_m = (_MIN_STD_M, _MIN_STD_M) if is_fixed else (GPS_HORIZONTAL_STD_M, GPS_VERTICAL_STD_M)
    try:
        at = GPS_EPOCH + timedelta(
            weeks=int(match["week"]), seconds=float(match["second"]) - LEAP_SECONDS
        )
    except OverflowError:
        return None
    return TrackPoint(
        lon=lon,
        lat=lat,
        source="mrk+rtk" if is_fixed else "mrk",
        horizontal_std_m=max(float(match["std_n"]), float(match["std_e"]), floor_m[0]),
        vertical_std_m=max(float(match["std_u"]), floor_m[1]),
        at=at,
        number=int(match["number"]),
        altitude_m=float(match["height"]),
    )
