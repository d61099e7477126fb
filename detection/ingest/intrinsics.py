"""Focal length in pixels from whatever the camera wrote, for the photo's own size.

Order: ``CalibratedFocalLength`` of the XMP (scaled when the photo is a resized copy), then focal
length in mm over the sensor width of a known DJI camera, then ``FocalLengthIn35mmFilm`` over the
43.27 mm diagonal of 35 mm film. DJI uses the diagonal: FC300S 3.61 mm on 7.70 mm gives 20.3 and
is written 20, FC6360 5.74 mm on 6.18 mm gives 40.2 and is written 40. The table goes before the
35 mm value because that is cut to whole millimetres (FC220: 26.6 is written 26, 2 % short).
"""

from __future__ import annotations

import math

from detection.domain.camera import CameraIntrinsics
from detection.ingest.dji_xmp import DjiTags
from detection.ingest.exif import SIDE_SWAPPING_ORIENTATIONS, ExifData

SENSOR_WIDTH_MM = {
    "FC300S": 6.16, "FC300X": 6.16, "FC300C": 6.16, "FC300XW": 6.16, "FC330": 6.16,
    "FC220": 6.16, "FC200": 6.16, "FC2103": 6.16, "FC2204": 6.16, "FC1102": 6.16,
    "FC350": 6.16,
    "FC6310": 13.2, "FC6310S": 13.2, "FC6310R": 13.2, "L1D-20C": 13.2, "FC6360": 4.8,
    "FC6510": 13.2, "FC6520": 17.3, "FC6540": 23.5, "L2D-20C": 17.3, "M3E": 17.3,
    "ZENMUSEP1": 35.9, "FC3170": 6.4, "FC3411": 13.2, "FC3582": 9.6,
}  # fmt: skip
"""Sensor width in mm by EXIF model, upper case without blanks."""

FILM_DIAGONAL_MM = 43.267
_WIDE_ASPECT = 1.6
_CENTER_TOLERANCE = 0.1
_FOCAL_RANGE = (0.2, 60.0)
"""Believable focal lengths as multiples of the photo's longer side."""


def read_intrinsics(
    width_px: int, height_px: int, exif: ExifData, dji: DjiTags
) -> CameraIntrinsics | None:
    """Return the camera of a photo of ``width_px`` x ``height_px`` stored pixels (not rotated).

    None where no source gives a believable focal length.
    """
    sources = (
        _focal_from_calibration(width_px, exif, dji),
        _focal_from_sensor(width_px, height_px, exif),
        _focal_from_film(width_px, height_px, exif),
    )
    longer = max(width_px, height_px)
    for focal_px, source, scale in filter(None, sources):
        if not _FOCAL_RANGE[0] <= focal_px / longer <= _FOCAL_RANGE[1]:
            continue
        cx_px, cy_px = _find_center(width_px, height_px, dji, scale)
        return CameraIntrinsics(width_px, height_px, focal_px, cx_px, cy_px, source)
    return None


def _focal_from_calibration(
    width_px: int, exif: ExifData, dji: DjiTags
) -> tuple[float, str, float] | None:
    """Return (focal px, source, photo pixels per calibrated pixel)."""
    if dji.focal_px is None or dji.focal_px <= 0:
        return None
    original_width_px = _find_original_width(width_px, exif, dji)
    scale = width_px / original_width_px
    return dji.focal_px * scale, "xmp:CalibratedFocalLength", scale


def _find_original_width(width_px: int, exif: ExifData, dji: DjiTags) -> float:
    """Width that the calibration is for.

    The optical centre lies within a few percent of the middle, so it tells a resized copy even
    where the program that resized it rewrote the EXIF width.
    """
    if dji.center_x_px is None or dji.center_x_px <= 0:
        return float(exif.exif_width_px or width_px)
    estimate = 2 * dji.center_x_px
    for candidate in (float(width_px), float(exif.exif_width_px or width_px)):
        if abs(candidate / estimate - 1) < _CENTER_TOLERANCE:
            return candidate
    return estimate


def _focal_from_sensor(
    width_px: int, height_px: int, exif: ExifData
) -> tuple[float, str, float] | None:
    model = (exif.model or "").upper().replace(" ", "")
    sensor_mm = SENSOR_WIDTH_MM.get(model)
    if sensor_mm is None or exif.focal_mm is None:
        return None
    longer = max(width_px, height_px)
    return exif.focal_mm / sensor_mm * longer, "exif:FocalLength+sensor", 1.0


def _focal_from_film(
    width_px: int, height_px: int, exif: ExifData
) -> tuple[float, str, float] | None:
    """Diagonal convention; a 16:9 photo counts as the middle of a 4:3 sensor's full width."""
    if exif.focal_35mm is None:
        return None
    longer, shorter = max(width_px, height_px), min(width_px, height_px)
    if longer / shorter > _WIDE_ASPECT:
        shorter = longer * 3 // 4
    diagonal_px = math.hypot(longer, shorter)
    return exif.focal_35mm / FILM_DIAGONAL_MM * diagonal_px, "exif:FocalLengthIn35mmFilm", 1.0


def _find_center(width_px: int, height_px: int, dji: DjiTags, scale: float) -> tuple[float, float]:
    """Return the optical centre where the camera gives one near the middle, else the middle."""
    middle = (width_px / 2, height_px / 2)
    if dji.focal_px is None or dji.center_x_px is None or dji.center_y_px is None:
        return middle
    center = (dji.center_x_px * scale, dji.center_y_px * scale)
    near = all(abs(c - m) < m / 5 for c, m in zip(center, middle, strict=True))
    return center if near else middle


def rotate_intrinsics(camera: CameraIntrinsics, orientation: int) -> CameraIntrinsics:
    """Return the camera of the photo as displayed, for an EXIF ``orientation`` of 1-8."""
    width, height = camera.width_px, camera.height_px
    x, y = camera.cx_px, camera.cy_px
    centers = {
        2: (width - x, y), 3: (width - x, height - y), 4: (x, height - y), 5: (y, x),
        6: (height - y, x), 7: (height - y, width - x), 8: (y, width - x),
    }  # fmt: skip
    cx_px, cy_px = centers.get(orientation, (x, y))
    if orientation in SIDE_SWAPPING_ORIENTATIONS:
        width, height = height, width
    return CameraIntrinsics(width, height, camera.focal_px, cx_px, cy_px, camera.source)
