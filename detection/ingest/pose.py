"""Camera pose from XMP, maker note and EXIF, with standard deviations and named warnings."""

from __future__ import annotations

from dataclasses import dataclass

from detection.domain.camera import CameraPose
from detection.domain.photo import FlightKind
from detection.ingest.dji_xmp import DjiTags, read_maker_note_angles
from detection.ingest.exif import ExifData

_RTK_FIXED = 50
_MAX_LON_DEG, _MAX_LAT_DEG = 180.0, 90.0
_NULL_ISLAND_DEG = 1e-4
_SIDEWAYS_DEG = 45.0
_DISPLAY_TURN_DEG = {3: 180.0, 6: 90.0, 8: -90.0}
"""How far clockwise a viewer turns the stored pixels, by EXIF orientation."""


@dataclass(frozen=True, slots=True)
class _Accuracy:
    """One standard deviation of each group of numbers."""

    horizontal_m: float
    vertical_m: float
    yaw_deg: float
    tilt_deg: float


_GPS_ALONE = _Accuracy(horizontal_m=1.5, vertical_m=3.0, yaw_deg=2.0, tilt_deg=0.5)
_RTK = _Accuracy(horizontal_m=0.05, vertical_m=0.3, yaw_deg=0.5, tilt_deg=0.2)


def read_pose(
    exif: ExifData, dji: DjiTags, kind: FlightKind
) -> tuple[CameraPose | None, tuple[str, ...]]:
    """Return the pose (None without a position) and the warnings, in a fixed order.

    A street photo is not expected to know its angles or its height, so it is not warned about
    them.
    """
    position, warnings = _read_position(exif, dji)
    angles, angle_warnings = _read_angles(exif, dji)
    altitude_agl_m = dji.relative_altitude_m
    if kind is FlightKind.DRONE:
        warnings += angle_warnings
        warnings += ["no_altitude"] if altitude_agl_m is None else []
    if position is None:
        return None, tuple(warnings)
    lon, lat, position_source = position
    accuracy, is_rtk = _find_accuracy(dji)
    if dji.rtk_flag is not None and not is_rtk:
        warnings.append("rtk_not_fixed")
    yaw_deg, pitch_deg, roll_deg, angle_source = angles or (None, None, None, "none")
    pose = CameraPose(
        lon=lon,
        lat=lat,
        altitude_agl_m=altitude_agl_m,
        altitude_m=_first(dji.absolute_altitude_m, exif.altitude_m),
        yaw_deg=yaw_deg,
        pitch_deg=pitch_deg,
        roll_deg=None if roll_deg is None else roll_as_displayed(roll_deg, exif.orientation),
        horizontal_std_m=accuracy.horizontal_m,
        vertical_std_m=accuracy.vertical_m,
        yaw_std_deg=accuracy.yaw_deg,
        pitch_std_deg=accuracy.tilt_deg,
        roll_std_deg=accuracy.tilt_deg,
        source=f"position={position_source}{'+rtk' if is_rtk else ''};angles={angle_source}",
    )
    return pose, tuple(warnings)


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


def _read_position(
    exif: ExifData, dji: DjiTags
) -> tuple[tuple[float, float, str] | None, list[str]]:
    found = [
        (lon, lat, source)
        for lon, lat, source in ((dji.lon, dji.lat, "xmp"), (exif.lon, exif.lat, "exif"))
        if lon is not None and lat is not None
    ]
    if not found:
        return None, ["no_position"]
    if (dji.gps_status or "").lower() == "invalid":
        return None, ["no_position", "invalid_position"]
    away = [p for p in found if max(abs(p[0]), abs(p[1])) > _NULL_ISLAND_DEG]
    if not away:
        return None, ["no_position", "null_island"]
    for lon, lat, source in away:
        if abs(lon) <= _MAX_LON_DEG and abs(lat) <= _MAX_LAT_DEG:
            return (lon, lat, source), []
    return None, ["no_position", "invalid_position"]


def _read_angles(
    exif: ExifData, dji: DjiTags
) -> tuple[tuple[float, float, float, str] | None, list[str]]:
    yaw, pitch, roll = dji.gimbal_yaw_deg, dji.gimbal_pitch_deg, dji.gimbal_roll_deg
    if yaw is not None and pitch is not None:
        angles = (yaw, pitch, roll or 0.0, "xmp")
    elif noted := _read_noted_angles(exif):
        angles = (*noted, "makernote")
    else:
        return None, ["no_attitude"]
    if not any(angles[:3]):
        return None, ["no_attitude", "zero_attitude"]
    return angles, []


def _read_noted_angles(exif: ExifData) -> tuple[float, float, float] | None:
    is_dji = (exif.make or "").upper().startswith("DJI")
    return read_maker_note_angles(exif.maker_note) if is_dji else None


def _find_accuracy(dji: DjiTags) -> tuple[_Accuracy, bool]:
    """Return the standard deviations and whether they come from a fixed RTK solution.

    The camera's own RTK deviation counts, but never below 2 cm (antenna offset); the height
    error is that of the flat ground as much as of the receiver.
    """
    if dji.rtk_flag != _RTK_FIXED:
        return _GPS_ALONE, False
    stds = [std for std in (dji.rtk_std_lon_m, dji.rtk_std_lat_m) if std is not None and std > 0]
    return (
        _Accuracy(
            horizontal_m=max(*stds, 0.02) if stds else _RTK.horizontal_m,
            vertical_m=max(dji.rtk_std_height_m or 0.0, _RTK.vertical_m),
            yaw_deg=_RTK.yaw_deg,
            tilt_deg=_RTK.tilt_deg,
        ),
        True,
    )
