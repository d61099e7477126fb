"""How well a drone knows where it was and how it looked."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from training.synthetic.camera import Array
from training.synthetic.textures import Rng

PHOTO_SHARE = 0.2
"""Share of a receiver's and a compass's deviation that is new in every photo: their errors drift
over minutes, so that the photos of a flight have most of them in common."""

GIMBAL_PHOTO_SHARE = 0.6
"""The same for a gimbal: a zero point that is off, and a stabiliser that trembles."""


class NoiseKind(StrEnum):
    """How far the written pose is from the true one."""

    NONE = "none"
    GPS = "gps"
    RTK = "rtk"


@dataclass(frozen=True, slots=True)
class Spread:
    """Two standard deviations: of one offset that a whole flight shares, of a new one a photo."""

    shared: float
    photo: float

    @property
    def total(self) -> float:
        """Standard deviation of both together."""
        return math.hypot(self.shared, self.photo)


def split_spread(total: float, photo_share: float) -> Spread:
    """Return the parts of a total deviation; ``photo_share`` of it is new in every photo."""
    return Spread(total * math.sqrt(1 - photo_share**2), total * photo_share)


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """Errors of position (per axis) and height in metres, of yaw and of the gimbal in degrees.

    ``has_rtk`` tells that the camera writes an RTK solution with its deviations; ``focal_share``
    is the deviation of a survey's calibrated focal length as a share of it.
    """

    position_m: Spread
    height_m: Spread
    yaw_deg: Spread
    gimbal_deg: Spread
    has_rtk: bool = False
    focal_share: float = 0.0

    def draw_shared(self, rng: Rng) -> Array:
        """East, north, up (m) and yaw (degrees) by which a whole flight is off, (4,)."""
        spreads = (self.position_m, self.position_m, self.height_m, self.yaw_deg)
        return np.asarray(rng.normal(0, 1, 4) * [one.shared for one in spreads], dtype=np.float64)


_NOISE = {
    NoiseKind.NONE: NoiseModel(Spread(0, 0), Spread(0, 0), Spread(0, 0), Spread(0, 0)),
    NoiseKind.GPS: NoiseModel(
        Spread(0.5, 0.2), Spread(0.3, 0.3), Spread(0.7, 0.15), Spread(0, 0.15)
    ),
    NoiseKind.RTK: NoiseModel(
        Spread(0.01, 0.01), Spread(0.02, 0.02), Spread(0.3, 0.1), Spread(0, 0.1), has_rtk=True
    ),
}


def choose_noise(
    kind: NoiseKind,
    *,
    gps_std_m: float | None = None,
    height_std_m: float | None = None,
    gimbal_std_deg: float | None = None,
    yaw_std_deg: float | None = None,
) -> NoiseModel:
    """Return the noise of a kind, with the total deviations that are given in place of its own."""
    model = _NOISE[kind]
    if gps_std_m is not None:
        model = replace(model, position_m=split_spread(gps_std_m, PHOTO_SHARE))
    if height_std_m is not None:
        model = replace(model, height_m=split_spread(height_std_m, PHOTO_SHARE))
    if gimbal_std_deg is not None:
        model = replace(model, gimbal_deg=split_spread(gimbal_std_deg, GIMBAL_PHOTO_SHARE))
    if yaw_std_deg is not None:
        model = replace(model, yaw_deg=split_spread(yaw_std_deg, PHOTO_SHARE))
    return model
