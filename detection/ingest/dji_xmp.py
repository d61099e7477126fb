"""Read the ``drone-dji`` tags of an XMP packet and the camera angles of a DJI maker note.

DJI wrote both attributes and elements, numbers with and without a sign, ``GpsLatitude`` and
``GPSLatitude``, and for some years ``GPSLongtitude``. Names are compared without case.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

_DJI_NAMESPACE = "dji.com/drone-dji"
_LOOSE_TAG = re.compile(r"drone-dji:(\w+)\s*(?:=\s*\"([^\"]*)\"|>([^<]*)<)")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
_NOTE_HEAD_BYTES, _NOTE_ROW_BYTES = 2, 12
_FLOAT32, _ANGLE_TAGS = 11, {9: "pitch", 10: "yaw", 11: "roll"}
_FULL_TURN_DEG = 360.0


@dataclass(frozen=True, slots=True)
class DjiTags:
    """The DJI tags we use; None where a tag is missing or is not a number.

    Degrees for angles and position, metres for altitudes and RTK deviations, pixels of the
    original photo for the focal length and optical centre. ``rtk_flag`` 50 means a fixed
    solution; ``gps_status`` is the camera's own word (Normal, RTK, Invalid).
    """

    lon: float | None = None
    lat: float | None = None
    absolute_altitude_m: float | None = None
    relative_altitude_m: float | None = None
    gimbal_yaw_deg: float | None = None
    gimbal_pitch_deg: float | None = None
    gimbal_roll_deg: float | None = None
    focal_px: float | None = None
    center_x_px: float | None = None
    center_y_px: float | None = None
    rtk_flag: int | None = None
    rtk_std_lon_m: float | None = None
    rtk_std_lat_m: float | None = None
    rtk_std_height_m: float | None = None
    gps_status: str | None = None
    is_broken: bool = False


def read_dji_xmp(packet: bytes | str | None) -> DjiTags:
    """Return the DJI tags of an XMP packet; an empty result where it has none.

    A packet that is no valid XML is searched for ``drone-dji:Name="value"`` all the same, and
    the result says ``is_broken``.
    """
    if not packet:
        return DjiTags()
    text = packet if isinstance(packet, str) else packet.decode("utf-8", "replace")
    text = text.lstrip("\ufeff").strip("\x00 \r\n\t")
    try:
        tags = dict(_iterate_tags(fromstring(text)))
    except (ParseError, DefusedXmlException, ValueError):
        found = _LOOSE_TAG.finditer(text)
        return _tags_from_texts({m[1].lower(): m[2] or m[3] or "" for m in found}, is_broken=True)
    return _tags_from_texts(tags, is_broken=False)


def _iterate_tags(root: Element) -> Iterator[tuple[str, str]]:
    for element in root.iter():
        pairs = [*element.attrib.items(), (str(element.tag), element.text or "")]
        for name, value in pairs:
            namespace, _, local = name.rpartition("}")
            if _DJI_NAMESPACE in namespace:
                yield local.lower(), value


def _tags_from_texts(texts: Mapping[str, str], *, is_broken: bool) -> DjiTags:
    def number(*names: str) -> float | None:
        values = (_number_from_text(texts.get(name, "")) for name in names)
        return next((value for value in values if value is not None), None)

    flag = number("rtkflag")
    return DjiTags(
        lon=number("gpslongitude", "gpslongtitude"),
        lat=number("gpslatitude"),
        absolute_altitude_m=number("absolutealtitude"),
        relative_altitude_m=number("relativealtitude"),
        gimbal_yaw_deg=number("gimbalyawdegree"),
        gimbal_pitch_deg=number("gimbalpitchdegree"),
        gimbal_roll_deg=number("gimbalrolldegree"),
        focal_px=number("calibratedfocallength"),
        center_x_px=number("calibratedopticalcenterx"),
        center_y_px=number("calibratedopticalcentery"),
        rtk_flag=None if flag is None else int(flag),
        rtk_std_lon_m=number("rtkstdlon"),
        rtk_std_lat_m=number("rtkstdlat"),
        rtk_std_height_m=number("rtkstdhgt"),
        gps_status=texts.get("gpsstatus", "").strip() or None,
        is_broken=is_broken,
    )


def _number_from_text(text: str) -> float | None:
    match = _NUMBER.fullmatch(text.strip())
    number = float(match[0]) if match else math.nan
    return number if math.isfinite(number) else None


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
