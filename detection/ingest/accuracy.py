"""How far off a pose may be: one standard deviation of each group of its numbers.

Without RTK: 1.5 m a horizontal axis, 3 m in height, 0.5 degrees of the gimbal, 2 degrees of the
compass; with a fixed solution and a laser rangefinder 0.05 m, 0.3 m, 0.2 and 0.5 degrees. A fixed
solution alone makes only the position better: on a real flight with RTK and no rangefinder (an
FC6360, four survey panels in 35 photos of both directions) the stated yaw was 2.3 degrees off, the
camera leaned 0.6 and 1.0 from what the gimbal said, and the ground lay 3.4 m below the take-off.
What the camera states of itself goes before these, but not below floors that such statements were
found to break.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from detection.ingest.drone_tags import DroneTags
from detection.ingest.exif import ExifData

RTK_FIXED, RTK_FLOAT = 50, 34

_FIXED_FLOOR_M, _FLOAT_FLOOR_M = 0.02, 0.5
_STATED_FLOOR_M, _STATED_RTK_FLOOR_M, _STATED_HEIGHT_FLOOR_M = 0.5, 0.05, 1.0
_STATED_RTK_M = 0.1
"""A camera that states less than this without a flag has a fixed solution of some kind."""

_MAX_STATED_M = 1000.0
"""Figures from here on are no accuracy of a receiver."""

_RADIUS_TO_STD = 1 / 1.515
"""A circle that holds 68 % of a round normal distribution has 1.515 standard deviations."""

_PHONE_FLOOR_M = 1.0
_AUTEL_YAW_STD_DEG = 5.0
_ARRAY_TILT_STD_DEG = {"FC6360": 1.0}
"""Cameras of an array, each of which leans a little from the gimbal that they share."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One standard deviation of each group of numbers; ``is_rtk`` with a fixed solution."""

    horizontal_m: float = 1.5
    vertical_m: float = 3.0
    yaw_deg: float = 2.0
    tilt_deg: float = 0.5
    is_rtk: bool = False


_RTK = Accuracy(horizontal_m=0.05, is_rtk=True)
_RTK_RANGEFINDER = replace(_RTK, vertical_m=0.3, yaw_deg=0.5, tilt_deg=0.2)


def find_accuracy(
    exif: ExifData, tags: Sequence[DroneTags], position_source: str, angle_source: str
) -> Accuracy:
    """Return the standard deviations of a pose put together from these sources.

    The camera's own RTK deviation counts, but never below 2 cm (antenna offset); the height
    error is that of the flat ground as much as of the receiver.
    """
    accuracy = _find_receiver(exif, tags, position_source)
    leaning_deg = _ARRAY_TILT_STD_DEG.get((exif.model or "").strip().upper(), 0.0)
    accuracy = replace(accuracy, tilt_deg=max(accuracy.tilt_deg, leaning_deg))
    if angle_source == "xmp:autel":
        # Users of these found headings several degrees off.
        return replace(accuracy, yaw_deg=max(accuracy.yaw_deg, _AUTEL_YAW_STD_DEG))
    return accuracy


def _find_receiver(exif: ExifData, tags: Sequence[DroneTags], position_source: str) -> Accuracy:
    flagged = next((one for one in tags if one.rtk_flag is not None), None)
    if flagged is not None:
        return _accuracy_from_flag(flagged)
    stated = next((one for one in tags if _list_stds(one)), None)
    if stated is not None:
        return _accuracy_from_statement(stated)
    radius_m = exif.position_radius_m
    if position_source == "exif" and radius_m is not None and radius_m < _MAX_STATED_M:
        std_m = radius_m * _RADIUS_TO_STD
        return Accuracy(horizontal_m=max(std_m, _PHONE_FLOOR_M))
    return Accuracy()


def _list_stds(tags: DroneTags) -> list[float]:
    stds = (tags.std_lon_m, tags.std_lat_m)
    return [std for std in stds if std is not None and 0 < std < _MAX_STATED_M]


def _find_height_std(tags: DroneTags) -> float | None:
    std = tags.std_height_m
    return std if std is not None and 0 < std < _MAX_STATED_M else None


def _accuracy_from_flag(tags: DroneTags) -> Accuracy:
    stds = _list_stds(tags)
    if tags.rtk_flag == RTK_FIXED:
        fixed = _RTK if tags.range_m is None else _RTK_RANGEFINDER
        return replace(
            fixed,
            horizontal_m=max(*stds, _FIXED_FLOOR_M) if stds else fixed.horizontal_m,
            vertical_m=max(_find_height_std(tags) or 0.0, fixed.vertical_m),
        )
    if tags.rtk_flag == RTK_FLOAT and stds:
        return Accuracy(horizontal_m=max(*stds, _FLOAT_FLOOR_M))
    return Accuracy()


def _accuracy_from_statement(tags: DroneTags) -> Accuracy:
    """Use the receiver's own estimate, which is hopeful.

    Flights of one Skydio X10 lay metres apart in height that stated 0.2 to 0.5 m.
    """
    stated_m = max(_list_stds(tags))
    floor_m = _STATED_RTK_FLOOR_M if stated_m < _STATED_RTK_M else _STATED_FLOOR_M
    height_m = _find_height_std(tags)
    return Accuracy(
        horizontal_m=max(stated_m, floor_m),
        vertical_m=Accuracy().vertical_m
        if height_m is None
        else max(height_m, _STATED_HEIGHT_FLOOR_M),
    )
