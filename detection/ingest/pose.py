"""Camera pose from XMP, maker note and EXIF, with standard deviations and named warnings."""

from __future__ import annotations

from collections.abc import Sequence

from detection.domain.camera import CameraPose
from detection.domain.photo import FlightKind
from detection.ingest.accuracy import find_accuracy
from detection.ingest.dji_xmp import read_maker_note_angles
from detection.ingest.drone_tags import DroneTags
from detection.ingest.exif import ExifData

AGL_RANGE_M = (-300.0, 1500.0)
"""Believable heights above the take-off point: below it in a valley, above it a licensed flight."""

ALTITUDE_RANGE_M = (-500.0, 9000.0)
"""Believable heights above any datum: the shore of the Dead Sea to the summit of Everest."""

_MAX_LON_DEG, _MAX_LAT_DEG = 180.0, 90.0
_NULL_ISLAND_DEG = 1e-4
_SIDEWAYS_DEG = 45.0
_FULL_TURN_DEG = 360.0
_DISPLAY_TURN_DEG = {3: 180.0, 6: 90.0, 8: -90.0}
"""How far clockwise a viewer turns the stored pixels, by EXIF orientation."""


def read_pose(
    exif: ExifData, tags: Sequence[DroneTags], kind: FlightKind
) -> tuple[CameraPose | None, tuple[str, ...]]:
    """Return the pose (None without a position) and the warnings, in a fixed order.

    ``tags`` are those of the makers found in the XMP, the most specific first; each group of
    numbers comes from the first that has it. A street photo is not expected to know its angles
    or its height, so it is not warned about them.
    """
    position, warnings = _read_position(exif, tags)
    angles, angle_warnings = _read_angles(exif, tags)
    altitude_agl_m, altitude_source = _read_height(tags)
    altitude_m = _first(*(one.absolute_altitude_m for one in tags), exif.altitude_m)
    is_possible = _lies_in(altitude_m, ALTITUDE_RANGE_M)
    if not _lies_in(altitude_agl_m, AGL_RANGE_M):
        altitude_agl_m, altitude_source, is_possible = None, "none", False
    if kind is FlightKind.DRONE:
        warnings += angle_warnings
        warnings += ["no_altitude"] if altitude_agl_m is None else []
        warnings += [] if is_possible else ["impossible_altitude"]
    if position is None:
        return None, tuple(warnings)
    lon, lat, position_source = position
    yaw_deg, pitch_deg, roll_deg, angle_source = angles or (None, None, None, "none")
    accuracy = find_accuracy(exif, tags, position_source, angle_source)
    if any(one.rtk_flag for one in tags) and not accuracy.is_rtk:  # 0: there is no RTK at all
        warnings.append("rtk_not_fixed")
    pose = CameraPose(
        lon=lon,
        lat=lat,
        altitude_agl_m=altitude_agl_m,
        altitude_m=altitude_m if _lies_in(altitude_m, ALTITUDE_RANGE_M) else None,
        yaw_deg=yaw_deg,
        pitch_deg=pitch_deg,
        roll_deg=None if roll_deg is None else roll_as_displayed(roll_deg, exif.orientation),
        horizontal_std_m=accuracy.horizontal_m,
        vertical_std_m=accuracy.vertical_m,
        yaw_std_deg=accuracy.yaw_deg,
        pitch_std_deg=accuracy.tilt_deg,
        roll_std_deg=accuracy.tilt_deg,
        source=name_sources(
            position_source + ("+rtk" if accuracy.is_rtk else ""), altitude_source, angle_source
        ),
    )
    return pose, tuple(warnings)


def name_sources(position: str, altitude: str, angles: str) -> str:
    """Return the ``source`` of a pose from where each group of numbers came."""
    return f"position={position};altitude={altitude};angles={angles}"


def split_sources(source: str) -> dict[str, str]:
    """Return where each group of numbers came from; the inverse of :func:`name_sources`.

    >>> split_sources("position=xmp+rtk;altitude=none;angles=xmp")["position"]
    'xmp+rtk'
    """
    pairs = (part.partition("=") for part in source.split(";"))
    return {name: value for name, _, value in pairs}


def roll_as_displayed(roll_deg: float, orientation: int) -> float:
    """Return the roll of the photo as displayed, in [-180, 180).

    A viewer that turns the stored pixels clockwise undoes a camera turned clockwise. Cameras
    that leave their own turn out of the roll are told by a roll near 0; the turned photo is
    then upright already.
    """
    turn_deg = _DISPLAY_TURN_DEG.get(orientation, 0.0)
    if abs(roll_deg) <= _SIDEWAYS_DEG:
        turn_deg = 0.0
    return (roll_deg - turn_deg + 180.0) % 360.0 - 180.0


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _lies_in(value: float | None, bounds: tuple[float, float]) -> bool:
    """Whether a number is believable; one that is missing is."""
    return value is None or bounds[0] <= value <= bounds[1]


def _read_height(tags: Sequence[DroneTags]) -> tuple[float | None, str]:
    """Return the height above the take-off point (or the ground) and where it came from."""
    for one in tags:
        if one.relative_altitude_m is not None:
            return one.relative_altitude_m, one.source
    return None, "none"


def _read_position(
    exif: ExifData, tags: Sequence[DroneTags]
) -> tuple[tuple[float, float, str] | None, list[str]]:
    stated = [(one.lon, one.lat, one.source) for one in tags]
    found = [
        (lon, lat, source)
        for lon, lat, source in (*stated, (exif.lon, exif.lat, "exif"))
        if lon is not None and lat is not None
    ]
    if not found:
        return None, ["no_position"]
    if any((one.gps_status or "").lower() == "invalid" for one in tags):
        return None, ["no_position", "invalid_position"]
    away = [p for p in found if max(abs(p[0]), abs(p[1])) > _NULL_ISLAND_DEG]
    if not away:
        return None, ["no_position", "null_island"]
    for lon, lat, source in away:
        if abs(lon) <= _MAX_LON_DEG and abs(lat) <= _MAX_LAT_DEG:
            return (lon, lat, source), []
    return None, ["no_position", "invalid_position"]


def _read_angles(
    exif: ExifData, tags: Sequence[DroneTags]
) -> tuple[tuple[float, float, float, str] | None, list[str]]:
    """Return (yaw, pitch, roll, source) from the first source that does not say all zeros.

    Some cameras write zeros whatever the gimbal does (DJI Mini 2; a P1 on an M400).
    """
    found = [
        (one.yaw_deg, one.pitch_deg, one.roll_deg or 0.0, one.source)
        for one in tags
        if one.yaw_deg is not None and one.pitch_deg is not None
    ]
    if noted := _read_noted_angles(exif):
        found.append((*noted, "makernote"))
    turns = [angles for angles in found if max(map(abs, angles[:3])) <= _FULL_TURN_DEG]
    if not turns:
        return None, ["no_attitude"]
    turned = next((angles for angles in turns if any(angles[:3])), None)
    return (turned, []) if turned is not None else (None, ["no_attitude", "zero_attitude"])


def _read_noted_angles(exif: ExifData) -> tuple[float, float, float] | None:
    is_dji = (exif.make or "").upper().startswith("DJI")
    return read_maker_note_angles(exif.maker_note) if is_dji else None
