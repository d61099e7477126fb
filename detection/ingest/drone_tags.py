"""What a drone maker's tags say of one photo, in our units whatever the maker."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from detection.domain.lens import Distortion

_NUMBER = re.compile(r"([+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)(?:/([+-]?\d+(?:\.\d*)?))?")


@dataclass(frozen=True, slots=True)
class LensTags:
    """The lens as the camera states it; None where it does not.

    ``focal_px``, ``center_x_px`` and ``center_y_px`` are in pixels of the original photo.
    ``focal_spread_px`` is half of what the focal lengths across and down differ by, None where
    only one is given. ``focal_widths`` is the focal length in widths of the photo. ``distortion``
    is (k1, k2, p1, p2, k3) of the stored pixels. ``source`` names the tag.
    """

    source: str
    focal_px: float | None = None
    focal_spread_px: float | None = None
    focal_widths: float | None = None
    center_x_px: float | None = None
    center_y_px: float | None = None
    distortion: Distortion | None = None
    is_fisheye: bool = False


@dataclass(frozen=True, slots=True)
class DroneTags:
    """The tags of one family that we use; None where a tag is missing or is not a number.

    Degrees for position and angles, metres for altitudes and standard deviations. The angles are
    the camera's in the sense of :class:`~detection.domain.camera.CameraPose`. ``rtk_flag`` is
    DJI's: 50 a fixed solution, 34 a float one, 16 a single point. ``range_m`` is what a laser
    rangefinder read, ``gps_status`` the camera's own word (Normal, RTK, Invalid), ``utc`` the
    moment of exposure by GPS time, aware.
    ``source`` is how a pose names the family (``xmp``, ``xmp:skydio``). ``lenses`` are what is
    said of the lens, the best first.
    """

    source: str = "xmp"
    lon: float | None = None
    lat: float | None = None
    absolute_altitude_m: float | None = None
    relative_altitude_m: float | None = None
    yaw_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float | None = None
    rtk_flag: int | None = None
    std_lon_m: float | None = None
    std_lat_m: float | None = None
    std_height_m: float | None = None
    range_m: float | None = None
    gps_status: str | None = None
    utc: datetime | None = None
    lenses: tuple[LensTags, ...] = ()


def number_from_text(text: str | None) -> float | None:
    """Return a finite number from ``+12.5``, ``1e3`` or a fraction ``4971569/65536``, else None.

    >>> number_from_text("+98.90"), number_from_text("3/4"), number_from_text("N/A")
    (98.9, 0.75, None)
    """
    match = _NUMBER.fullmatch((text or "").strip())
    if match is None:
        return None
    divisor = float(match[2] or 1.0)
    number = float(match[1]) / divisor if divisor else math.nan
    return number if math.isfinite(number) else None


def find_number(tags: Mapping[str, str], *names: str) -> float | None:
    """Return the first of the named tags that is a number."""
    numbers = (number_from_text(tags.get(name)) for name in names)
    return next((number for number in numbers if number is not None), None)


def list_numbers(text: str | None) -> tuple[float, ...] | None:
    """Return comma-separated numbers; None where one of them is none."""
    numbers = [number_from_text(part) for part in (text or "").split(",")]
    kept = [number for number in numbers if number is not None]
    return tuple(kept) if len(kept) == len(numbers) else None
