"""Focal lengths in pixels, in the order in which they are believed.

First what the camera states of its own lens (``DewarpData`` with its distortion, then
``CalibratedFocalLength`` or Pix4D's tags), then focal length in mm over the width of a known
sensor or over the stated pixel density, then ``FocalLengthIn35mmFilm`` over the 43.27 mm diagonal
of 35 mm film. DJI uses the diagonal: FC300S 3.61 mm on 7.70 mm gives 20.3 and is written 20,
FC6360 5.74 mm on 6.18 mm gives 40.2 and is written 40. The table goes before the 35 mm value
because that is cut to whole millimetres (FC220: 26.6 is written 26, 2 % short), but is not
believed where the two are far apart: many cameras write the same name for their wide, tele and
thermal lenses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from detection.domain.lens import Distortion
from detection.ingest.drone_tags import DroneTags, LensTags
from detection.ingest.exif import ExifData
from detection.ingest.sensors import WIDTH_STD, find_sensor_width_mm

FILM_DIAGONAL_MM = 43.267
FILM_SOURCE = "exif:FocalLengthIn35mmFilm"
_WIDE_ASPECT = 1.6
_CENTER_TOLERANCE = 0.1
_SENSOR_RANGE_MM = (2.0, 60.0)
_MAX_COEFFICIENT = 1e6
"""Larger ones describe no lens, not even the last term of a long one."""

_LENS_TOLERANCE = 0.15
"""Table and 35 mm value further apart than this speak of different lenses."""

_DEWARP_STD, _CALIBRATED_STD, _DENSITY_STD, _FILM_STD = 0.002, 0.01, 0.02, 0.025
"""One standard deviation as a share. ``CalibratedFocalLength`` is the design value: the P4 RTK's
own calibrations lie 0.1-0.3 % beside it, the P4 Multispectral's 2.7 %. Film: whole millimetres,
rounded or cut."""


@dataclass(frozen=True, slots=True)
class Focal:
    """A focal length found in one source, with what goes with it."""

    focal_px: float
    std_share: float
    source: str
    center_px: tuple[float, float] | None = None
    distortion: Distortion | None = None


def iterate_focals(
    width_px: int, height_px: int, exif: ExifData, tags: Sequence[DroneTags]
) -> Iterator[Focal]:
    """Yield what each source says of a photo of this stored size, the best source first."""
    lenses = (lens for one in tags for lens in one.lenses)
    yield from filter(None, (_focal_from_lens(lens, width_px, exif) for lens in lenses))
    film = _focal_from_film(width_px, height_px, exif)
    sensor = _focal_from_sensor(width_px, height_px, exif)
    if sensor and film and abs(sensor.focal_px / film.focal_px - 1) > _LENS_TOLERANCE:
        sensor = None
    yield from filter(None, (sensor, _focal_from_density(width_px, exif), film))


def _focal_from_lens(lens: LensTags, width_px: int, exif: ExifData) -> Focal | None:
    """Return the lens scaled to this photo, which may be a resized copy."""
    if lens.distortion is not None and max(map(abs, lens.distortion)) > _MAX_COEFFICIENT:
        return None
    if lens.focal_px is None or lens.focal_px <= 0:
        if lens.focal_widths is None:
            return None
        focal_px = lens.focal_widths * width_px
        return Focal(focal_px, _CALIBRATED_STD, lens.source, distortion=lens.distortion)
    scale = width_px / _find_original_width(width_px, exif, lens)
    center_px = None
    if lens.center_x_px is not None and lens.center_y_px is not None:
        center_px = (lens.center_x_px * scale, lens.center_y_px * scale)
    std_share = _CALIBRATED_STD if lens.distortion is None else _DEWARP_STD
    spread_share = (lens.focal_spread_px or 0.0) / lens.focal_px
    return Focal(
        focal_px=lens.focal_px * scale,
        std_share=max(std_share, spread_share),
        source=lens.source,
        center_px=center_px,
        distortion=lens.distortion,
    )


def _find_original_width(width_px: int, exif: ExifData, lens: LensTags) -> float:
    """Width that the calibration is for.

    The optical centre lies within a few percent of the middle, so it tells a resized copy even
    where the program that resized it rewrote the EXIF width.
    """
    if lens.center_x_px is None or lens.center_x_px <= 0:
        return float(exif.exif_width_px or width_px)
    estimate = 2 * lens.center_x_px
    for candidate in (float(width_px), float(exif.exif_width_px or width_px)):
        if abs(candidate / estimate - 1) < _CENTER_TOLERANCE:
            return candidate
    return estimate


def _focal_from_sensor(width_px: int, height_px: int, exif: ExifData) -> Focal | None:
    sensor_mm = find_sensor_width_mm(exif.model)
    if sensor_mm is None or exif.focal_mm is None:
        return None
    longer = max(width_px, height_px)
    return Focal(exif.focal_mm / sensor_mm * longer, WIDTH_STD, "exif:FocalLength+sensor")


def _focal_from_density(width_px: int, exif: ExifData) -> Focal | None:
    """Use the stated pixel density, where the sensor that it makes can be one."""
    if exif.pixels_per_mm is None or exif.focal_mm is None:
        return None
    original_px = exif.exif_width_px or width_px
    sensor_mm = original_px / exif.pixels_per_mm
    if not _SENSOR_RANGE_MM[0] <= sensor_mm <= _SENSOR_RANGE_MM[1]:
        return None
    focal_px = exif.focal_mm / sensor_mm * width_px
    return Focal(focal_px, _DENSITY_STD, "exif:FocalLength+FocalPlaneXResolution")


def _focal_from_film(width_px: int, height_px: int, exif: ExifData) -> Focal | None:
    """Diagonal convention; a 16:9 photo counts as the middle of a 4:3 sensor's full width.

    Telephones count a digital zoom in, so this is the one source that is not multiplied by it.
    """
    if exif.focal_35mm is None:
        return None
    longer, shorter = max(width_px, height_px), min(width_px, height_px)
    if longer / shorter > _WIDE_ASPECT:
        shorter = longer * 3 // 4
    diagonal_px = math.hypot(longer, shorter)
    focal_px = exif.focal_35mm / FILM_DIAGONAL_MM * diagonal_px
    return Focal(focal_px, _FILM_STD, FILM_SOURCE)
