"""Every reason code with its message and remedy: why a file failed, warns or has no place.

The codes are stable and machine-readable. English texts live here; the pages' catalogue adds
Chinese by code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from detection.domain.photo import IngestFailure


class Severity(StrEnum):
    """What a reason means for the photo or the detection that carries it."""

    FAILURE = "failure"
    WARNING = "warning"
    UNPLACED = "unplaced"


@dataclass(frozen=True, slots=True)
class Reason:
    """One code with what happened and what a person can do."""

    code: str
    severity: Severity
    message_en: str
    remedy_en: str


_FAILURES = {
    "empty_file": (
        "The file holds no bytes.",
        "Copy the photo from the card again; if it is empty there too, fly the spot again.",
    ),
    "not_an_image": (
        "The content is not a photo, whatever its name says.",
        "Remove the file, or replace it with the original JPEG, PNG or TIFF.",
    ),
    "truncated_image": (
        "The photo breaks off before its end.",
        "Copy it from the card again; the transfer was probably interrupted.",
    ),
    "damaged_image": (
        "The pixels cannot be decoded without errors.",
        "Copy it from the card again; if the card's copy is damaged too, fly the spot again.",
    ),
    "unsupported_format": (
        "This image format cannot be read.",
        "Export the photo as 8-bit JPEG, PNG or TIFF with its metadata.",
    ),
    "too_small": (
        "The photo is too small to show anything.",
        "Use the full-size original instead of a thumbnail.",
    ),
    "too_large": (
        "The photo has more than 300 megapixels.",
        "Give the single photos instead of a mosaic, or cut the mosaic into parts.",
    ),
    "unreadable_file": (
        "The file cannot be opened.",
        "Check that it is a plain file, that you may read it and that the disk is in order.",
    ),
    "duplicate_photo": (
        "The same file is in this flight twice.",
        "Nothing to do; the first copy is used.",
    ),
}

_WARNINGS = {
    "no_position": (
        "The photo has no GPS position; its findings cannot be put on the map.",
        "Use the originals from the card; chat and photo programs remove the position.",
    ),
    "null_island": (
        "The position is 0, 0: the camera had no GPS fix.",
        "Wait for a GPS fix before the first photo.",
    ),
    "invalid_position": (
        "The position is out of range, or the camera itself calls it invalid.",
        "Wait for a GPS fix before the first photo.",
    ),
    "rtk_not_fixed": (
        "RTK was on but had no fixed solution; the position has ordinary GPS accuracy.",
        "Check the base station or network service before the flight.",
    ),
    "no_attitude": (
        "The photo does not say how the camera was turned.",
        "Use the originals from the card; resized or edited copies lose the gimbal angles.",
    ),
    "zero_attitude": (
        "Yaw, pitch and roll are all exactly 0: the gimbal angles were not recorded.",
        "Check the gimbal and the firmware; use the originals from the card.",
    ),
    "no_altitude": (
        "The height above the take-off point is not recorded.",
        "Use the originals from the card; GPS altitude alone is wrong by tens of metres.",
    ),
    "no_focal_length": (
        "The focal length is not recorded.",
        "Use the originals from the card, with their EXIF data.",
    ),
    "broken_metadata": (
        "A part of the EXIF or XMP data is damaged and was left out.",
        "Use the originals from the card.",
    ),
}

_UNPLACED = {
    "above_horizon": (
        "The line of sight is too flat to meet the ground at a known distance.",
        "Tilt the camera down by 15 degrees or more, or look at the other photos of the spot.",
    ),
    "below_target": (
        "The camera was not above the height assumed for this kind of thing.",
        "Nothing to do; the photo still shows where the box is.",
    ),
    "too_far": (
        "The place would be more than a kilometre from the camera.",
        "Fly closer or tilt the camera down.",
    ),
}

_REMEDY_UNKNOWN = "Look at the photo; if it is in order, report this code."


def _build_table() -> dict[str, Reason]:
    groups = {
        Severity.FAILURE: _FAILURES,
        Severity.WARNING: _WARNINGS,
        Severity.UNPLACED: _UNPLACED,
    }
    return {
        code: Reason(code, severity, message, remedy)
        for severity, texts in groups.items()
        for code, (message, remedy) in texts.items()
    }


REASONS = _build_table()
"""Every known reason by code. ``no_position``, ``no_attitude``, ``no_altitude`` and
``no_focal_length`` are warnings of a photo and double as the reason of an unplaced detection."""


def explain_reason(code: str) -> Reason:
    """Return the reason for ``code``; a code that is not in the table gets a plain failure."""
    fallback = Reason(code, Severity.FAILURE, f"Unknown reason {code}.", _REMEDY_UNKNOWN)
    return REASONS.get(code, fallback)


def build_failure(photo_id: str, code: str, detail: str = "") -> IngestFailure:
    """Return the row for a file that cannot be used; ``detail`` is added to the message."""
    reason = explain_reason(code)
    message = f"{reason.message_en} ({detail})" if detail else reason.message_en
    return IngestFailure(photo_id, code, message, reason.remedy_en)
