"""Declared coordinate systems, and the one conversion to EPSG:4326.

CGCS2000 is taken as equal to WGS-84: the two differ by centimetres to decimetres. GCJ-02 is no
coordinate system of the registry and is undone by its own formula.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from detection.domain.errors import (
    LayerCrsMismatchError,
    LayerCrsUnknownError,
    LayerWithoutCrsError,
)
from detection.domain.geometry import FloatArray
from detection.layers.gcj02 import wgs84_from_gcj02

GCJ02 = "GCJ-02"
WGS84 = "EPSG:4326"
_ALIASES = {
    "GCJ02": GCJ02,
    "火星坐标": GCJ02,
    "WGS84": WGS84,
    "CGCS2000": "EPSG:4490",
    "国家2000": "EPSG:4490",
}
_GLOBAL_DATUMS = ("world geodetic system 1984", "china 2000", "wgs 84", "cgcs2000", "china_2000")
_EXAMPLES = "EPSG:4326, CGCS2000, EPSG:4547 (CGCS2000, 3 degrees, 114 E), EPSG:32650 or GCJ-02"
_MAX_LONLAT_DEG = (360.0, 90.0)
"""Longitudes may run on beyond 180: files that cross the antimeridian do that."""

_OUTSIDE_DEG = 6.0
"""So far may data lie from where its system is meant to be used: one zone."""


@dataclass(frozen=True, slots=True)
class LayerCrs:
    """A coordinate system by its name; ``crs`` is None for GCJ-02."""

    name: str
    crs: CRS | None

    @property
    def is_exact(self) -> bool:
        """Whether the conversion to EPSG:4326 is good to a metre without parameters of a city."""
        if self.crs is None:
            return True
        geodetic = self.crs.geodetic_crs
        datum = geodetic.datum if geodetic is not None else None
        return datum is not None and datum.name.lower().startswith(_GLOBAL_DATUMS)


def parse_crs(name: str) -> LayerCrs:
    """Return the system of a declared name: EPSG code, WKT, GCJ-02, WGS84 or CGCS2000.

    Raises:
        LayerCrsUnknownError: there is none of that name.
    """
    plain = re.sub(r"[\s_-]", "", name).upper()
    known = _ALIASES.get(plain, name)
    if known == GCJ02:
        return LayerCrs(GCJ02, None)
    try:
        crs = CRS.from_user_input(known)
    except CRSError as error:
        message = f"The coordinate system {name!r} is not known."
        raise LayerCrsUnknownError(message, remedy=f"Give for example {_EXAMPLES}.") from error
    authority = crs.to_authority()
    return LayerCrs(":".join(authority) if authority else crs.name, crs)


def choose_crs(declared: str | None, of_file: str | None, file_name: str) -> LayerCrs:
    """Return the declared system, else that of the file: files of GCJ-02 claim to be WGS-84.

    Raises:
        LayerWithoutCrsError: neither says anything.
        LayerCrsUnknownError: what is said is no system.
    """
    name = declared or of_file
    if not name:
        message = f"{file_name} does not say which coordinate system it is in."
        remedy = f"Ask whoever made it and declare it (--crs, 坐标系): {_EXAMPLES}."
        raise LayerWithoutCrsError(message, remedy=remedy)
    return parse_crs(name)


def convert_to_wgs84(coordinates: FloatArray, source: LayerCrs) -> FloatArray:
    """Return EPSG:4326 degrees ``(n, 2)``, longitude first, of coordinates in file order (x, y).

    Raises:
        LayerCrsMismatchError: the coordinates cannot be of that system.
    """
    if source.crs is None:
        lonlat = wgs84_from_gcj02(coordinates) if _are_degrees(coordinates) else coordinates
    elif source.name == WGS84:
        lonlat = coordinates
    else:
        lonlat = _transform(coordinates, source.crs)
    if not _are_degrees(lonlat) or not _is_in_use(lonlat, source.crs):
        _refuse(coordinates, source.name)
    return lonlat


def _transform(coordinates: FloatArray, crs: CRS) -> FloatArray:
    try:
        transformer = Transformer.from_crs(crs, WGS84, always_xy=True)
        lon, lat = transformer.transform(coordinates[:, 0], coordinates[:, 1])
    except ProjError:
        return np.full_like(coordinates, np.inf)
    return np.stack([lon, lat], axis=-1).astype(np.float64)


def _are_degrees(lonlat: FloatArray) -> bool:
    is_inside = np.abs(lonlat) <= _MAX_LONLAT_DEG
    return bool(np.all(np.isfinite(lonlat)) and np.all(is_inside))


def _is_in_use(lonlat: FloatArray, crs: CRS | None) -> bool:
    """Whether the middle lies near the area for which the system is made."""
    area = crs.area_of_use if crs is not None else None
    if area is None or not len(lonlat) or area.west > area.east:
        return True
    lon, lat = np.median(lonlat, axis=0)
    return bool(
        area.west - _OUTSIDE_DEG <= lon <= area.east + _OUTSIDE_DEG
        and area.south - _OUTSIDE_DEG <= lat <= area.north + _OUTSIDE_DEG
    )


def _refuse(coordinates: FloatArray, name: str) -> None:
    finite = coordinates[np.all(np.isfinite(coordinates), axis=1)]
    first = f" (such as {finite[0][0]:.10g}, {finite[0][1]:.10g})" if len(finite) else ""
    message = f"The coordinates{first} cannot be of {name}."
    remedy = (
        "Declare the system that the file is really in"
        f" ({_EXAMPLES}), and check that x is the longitude or easting and y the other."
    )
    raise LayerCrsMismatchError(message, remedy=remedy)
