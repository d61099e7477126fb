"""The GPX track of a logger or telephone that went along, for street drives."""

from __future__ import annotations

import math
from datetime import UTC
from pathlib import Path
from xml.etree.ElementTree import ParseError

import gpxpy
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from gpxpy.gpx import GPXException, GPXTrackPoint

from detection.ingest.coordinate_order import is_on_earth
from detection.ingest.sidecar_text import read_sidecar_text
from detection.ingest.track import Track, TrackKind, TrackPoint, has_jumps

STREET_GPS_STD_M = 5.0
"""One standard deviation per axis of a telephone or logger between houses: much worse than a
drone's in the open."""

_STREET_GPS_VERTICAL_STD_M = 10.0


def read_gpx(path: Path) -> Track:
    """Return the points of all tracks of a GPX file in the order of their time.

    Times without a zone are UTC, as GPX prescribes. Points without a time are left out; the
    warnings say so. A file that is no GPX gives no points and ``unreadable_track``.

    Raises:
        InvalidInputError: the file cannot be opened or is too large.
    """
    text = read_sidecar_text(path)
    try:
        fromstring(text.encode(), forbid_dtd=True)  # what gpxpy reads with may expand entities
        parsed = gpxpy.parse(text)
    except (ParseError, DefusedXmlException, GPXException, ValueError):
        return Track(TrackKind.GPX, (), ("unreadable_track",))
    written = [point for track in parsed.tracks for one in track.segments for point in one.points]
    found = (one for point in written if (one := _build_point(point)) is not None)
    points = tuple(sorted(found, key=lambda point: point.at.timestamp() if point.at else 0.0))
    if not points:
        return Track(TrackKind.GPX, (), ("empty_track",))
    warnings = ["track_incomplete"] if len(points) < len(written) else []
    warnings += ["track_jump"] if has_jumps(points) else []
    return Track(TrackKind.GPX, points, tuple(warnings))


def _build_point(written: GPXTrackPoint) -> TrackPoint | None:
    if written.time is None or not is_on_earth(written.longitude, written.latitude):
        return None
    at = written.time if written.time.tzinfo is not None else written.time.replace(tzinfo=UTC)
    try:
        moment = at.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar
        return None
    height_m = written.elevation
    return TrackPoint(
        lon=written.longitude,
        lat=written.latitude,
        source=TrackKind.GPX.value,
        horizontal_std_m=STREET_GPS_STD_M,
        vertical_std_m=_STREET_GPS_VERTICAL_STD_M,
        at=moment,
        altitude_m=height_m if height_m is not None and math.isfinite(height_m) else None,
    )
