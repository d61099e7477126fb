"""The XMP tags of Skydio, Parrot and Autel, and those that Pix4D defined for any camera.

Sources: Skydio's camera and metadata overview, Parrot's "Embedded Photo Metadata" (GroundSDK),
Pix4D's specification of ``xmp:camera`` tags, and what OpenAthena's users met in Autel's files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from detection.domain.lens import Distortion
from detection.domain.sight import compute_camera_axes
from detection.ingest.dji_xmp import read_dji_tags
from detection.ingest.drone_tags import DroneTags, LensTags, find_number, list_numbers
from detection.ingest.xmp import XmpPacket

_HORIZON_PITCH_MODELS = frozenset({"XL715"})
"""Autel models (EVO Lite 640T) whose ``Camera:Pitch`` counts from the horizon, not as Pix4D's."""

_NADIR_EPSILON = 1e-9


def read_drone_tags(packet: XmpPacket, model: str | None) -> tuple[DroneTags, ...]:
    """Return what each family of a packet says, the most specific first.

    ``model`` is the camera's name in EXIF; some Autel cameras are told by it.
    """
    families = packet.families
    is_autel = "autel" in packet.about.lower() or "autel" in families
    found: list[DroneTags] = []
    if "dji" in families:
        found.append(read_dji_tags(families["dji"]))
    if "skydio" in families:
        found.append(_read_skydio(families["skydio"]))
    if "parrot" in families:
        found.append(_read_parrot(families["parrot"]))
    if "autel" in families:
        found.append(_read_autel(families["autel"]))
    if "camera" in families:
        found.append(_read_camera(families["camera"], model or "", is_autel=is_autel))
    return tuple(found)


def _read_skydio(tags: Mapping[str, str]) -> DroneTags:
    horizontal_m = find_number(tags, "gpshorizontalaccuracy")
    lens = _read_skydio_lens(tags)
    return DroneTags(
        source="xmp:skydio",
        lon=find_number(tags, "longitude"),
        lat=find_number(tags, "latitude"),
        absolute_altitude_m=find_number(tags, "absolutealtitude"),
        relative_altitude_m=find_number(tags, "relativealtitude"),
        yaw_deg=find_number(tags, "cameraorientationned.yaw"),
        pitch_deg=find_number(tags, "cameraorientationned.pitch"),
        roll_deg=find_number(tags, "cameraorientationned.roll"),
        std_lon_m=horizontal_m,
        std_lat_m=horizontal_m,
        std_height_m=find_number(tags, "gpsverticalaccuracy"),
        lenses=() if lens is None else (lens,),
    )


def _read_skydio_lens(tags: Mapping[str, str]) -> LensTags | None:
    """Return the calibration; ``DewarpData`` is k1, k2, k3 there."""
    across = find_number(tags, "calibratedfocallength.x", "calibratedfocallength")
    down = find_number(tags, "calibratedfocallength.y", "calibratedfocallength")
    if across is None or down is None:
        return None
    numbers = list_numbers(tags.get("dewarpdata"))
    distortion: Distortion | None = None
    if numbers is not None and len(numbers) == 3:  # noqa: PLR2004 - k1, k2, k3
        distortion = (numbers[0], numbers[1], 0.0, 0.0, numbers[2])
    return LensTags(
        source="xmp:CalibratedFocalLength",
        focal_px=(across + down) / 2,
        focal_spread_px=abs(across - down) / 2,
        center_x_px=find_number(tags, "calibratedopticalcenter.x"),
        center_y_px=find_number(tags, "calibratedopticalcenter.y"),
        distortion=distortion,
    )


def _read_parrot(tags: Mapping[str, str]) -> DroneTags:
    return DroneTags(
        source="xmp:parrot",
        yaw_deg=find_number(tags, "camerayawdegree"),
        pitch_deg=find_number(tags, "camerapitchdegree"),
        roll_deg=find_number(tags, "camerarolldegree"),
    )


def _read_autel(tags: Mapping[str, str]) -> DroneTags:
    """Return Autel's own tags, which repeat DJI's names; what is missing is in ``Camera``."""
    return DroneTags(
        source="xmp:autel",
        lon=find_number(tags, "gpslongitude", "gpslongtitude"),
        lat=find_number(tags, "gpslatitude"),
        absolute_altitude_m=find_number(tags, "absolutealtitude"),
        relative_altitude_m=find_number(tags, "relativealtitude"),
        yaw_deg=find_number(tags, "gimbalyawdegree"),
        pitch_deg=find_number(tags, "gimbalpitchdegree"),
        roll_deg=find_number(tags, "gimbalrolldegree"),
    )


def _read_camera(tags: Mapping[str, str], model: str, *, is_autel: bool) -> DroneTags:
    """Return Pix4D's tags, which Parrot, senseFly and older Autel cameras write.

    The accuracies are one standard deviation. A negative pitch of an Autel camera is counted
    from the horizon: its gimbal cannot look backwards.
    """
    yaw, pitch = find_number(tags, "yaw"), find_number(tags, "pitch")
    roll = find_number(tags, "roll") or 0.0
    angles: tuple[float | None, float | None, float | None] = (None, None, None)
    if yaw is not None and pitch is not None:
        counts_from_horizon = is_autel and (pitch < 0 or model.upper() in _HORIZON_PITCH_MODELS)
        angles = (yaw, pitch, roll) if counts_from_horizon else angles_from_body(yaw, pitch, roll)
    horizontal_m = find_number(tags, "gpsxyaccuracy")
    lens = _read_camera_lens(tags)
    return DroneTags(
        source="xmp:autel" if is_autel else "xmp:camera",
        relative_altitude_m=find_number(tags, "abovegroundaltitude"),
        yaw_deg=angles[0],
        pitch_deg=angles[1],
        roll_deg=angles[2],
        std_lon_m=horizontal_m,
        std_lat_m=horizontal_m,
        std_height_m=find_number(tags, "gpszaccuracy"),
        lenses=() if lens is None else (lens,),
    )


def angles_from_body(
    yaw_deg: float, pitch_deg: float, roll_deg: float
) -> tuple[float, float, float]:
    """Return the camera's (yaw, pitch, roll) from those of a body that it looks down from.

    Pix4D counts the angles of a body whose nose points to the top of the picture and whose belly
    is the lens: at pitch 0 the camera looks straight down, at 90 at the horizon; the roll leans
    the view sideways. Ours count the optical axis itself.
    """
    # A camera that looks ahead along the nose has the body's angles in our sense; the lens is
    # its down axis, the top of the picture its forward axis.
    right, down, ahead = compute_camera_axes(yaw_deg, pitch_deg, roll_deg)
    view = down
    level = math.hypot(float(view[0]), float(view[1]))
    yaw = math.atan2(float(view[0]), float(view[1]))
    if level < _NADIR_EPSILON:
        yaw = math.atan2(float(ahead[0]), float(ahead[1]))
    level_right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
    level_down = np.cross(view, level_right)
    roll = math.atan2(float(right @ level_down), float(right @ level_right))
    return math.degrees(yaw), math.degrees(math.atan2(float(view[2]), level)), math.degrees(roll)


def _read_camera_lens(tags: Mapping[str, str]) -> LensTags | None:
    """Return the lens; Pix4D gives millimetres from the top left corner of the sensor."""
    if tags.get("modeltype", "").strip().lower() == "fisheye":
        return LensTags(source="xmp:ModelType", is_fisheye=True)
    focal_mm = find_number(tags, "perspectivefocallength")
    center_mm = list_numbers(tags.get("principalpoint"))
    units = tags.get("perspectivefocallengthunits", "mm").strip().lower()
    if focal_mm is None or center_mm is None or min(center_mm) <= 0 or units != "mm":
        return None
    radial = list_numbers(tags.get("perspectivedistortion"))
    distortion: Distortion | None = None
    if radial is not None and len(radial) == 5 and any(radial):  # noqa: PLR2004 - R1 R2 R3 T1 T2
        r1, r2, r3, t1, t2 = radial
        distortion = (r1, r2, t1, t2, r3)
    return LensTags(
        source="xmp:PerspectiveFocalLength",
        focal_widths=focal_mm / (2 * center_mm[0]),
        distortion=distortion,
    )
