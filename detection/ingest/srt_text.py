"""Read the text of one subtitle of a DJI drone, in any of the ways DJI wrote them.

Three families, told by what stands before the numbers. *Labelled*: ``[latitude: 41.42]
[longtitude: 2.23]`` with ``rel_alt``, ``abs_alt``, ``altitude``, ``gb_yaw``. *Paired*:
``GPS (8.2090, 47.4692, 18)`` or ``GPS(36.6146,-6.1120,0.0M)`` with ``HOME(...)``, ``BAROMETER``,
``Hb``, ``H 45.60m`` and ``G.PRY``: two numbers whose order differs between models. *Bare*:
``73.0013,19.1498,0``, a pair too. The third number of a pair is a height for some models and the
count of satellites for others, so it is not used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

_NUMBER = r"[+-]?\d{1,9}(?:\.\d*)?"
_LABEL = re.compile(rf"\b([A-Za-z]\w*)\s*:\s*({_NUMBER})(?=[\s\],])")
_PAIR = re.compile(rf"({_NUMBER})\s*,\s*({_NUMBER})")
_GPS = re.compile(r"\bGPS\s*\(([^()\n]*)\)")
_HOME = re.compile(r"\bHOME\s*\(([^()\n]*)\)")
_BARE = re.compile(rf"{_PAIR.pattern}(?:\s*,\s*{_NUMBER})?")
_HEIGHT = re.compile(rf"(?:\bBAROMETER\s*[:(]\s*|\bHb\s*:\s*|\bH )({_NUMBER})")
_HOME_DISTANCE = re.compile(rf"\bD ({_NUMBER})m")
_GIMBAL = re.compile(rf"\bG\.PRY\s*\(({_NUMBER})°?,\s*({_NUMBER})°?,\s*({_NUMBER})°?\)")
_CLOCK = re.compile(
    r"(\d{4})[-.](\d{1,2})[-.](\d{1,2})[ T](\d{1,2}):(\d\d):(\d\d)(?:[.,](\d{3}))?(?:,(\d{3}))?"
)
_TENTHS = 10.0
_ZOOM_UNIT, _MAX_ZOOM = 10_000.0, 1_000.0
_SATELLITES_LOST = re.compile(r"\bN/A\b", re.IGNORECASE)

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class SubtitleReading:
    """What one subtitle says; None where it does not.

    ``labelled`` is (lon, lat); ``pair`` two numbers as written, of unknown order, and
    ``home_pair`` the take-off point in the same order, ``home_distance_m`` how far away it is.
    ``decimals`` counts the digits of the position after its point. ``has_no_fix`` tells that the
    subtitle itself says that there is no position.
    """

    labelled: Pair | None = None
    pair: Pair | None = None
    home_pair: Pair | None = None
    home_distance_m: float | None = None
    decimals: int = 0
    has_no_fix: bool = False
    at: datetime | None = None
    altitude_agl_m: float | None = None
    altitude_m: float | None = None
    yaw_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float | None = None
    focal_35mm: float | None = None


def read_subtitle(text: str) -> SubtitleReading:
    """Return what the text of one subtitle says."""
    labels = {name.lower(): value for name, value in _LABEL.findall(text)}
    gps, home = _GPS.search(text), _HOME.search(text)
    pair = _PAIR.match(gps[1].strip()) if gps else _BARE.fullmatch(text)
    home_pair = _PAIR.match(home[1].strip()) if home else None
    lon, lat = labels.get("longitude") or labels.get("longtitude"), labels.get("latitude")
    written = (lon, lat) if lon and lat else pair.groups()[:2] if pair else ()
    pitch, roll, yaw = _read_gimbal(text, labels)
    return SubtitleReading(
        labelled=(float(lon), float(lat)) if lon and lat else None,
        pair=(float(pair[1]), float(pair[2])) if pair else None,
        home_pair=(float(home_pair[1]), float(home_pair[2])) if home_pair else None,
        home_distance_m=_read_first(_HOME_DISTANCE, text),
        decimals=max((len(one.partition(".")[2]) for one in written), default=0),
        has_no_fix=gps is not None and _SATELLITES_LOST.search(gps[1]) is not None,
        at=_read_clock(text),
        altitude_agl_m=_first(_read_label(labels, "rel_alt"), _read_first(_HEIGHT, text)),
        altitude_m=_first(_read_label(labels, "abs_alt"), _read_label(labels, "altitude")),
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=roll,
        focal_35mm=_read_focal(labels),
    )


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _read_first(pattern: re.Pattern[str], text: str) -> float | None:
    match = pattern.search(text)
    return float(match[1]) if match else None


def _read_label(labels: dict[str, str], name: str) -> float | None:
    return float(labels[name]) if name in labels else None


def _read_gimbal(
    text: str, labels: dict[str, str]
) -> tuple[float | None, float | None, float | None]:
    """Return the camera's (pitch, roll, yaw); those of the aircraft (``F.PRY``) do not serve."""
    if match := _GIMBAL.search(text):
        return float(match[1]), float(match[2]), float(match[3])
    return (
        _read_label(labels, "gb_pitch"),
        _read_label(labels, "gb_roll"),
        _read_label(labels, "gb_yaw"),
    )


def _read_focal(labels: dict[str, str]) -> float | None:
    """Return the focal length as if on 35 mm film, digital zoom included.

    ``240`` means 24.0 mm and ``24.00`` the same; a zoom of ``10000`` means 1 and so does
    ``1.00``.
    """
    written = labels.get("focal_len", "")
    focal_mm = float(written or 0.0) / (1.0 if "." in written else _TENTHS)
    zoom = _read_label(labels, "dzoom_ratio") or 1.0
    if zoom >= _MAX_ZOOM:
        zoom /= _ZOOM_UNIT
    return focal_mm * zoom if focal_mm > 0 else None


def _read_clock(text: str) -> datetime | None:
    """Return the clock of the drone, which names no zone."""
    match = _CLOCK.search(text)
    if match is None:
        return None
    numbers = (int(part or 0) for part in match.groups())
    year, month, day, hour, minute, second, milli, micro = numbers
    microsecond = milli * 1000 + micro
    try:
        return datetime(year, month, day, hour, minute, second, microsecond)  # noqa: DTZ001  # local time of an unknown zone
    except ValueError:
        return None
