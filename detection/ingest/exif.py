"""Read EXIF: capture time, camera, GPS position, focal length. Never raises on bad data."""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import SupportsFloat

from PIL import ExifTags
from PIL.Image import Exif

ORIENTATIONS = range(1, 9)
SIDE_SWAPPING_ORIENTATIONS = frozenset({5, 6, 7, 8})
"""EXIF orientations in which the photo as displayed is as wide as the stored one is high."""

_MAX_ZOOM = 200.0
"""Beyond what any camera offers."""

_UNITS_MM = {2: 25.4, 3: 10.0, 4: 1.0}
"""Millimetres of a ``FocalPlaneResolutionUnit``."""

_TAG = ExifTags.Base
_GPS = ExifTags.GPS
_BAD_DATA = (
    ArithmeticError, AttributeError, LookupError, OSError, SyntaxError, TypeError, ValueError,
    struct.error,
)  # fmt: skip
"""What Pillow and our own conversions raise on damaged tags."""


@dataclass(frozen=True, slots=True)
class ExifData:
    """What EXIF says; None where it does not.

    ``captured_at`` has its fraction of a second where written. ``gps_time`` is the moment of the
    position, aware. ``orientation`` is 1-8, ``exif_width_px`` the width that the camera recorded
    (a resized copy may differ), ``pixels_per_mm`` how dense pixels lie on the sensor across,
    ``digital_zoom`` how much a crop was enlarged (1 where not stated). ``altitude_m`` is negative
    below sea level, ``position_radius_m`` the radius that the device gives for its position.
    ``is_broken`` tells that a part of the data could not be read.
    """

    captured_at: datetime | None = None
    make: str | None = None
    model: str | None = None
    orientation: int = 1
    exif_width_px: int | None = None
    focal_mm: float | None = None
    focal_35mm: float | None = None
    pixels_per_mm: float | None = None
    digital_zoom: float = 1.0
    lon: float | None = None
    lat: float | None = None
    altitude_m: float | None = None
    position_radius_m: float | None = None
    gps_time: datetime | None = None
    maker_note: bytes | None = None
    is_broken: bool = False


def read_exif(load: Callable[[], Exif]) -> ExifData:
    """Return the EXIF of an opened photo; ``load`` is its ``getexif`` method."""
    try:
        exif = load()
        main: Mapping[int, object] = dict(exif)
        detail: Mapping[int, object] = exif.get_ifd(ExifTags.IFD.Exif)
        gps: Mapping[int, object] = exif.get_ifd(ExifTags.IFD.GPSInfo)
    except _BAD_DATA:
        return ExifData(is_broken=True)
    note = detail.get(_TAG.MakerNote)
    return ExifData(
        captured_at=_read_time(main, detail),
        make=_read_text(main.get(_TAG.Make)),
        model=_read_text(main.get(_TAG.Model)),
        orientation=_read_orientation(main.get(_TAG.Orientation)),
        exif_width_px=_whole(read_number(detail.get(_TAG.ExifImageWidth))),
        focal_mm=_positive(read_number(detail.get(_TAG.FocalLength))),
        focal_35mm=_positive(read_number(detail.get(_TAG.FocalLengthIn35mmFilm))),
        pixels_per_mm=_read_density(detail),
        digital_zoom=_read_zoom(detail),
        lon=_read_degrees(gps.get(_GPS.GPSLongitude), gps.get(_GPS.GPSLongitudeRef), "W"),
        lat=_read_degrees(gps.get(_GPS.GPSLatitude), gps.get(_GPS.GPSLatitudeRef), "S"),
        altitude_m=_read_altitude(gps),
        position_radius_m=_positive(read_number(gps.get(_GPS.GPSHPositioningError))),
        gps_time=_read_gps_time(gps),
        maker_note=note if isinstance(note, bytes) else None,
    )


def read_number(value: object) -> float | None:
    """Return ``value`` (number, rational or text) as a finite float, else None."""
    if not isinstance(value, (str, bytes, SupportsFloat)):
        return None
    try:
        number = float(value)
    except _BAD_DATA:
        return None
    return number if math.isfinite(number) else None


def _positive(number: float | None) -> float | None:
    return number if number is not None and number > 0 else None


def _whole(number: float | None) -> int | None:
    return int(number) if number is not None and number >= 1 else None


def _read_text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    return value.replace("\x00", " ").strip() or None


def _read_orientation(value: object) -> int:
    return value if isinstance(value, int) and value in ORIENTATIONS else 1


def _read_degrees(value: object, reference: object, negative: str) -> float | None:
    """Return signed degrees from (degrees, minutes, seconds) and a hemisphere letter."""
    if not isinstance(value, tuple) or not value:
        return None
    parts = [read_number(part) for part in value]
    numbers = [part for part in parts if part is not None]
    if len(numbers) != len(parts):
        return None
    degrees = sum(number / 60.0**index for index, number in enumerate(numbers))
    letter = (_read_text(reference) or "").upper()
    return -degrees if letter.startswith(negative) else degrees


def _read_altitude(gps: Mapping[int, object]) -> float | None:
    altitude = read_number(gps.get(_GPS.GPSAltitude))
    if altitude is None:
        return None
    return -altitude if gps.get(_GPS.GPSAltitudeRef) in (b"\x01", 1, "1") else altitude


def _read_time(main: Mapping[int, object], detail: Mapping[int, object]) -> datetime | None:
    """Return the moment of capture, aware where the camera wrote its offset from UTC."""
    text = _read_text(detail.get(_TAG.DateTimeOriginal)) or _read_text(main.get(_TAG.DateTime))
    if text is None:
        return None
    date, _, clock = text.partition(" ")
    offset = _read_text(detail.get(_TAG.OffsetTimeOriginal)) or ""
    fraction = _read_text(detail.get(_TAG.SubsecTimeOriginal)) or ""
    plain = f"{date.replace(':', '-')}T{clock[:8]}"
    if fraction.isdecimal():
        plain += f".{fraction[:6]:0<6}"
    for candidate in (plain + offset, plain):
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(candidate)
    return None


def _read_gps_time(gps: Mapping[int, object]) -> datetime | None:
    """Return the moment by GPS time: the date as text, the clock as three rationals."""
    date = (_read_text(gps.get(_GPS.GPSDateStamp)) or "").replace(":", "-")
    clock = gps.get(_GPS.GPSTimeStamp)
    if not isinstance(clock, tuple):
        return None
    units = (3600.0, 60.0, 1.0)
    parts = [read_number(part) for part in clock]
    numbers = [part for part in parts if part is not None]
    if len(numbers) != len(units):
        return None
    try:
        day = datetime.fromisoformat(date).replace(tzinfo=UTC)
        seconds = sum(part * unit for part, unit in zip(numbers, units, strict=True))
        return day + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return None


def _read_density(detail: Mapping[int, object]) -> float | None:
    """Return pixels per millimetre across; the unit is inches where none is named (EXIF)."""
    density = _positive(read_number(detail.get(_TAG.FocalPlaneXResolution)))
    unit = _whole(read_number(detail.get(_TAG.FocalPlaneResolutionUnit))) or 2
    millimetres = _UNITS_MM.get(unit)
    return None if density is None or millimetres is None else density / millimetres


def _read_zoom(detail: Mapping[int, object]) -> float:
    """Return how much a crop was enlarged; 0 means that it was not (EXIF)."""
    zoom = read_number(detail.get(_TAG.DigitalZoomRatio))
    return zoom if zoom is not None and 1.0 < zoom <= _MAX_ZOOM else 1.0
