"""The ``drone-dji`` tags of an XMP packet, and the camera angles of a DJI maker note.

DJI wrote numbers with and without a sign, ``GpsLatitude`` and ``GPSLatitude``, and for some years
``GPSLongtitude``; newer Autel cameras write the same namespace, misspelling included.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import UTC, datetime

from detection.ingest.drone_tags import DroneTags, LensTags, find_number, list_numbers

_NOTE_HEAD_BYTES, _NOTE_ROW_BYTES = 2, 12
_FLOAT32, _ANGLE_TAGS = 11, {9: "pitch", 10: "yaw", 11: "roll"}
_FULL_TURN_DEG = 360.0
_DEWARP_NUMBERS = 9
_ALREADY_DEWARPED = 1.0


def read_dji_tags(tags: Mapping[str, str]) -> DroneTags:
    """Return the tags of the ``dji`` family (see :mod:`detection.ingest.xmp`)."""
    flag = find_number(tags, "rtkflag")
    return DroneTags(
        source="xmp",
        lon=find_number(tags, "gpslongitude", "gpslongtitude", "longitude"),
        lat=find_number(tags, "gpslatitude", "latitude"),
        absolute_altitude_m=find_number(tags, "absolutealtitude"),
        relative_altitude_m=find_number(tags, "relativealtitude"),
        yaw_deg=find_number(tags, "gimbalyawdegree"),
        pitch_deg=find_number(tags, "gimbalpitchdegree"),
        roll_deg=find_number(tags, "gimbalrolldegree"),
        rtk_flag=None if flag is None else int(flag),
        std_lon_m=find_number(tags, "rtkstdlon"),
        std_lat_m=find_number(tags, "rtkstdlat"),
        std_height_m=find_number(tags, "rtkstdhgt"),
        range_m=_read_range_m(tags),
        gps_status=tags.get("gpsstatus", "").strip() or None,
        utc=_read_utc(tags.get("utcatexposure", "")),
        lenses=tuple(lens for lens in (_read_dewarp(tags), _read_calibration(tags)) if lens),
    )


def _read_range_m(tags: Mapping[str, str]) -> float | None:
    distance_m = find_number(tags, "lrftargetdistance")
    is_normal = tags.get("lrfstatus", "Normal").strip().lower() == "normal"
    return distance_m if is_normal and distance_m is not None and distance_m > 0 else None


def _read_calibration(tags: Mapping[str, str]) -> LensTags | None:
    focal_px = find_number(tags, "calibratedfocallength")
    if focal_px is None:
        return None
    return LensTags(
        source="xmp:CalibratedFocalLength",
        focal_px=focal_px,
        center_x_px=find_number(tags, "calibratedopticalcenterx"),
        center_y_px=find_number(tags, "calibratedopticalcentery"),
    )


def _read_dewarp(tags: Mapping[str, str]) -> LensTags | None:
    """Return the calibration of this very lens, measured in the factory.

    ``DewarpData`` is a date, a semicolon, then fx, fy, cx, cy, k1, k2, p1, p2, k3: OpenCV's
    model, with cx and cy counted from the calibrated optical centre. It holds for pixels as the
    sensor saw them, so not where the camera has corrected them itself (``DewarpFlag`` 1).
    On the Turin flight it lies 2.7 % beside ``CalibratedFocalLength``, which is only the design
    value, and a bundle adjustment with it held fixed reaches the residual of a free one.
    """
    numbers = list_numbers(tags.get("dewarpdata", "").rpartition(";")[2])
    x_px = find_number(tags, "calibratedopticalcenterx")
    y_px = find_number(tags, "calibratedopticalcentery")
    if numbers is None or len(numbers) != _DEWARP_NUMBERS or x_px is None or y_px is None:
        return None
    across, down, dx, dy, k1, k2, p1, p2, k3 = numbers
    if find_number(tags, "dewarpflag") == _ALREADY_DEWARPED or across <= 0 or down <= 0:
        return None
    return LensTags(
        source="xmp:DewarpData",
        focal_px=(across + down) / 2,
        focal_spread_px=abs(across - down) / 2,
        center_x_px=x_px + dx,
        center_y_px=y_px + dy,
        distortion=(k1, k2, p1, p2, k3),
    )


def _read_utc(text: str) -> datetime | None:
    """Return ``UTCAtExposure``, which DJI writes with colons or dashes and without a zone."""
    date, separator, clock = text.strip().replace(" ", "T").partition("T")
    try:
        moment = datetime.fromisoformat(f"{date.replace(':', '-')}{separator}{clock}")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def read_maker_note_angles(note: bytes | None) -> tuple[float, float, float] | None:
    """Return gimbal (yaw, pitch, roll) in degrees from a DJI maker note, None where it has none.

    The note is one little-endian directory: a count, then rows of 12 bytes (tag, type, count,
    value); the angles are 32-bit floats stored in place.
    """
    if note is None or len(note) < _NOTE_HEAD_BYTES:
        return None
    (rows,) = struct.unpack_from("<H", note)
    if rows > (len(note) - _NOTE_HEAD_BYTES) // _NOTE_ROW_BYTES:
        return None
    angles: dict[str, float] = {}
    for row in range(rows):
        tag, kind, count, value = struct.unpack_from(
            "<HHIf", note, _NOTE_HEAD_BYTES + _NOTE_ROW_BYTES * row
        )
        is_angle = (kind, count) == (_FLOAT32, 1) and abs(value) <= _FULL_TURN_DEG
        if tag in _ANGLE_TAGS and is_angle:
            angles[_ANGLE_TAGS[tag]] = value
    if len(angles) < len(_ANGLE_TAGS):
        return None
    return angles["yaw"], angles["pitch"], angles["roll"]
