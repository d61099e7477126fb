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
    UNMEASURED = "unmeasured"


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
    "empty_track": (
        "The track holds no position.",
        "Switch on video captions in the drone's app before the flight and wait for a GPS fix.",
    ),
    "unreadable_track": (
        "The file is no track that can be read.",
        "Give the SRT file of the video, the MRK file of the RTK or a GPX track.",
    ),
    "ambiguous_coordinate_order": (
        "The track does not say which of two numbers is the longitude; both orders are possible.",
        "Say where it was flown with --near LON,LAT, or put a photo of the flight beside it.",
    ),
    "track_elsewhere": (
        "The track lies more than 100 km from where the flight is known to be.",
        "Check that the track belongs to this flight, and the place given with --near.",
    ),
    "unreadable_video": (
        "The video cannot be decoded.",
        "Copy it from the card again; give the MP4 or MOV that the drone wrote.",
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
    "impossible_altitude": (
        "The recorded height lies far outside what drones fly.",
        "Calibrate the drone before take-off; use the originals from the card.",
    ),
    "fisheye_lens": (
        "The camera calls its lens a fisheye; findings cannot be placed through it.",
        "Use an ordinary lens, or let the camera correct its photos.",
    ),
    "digital_zoom": (
        "The photo was taken with digital zoom; its scale is less certain.",
        "Switch digital zoom off; it adds no detail.",
    ),
    "duplicated_position": (
        "Exactly the same position as a photo taken at another time: the GPS had frozen.",
        "Compare the places with the map; wait for a GPS fix before flying on.",
    ),
    "clock_jump": (
        "From this photo on the camera's clock shows another time than before.",
        "Set the clock before the flight; places taken from a track by time may be wrong.",
    ),
    "out_of_time_order": (
        "The photo was taken at another time than its number says.",
        "Check that the photo belongs to this flight.",
    ),
    "position_jump": (
        "The position is further from its neighbours than anything flies or drives.",
        "Look at the place on the map; leave the photo out if it is wrong.",
    ),
    "track_mismatch": (
        "A track beside the photos does not fit this photo and was not used for it.",
        "Check that the track belongs to this folder of photos.",
    ),
    "track_without_zone": (
        "The camera's clock names no time zone and more than one fits the track; it was not used.",
        "Set the time zone in the camera, or give photos that have a GPS position.",
    ),
    "broken_metadata": (
        "A part of the EXIF or XMP data is damaged and was left out.",
        "Use the originals from the card.",
    ),
    "track_incomplete": (
        "A part of the track cannot be read or holds no position; it was left out.",
        "Nothing to do if it is short; else copy the track again.",
    ),
    "track_jump": (
        "The track jumps faster than anything flies or drives.",
        "Check whether two recordings were joined; look at the places on the map.",
    ),
    "coarse_position": (
        "The track gives its position in steps of about 10 metres.",
        "Take photos where metres matter; newer drones write finer tracks.",
    ),
    "no_track": (
        "There is no track of the video; its frames have no position.",
        "Put the SRT file of the same name beside the video.",
    ),
    "unread_telemetry": (
        "The video carries telemetry in a form that cannot be read.",
        "Put the SRT file of the same name beside the video.",
    ),
    "damaged_video": (
        "The video is damaged or breaks off; the frames that could be decoded are used.",
        "Copy it from the card again if frames are missing.",
    ),
    "assumed_attitude": (
        "The camera's angles are assumed: heading along the course flown, pitch as it was given.",
        "Use photos, or a drone that writes the gimbal angles into the track.",
    ),
}

_COVERAGE_WARNINGS = {
    "photo_blurred": (
        "The photo is blurred.",
        "Fly slower or shorten the exposure, then fly the spot again.",
    ),
    "photo_dark": (
        "The photo is too dark.",
        "Expose longer or fly by day, then fly the spot again.",
    ),
    "photo_bright": (
        "The photo is overexposed.",
        "Lower the exposure, then fly the spot again.",
    ),
    "photo_too_coarse": (
        "One pixel covers too much ground for anything we look for.",
        "Fly lower, or use a longer lens.",
    ),
    "photo_too_coarse_for_covers": (
        "One pixel covers too much ground to tell the state of a manhole cover.",
        "Fly lower where covers matter; roofs can be judged.",
    ),
    "layer_shapes_mended": (
        "Some shapes crossed themselves and were mended.",
        "Look at them on the map; correct them in the source where they look wrong.",
    ),
    "layer_shapes_left_out": (
        "Some rows have no usable shape and were left out.",
        "Check the rows without a shape, or of another kind, in the source.",
    ),
    "layer_ids_repeated": (
        "Some ids stand more than once and were given a number.",
        "Correct the ids in the source, or choose another field.",
    ),
    "layer_without_ids": (
        "No field holds ids; rows are called by their number.",
        "Name the field of the ids; otherwise a new export may number them anew.",
    ),
    "layer_datum_inexact": (
        "The coordinate system belongs to an older datum; places may be off by up to 100 metres.",
        "Have the layer converted to CGCS2000 with the parameters of your city.",
    ),
    "layer_offset": (
        "The layer is offset as GCJ-02 is, although it is declared otherwise.",
        "Import it again and declare GCJ-02, if it comes from a web map.",
    ),
}

_REGISTER_WARNINGS = {
    "register_number_impossible": (
        "Some numbers of the register cannot be; they were left out.",
        "Write one number in each cell, a whole one for storeys, and import the register again.",
    ),
    "register_place_impossible": (
        "Some coordinates of the register cannot be; they were left out.",
        "Check the columns of longitude and latitude, and the declared coordinate system.",
    ),
    "register_row_without_key": (
        "Some rows of the register name neither a building nor a place.",
        "Add the building's number, or its longitude and latitude.",
    ),
    "register_row_without_building": (
        "Some rows of the register belong to no building of the layer.",
        "Check number or place against the building layer, or import a newer layer.",
    ),
    "register_rows_doubled": (
        "Some buildings stand in the register more than once with the same figures.",
        "Nothing to do; remove the doubled rows when you next tidy the register.",
    ),
    "register_rows_contradict": (
        "Some buildings stand in the register with different figures; the larger one counts.",
        "Check the permits of these buildings and keep one row for each.",
    ),
    "register_storeys_missing": (
        "Some rows of the register do not say how many storeys are permitted.",
        "Fill in the permitted storeys; these buildings cannot be held against the register.",
    ),
    "register_place_ambiguous": (
        "Some places of the register lie in several buildings and were not used.",
        "Give these rows the building's number.",
    ),
}

_CHANGE_WARNINGS = {
    "change_overlap_small": (
        "The flights overlap by less than 60 %: many buildings are seen by one flight only.",
        "For those nothing is told; compare flights over the same ground, or fly it again.",
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
    "outside_terrain": (
        "The line of sight, or its error, reaches beyond the ground model.",
        "Give a ground model that covers a kilometre round the flight, or tilt the camera down.",
    ),
    "outside_lens_model": (
        "The lens calibration does not reach to this part of the photo.",
        "Nothing to do; look at the other photos of the spot.",
    ),
}

_UNMEASURED = {
    "gsd_too_coarse": (
        "A pixel covers too much for a width to be measured.",
        "Fly closer: at 0.33 mm per pixel a crack of 1 mm is three pixels wide.",
    ),
    "unknown_scale": (
        "How far away the surface is is not known, so pixels have no size in millimetres.",
        "Use originals with height, angles and focal length, or import the buildings.",
    ),
    "too_oblique": (
        "The surface is seen too flat for a length in millimetres.",
        "Look at it more squarely.",
    ),
    "too_narrow": (
        "The crack is less than three pixels wide.",
        "Fly closer, or measure it on site.",
    ),
}

_UNTOLD = {
    "change_not_seen": (
        "Too little of the roof is shown by enough photos for its height to be told.",
        "Fly the building with 70 % overlap both ways, or look at its photos.",
    ),
    "change_roof_blank": (
        "The roof shows too little detail for its height to be told from photos.",
        "Fly lower, with oblique photos and in even light, or look at its photos.",
    ),
    "change_height_unsure": (
        "A part of the roof seems changed, by no more than the heights may be off.",
        "Look at the photos of both flights.",
    ),
    "change_ground_not_seen": (
        "Too little ground is seen round the building for its height above it to be told.",
        "Fly over the lanes beside the building; trees and narrow lanes hide the ground.",
    ),
    "change_footprint_small": (
        "The footprint is too small for a change of ten square metres to be told.",
        "Check the outline in the building layer.",
    ),
}

_UNCOUNTED = {
    "storeys_not_countable": (
        "Storeys of halls and works differ too much in height to be counted from outside.",
        "Check the number of storeys on site or in the plans.",
    ),
}

_REMEDY_UNKNOWN = "Look at the photo; if it is in order, report this code."


def _build_table() -> dict[str, Reason]:
    groups = {
        Severity.FAILURE: _FAILURES,
        Severity.WARNING: _WARNINGS | _COVERAGE_WARNINGS | _REGISTER_WARNINGS | _CHANGE_WARNINGS,
        Severity.UNPLACED: _UNPLACED,
        Severity.UNMEASURED: _UNMEASURED | _UNTOLD | _UNCOUNTED,
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
