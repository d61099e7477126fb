"""Sensor widths of cameras by their name in EXIF, for photos that state no calibration.

The widths are the makers' (13.2 mm for a one-inch sensor, 6.4 mm for a half-inch one). Where
photos of ours allowed it, the width is the one that the stated focal length goes with: the FC300S
from a bundle adjustment of the Sheffield flight (450 px at 800 px width), the FC220 from views
turned about one point in the Minsk flight (3030 px at 4000 px). Makers' figures were 4 % and 1 %
beside those, hence the standard deviation.
"""

from __future__ import annotations

WIDTH_STD = 0.02
"""One standard deviation of a focal length by this table, as a share."""

SENSOR_WIDTH_MM = {
    # DJI Phantom 2 to 4, Inspire 1
    "FC300S": 6.38, "FC300X": 6.38, "FC300C": 6.38, "FC300SE": 6.38, "FC300XW": 6.38,
    "FC330": 6.25, "FC350": 6.17, "FC550": 17.3, "FC550R": 17.3, "FC550RAW": 17.3,
    "FC6310": 13.2, "FC6310S": 13.2, "FC6310R": 13.2, "FC6360": 4.8,
    # DJI Inspire 2
    "FC6510": 13.2, "FC6520": 17.3, "FC6540": 23.5,
    # DJI Spark, Mavic, Air, Mini
    "FC1102": 6.17, "FC220": 6.25, "FC2103": 6.17, "FC230": 6.17, "FC2200": 6.17,
    "FC2204": 6.17, "FC2403": 6.17, "FC3170": 6.4, "FC3411": 13.2, "FC7203": 6.17,
    "FC7303": 6.17, "FC3582": 9.6, "FC3682": 9.6, "FC8482": 9.6, "FC8284": 9.6,
    "L1D-20C": 13.2, "L2D-20C": 17.3, "FC4170": 6.4, "MAVIC2-ENTERPRISE-ADVANCED": 6.4,
    "M2EA": 6.4,
    # DJI Enterprise
    "M3E": 17.3, "M3M": 17.3, "M3T": 6.4, "M4E": 17.3, "M30": 6.4, "M30T": 6.4,
    "ZENMUSEP1": 35.9, "ZP1": 35.9, "ZENMUSEH20W": 6.17, "ZH20W": 6.17,
    # Autel EVO II
    "XT701": 6.4, "XT705": 13.2, "XL705": 13.2, "XT709": 6.4,
    # Skydio, Parrot
    "2": 6.17, "2+": 6.17, "X2": 6.17, "ANAFI": 5.96, "ANAFIUSA": 5.96, "ANAFITHERMAL": 5.96,
    "ANAFIAI": 6.4,
}  # fmt: skip
"""Sensor width in mm by EXIF model, upper case without blanks."""


def find_sensor_width_mm(model: str | None) -> float | None:
    """Return the width of the sensor behind an EXIF model name, None where it is not known."""
    return SENSOR_WIDTH_MM.get((model or "").upper().replace(" ", ""))
