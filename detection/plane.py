"""A plane in metres around one place, for distances, areas and errors of a few kilometres."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from pyproj import CRS, Transformer

from detection.domain.geometry import FloatArray


@dataclass(frozen=True, eq=False)
class LocalPlane:
    """East and north metres from ``lon``, ``lat`` (EPSG:4326 degrees).

    Azimuthal equidistant: exact distance and bearing from the origin, lengths 1e-7 off at 5 km;
    no zones, so that flights across a zone border or the antimeridian need no special case.
    """

    lon: float
    lat: float
    _forward: Transformer = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Build the transformation once."""
        crs = CRS.from_proj4(
            f"+proj=aeqd +lat_0={self.lat:.12f} +lon_0={self.lon:.12f} +datum=WGS84 +units=m"
        )
        forward = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        object.__setattr__(self, "_forward", forward)

    def to_metres(self, lonlat: ArrayLike) -> FloatArray:
        """Return east and north metres ``(..., 2)`` of degrees ``(..., 2)``."""
        return self._transform(np.asarray(lonlat, dtype=np.float64), "FORWARD")

    def to_lonlat(self, metres: ArrayLike) -> FloatArray:
        """Return degrees ``(..., 2)``, longitude in [-180, 180), of metres ``(..., 2)``."""
        points = self._transform(np.asarray(metres, dtype=np.float64), "INVERSE")
        points[..., 0] = (points[..., 0] + 180.0) % 360.0 - 180.0
        return points

    def _transform(
        self, points: FloatArray, direction: Literal["FORWARD", "INVERSE"]
    ) -> FloatArray:
        # Two at least: of an array of one number pyproj makes a scalar in a way numpy deprecates.
        flat = np.vstack([points.reshape(-1, 2), np.zeros((2, 2))])
        first, second = self._forward.transform(flat[:, 0], flat[:, 1], direction=direction)
        return np.column_stack([first, second])[:-2].reshape(points.shape)
