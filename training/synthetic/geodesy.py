"""Between the street's own metres, east-north metres and longitude, latitude."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from training.synthetic.camera import Array

WGS84_A_M = 6378137.0
WGS84_F = 1 / 298.257223563


@dataclass(frozen=True, slots=True)
class StreetFrame:
    """Where the street's origin lies and which way its x axis points (clockwise from north).

    Within 150 m of the origin the two radii of curvature give longitude and latitude to better
    than 5 mm; heights are metres above the street.
    """

    lon: float
    lat: float
    heading_deg: float

    @property
    def enu_from_street(self) -> Array:
        """Rotation ``(3, 3)`` from street axes to east-north-up."""
        sine, cosine = (f(math.radians(self.heading_deg)) for f in (math.sin, math.cos))
        return np.array([[sine, -cosine, 0.0], [cosine, sine, 0.0], [0.0, 0.0, 1.0]])

    def lonlat_from_street(self, point: Array) -> tuple[float, float]:
        """Longitude and latitude in degrees of a street point (2,) or (3,)."""
        east, north = self.enu_from_street[:2, :2] @ point[:2]
        return self.lonlat_from_enu(float(east), float(north))

    def lonlat_from_enu(self, east_m: float, north_m: float) -> tuple[float, float]:
        """Longitude and latitude in degrees of a point east and north of the origin."""
        squared = WGS84_F * (2 - WGS84_F)
        root = math.sqrt(1 - squared * math.sin(math.radians(self.lat)) ** 2)
        meridian_m = WGS84_A_M * (1 - squared) / root**3
        parallel_m = WGS84_A_M / root * math.cos(math.radians(self.lat))
        lat = self.lat + math.degrees(north_m / meridian_m)
        # Parallels shrink towards the pole: correct the first order of that along north.
        shrink = 1 - math.tan(math.radians(self.lat)) * north_m / (WGS84_A_M / root)
        return self.lon + math.degrees(east_m / (parallel_m * shrink)), lat
