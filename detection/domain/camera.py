"""Camera intrinsics and pose, with the standard deviation of every number."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CameraIntrinsics:
    """Pinhole camera in pixels of the full photo.

    ``focal_px`` is the focal length in pixels, (``cx_px``, ``cy_px``) the principal point.
    ``source`` says where the focal length came from (for example ``xmp:CalibratedFocalLength``),
    ``focal_std_px`` is one standard deviation where the source states or implies one.
    ``distortion`` is (k1, k2, p1, p2, k3) of Brown's lens model in the order of OpenCV, in units
    of the focal length; None where the photo does not say.
    """

    width_px: int
    height_px: int
    focal_px: float
    cx_px: float
    cy_px: float
    source: str
    focal_std_px: float | None = None
    distortion: tuple[float, float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class CameraPose:
    """Where the camera stood and how it looked.

    ``lon``/``lat`` are EPSG:4326 degrees. ``altitude_agl_m`` is metres above the take-off point
    (taken as the ground), ``altitude_m`` metres above the datum the camera names. Yaw is degrees
    clockwise from north, pitch degrees above the horizon (-90 looks straight down), roll degrees
    clockwise seen from behind the camera; ``None`` where the photo does not say. The ``*_std_*``
    fields are one standard deviation. ``source`` names where each group of numbers came from, as
    ``position=xmp+rtk;altitude=xmp;angles=xmp``.
    """

    lon: float
    lat: float
    altitude_agl_m: float | None
    altitude_m: float | None
    yaw_deg: float | None
    pitch_deg: float | None
    roll_deg: float | None
    horizontal_std_m: float
    vertical_std_m: float
    yaw_std_deg: float
    pitch_std_deg: float
    roll_std_deg: float
    source: str

    @property
    def is_complete(self) -> bool:
        """Whether a pixel can be turned into a ray that meets the ground."""
        return None not in (self.altitude_agl_m, self.yaw_deg, self.pitch_deg, self.roll_deg)


def compute_gsd_m(intrinsics: CameraIntrinsics, distance_m: float) -> float:
    """Ground sampling distance in metres per pixel: distance divided by the focal length in px."""
    if not math.isfinite(distance_m) or distance_m <= 0:
        message = "distance_m must be a positive number"
        raise ValueError(message)
    return distance_m / intrinsics.focal_px
