"""The ground that usable photos cover, as one shape."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from detection.coverage.sightline import cut_ring
from detection.coverage.views import FlightView
from detection.domain.geometry import FloatArray
from detection.needs import Needs

_GRID_M = 0.01
_MILLIMETRE_M = 0.001


def cover_ground(flight: FlightView, needs: Needs) -> BaseGeometry:
    """Return the union of what usable photos show with pixels fine enough for a roof, metres.

    Drawn in by the margin of the flight: what is left is shown wherever the flight really was.
    """
    rings_m = [
        shapely.Polygon(_cut_where_coarse(flight, index, needs))
        for index in np.flatnonzero(flight.usable & ~shapely.is_empty(flight.rings_m))
    ]
    # Hilly ground may bend a ring over itself.
    shown = shapely.union_all(shapely.make_valid(rings_m), grid_size=_GRID_M)
    return shapely.buffer(shown, -flight.margin_m, join_style="mitre")


def _cut_where_coarse(flight: FlightView, index: int, needs: Needs) -> FloatArray:
    """Return the corners of the part of a footprint where a pixel is fine enough.

    On level ground the side of a pixel is depth^1.5 / (focal * sqrt(height)); the depth along the
    optical axis is linear, so the border of what is fine enough is a straight line.
    """
    corners = shapely.get_coordinates(flight.rings_m[index])[:-1]
    height_m = float(flight.cameras.height_m[index])
    max_gsd_m = needs.added_storey.max_gsd_mm * _MILLIMETRE_M
    max_depth_m = (max_gsd_m * flight.cameras.focal_px[index]) ** (2 / 3) * height_m ** (1 / 3)
    east, north, up = flight.cameras.axes[index, 2]
    depth_m = (corners - flight.feet_m[index]) @ np.array([east, north]) - height_m * up
    return cut_ring(corners, max_depth_m - depth_m)
