"""GCJ-02, the coordinates of Chinese web maps, to and from WGS-84.

Used in two places only: to read a layer that is declared as GCJ-02, and at the edge to a map that
wants it. Nothing is stored in it. The formula was never published officially; it is the one on
which the open implementations agree (wandergis/coordtransform, whose axis of the ellipsoid is
taken here; googollee/eviltransform takes another, which moves places by a centimetre), written
anew for arrays.
Inside the country the offset is some hundred metres, at most 700 m.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import FloatArray

_AXIS_M = 6_378_245.0
"""Semi-major axis and squared eccentricity of the Krasovsky 1940 ellipsoid."""
_ECCENTRICITY_2 = 0.00669342162296594323

_ORIGIN = (105.0, 35.0)
BOUNDS = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east and north degrees outside which GCJ-02 equals WGS-84."""

_INVERSE_STEPS = 6
"""Each leaves less than a hundredth of the error: 7 m after one, 0.3 mm after three, at most."""


def gcj02_from_wgs84(lonlat: FloatArray) -> FloatArray:
    """Return GCJ-02 degrees ``(n, 2)``, longitude first, of WGS-84 degrees ``(n, 2)``."""
    places = np.asarray(lonlat, dtype=np.float64)
    return np.where(_is_inside(places)[:, None], places + _offset_deg(places), places)


def wgs84_from_gcj02(lonlat: FloatArray) -> FloatArray:
    """Return WGS-84 degrees ``(n, 2)`` of GCJ-02 degrees ``(n, 2)``, by iteration.

    Exact to a micrometre; subtracting the offset once would leave up to 7 m.
    """
    places = np.asarray(lonlat, dtype=np.float64)
    found = places
    for _ in range(_INVERSE_STEPS):
        found = places - (gcj02_from_wgs84(found) - found)
    return found


def _is_inside(places: FloatArray) -> NDArray[np.bool_]:
    west, south, east, north = BOUNDS
    lon, lat = places[:, 0], places[:, 1]
    return np.asarray((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))


def _offset_deg(places: FloatArray) -> FloatArray:
    """Return what GCJ-02 adds to longitude and latitude, degrees ``(n, 2)``."""
    east, north = places[:, 0] - _ORIGIN[0], places[:, 1] - _ORIGIN[1]
    bend = np.sqrt(np.abs(east))
    ripple = _ripple(east, (6.0, 20.0), (2.0, 20.0))
    lat_wave = -100.0 + 2.0 * east + 3.0 * north + 0.2 * north**2 + 0.1 * east * north + 0.2 * bend
    lat_wave += ripple + _ripple(north, (1.0, 20.0), (1 / 3, 40.0))
    lat_wave += _ripple(north, (1 / 12, 160.0), (1 / 30, 320.0))
    lon_wave = 300.0 + east + 2.0 * north + 0.1 * east**2 + 0.1 * east * north + 0.1 * bend
    lon_wave += ripple + _ripple(east, (1.0, 20.0), (1 / 3, 40.0))
    lon_wave += _ripple(east, (1 / 12, 150.0), (1 / 30, 300.0))
    lat = np.radians(places[:, 1])
    curvature = 1.0 - _ECCENTRICITY_2 * np.sin(lat) ** 2
    meridian_m = _AXIS_M * (1.0 - _ECCENTRICITY_2) / curvature**1.5
    parallel_m = _AXIS_M / np.sqrt(curvature) * np.cos(lat)
    return np.stack([np.degrees(lon_wave / parallel_m), np.degrees(lat_wave / meridian_m)], axis=-1)


def _ripple(degrees: FloatArray, *waves: tuple[float, float]) -> FloatArray:
    """Return 2/3 of the sum of sines, each given as (half-waves per degree, amplitude in m)."""
    parts = [height * np.sin(degrees * rate * np.pi) for rate, height in waves]
    return np.asarray(2.0 / 3.0 * np.sum(parts, axis=0))
