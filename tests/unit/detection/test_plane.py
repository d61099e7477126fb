"""The plane in metres around a place."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from detection.plane import LocalPlane

LONS, LATS = st.floats(-180.0, 179.99), st.floats(-80.0, 80.0)
GEOD = Geod(ellps="WGS84")
OFFSETS = st.floats(-5000.0, 5000.0)


@settings(max_examples=50)
@given(lon=LONS, lat=LATS, east=OFFSETS, north=OFFSETS)
def test_metres_come_back_and_are_those_of_the_geodesic(
    lon: float, lat: float, east: float, north: float
) -> None:
    plane = LocalPlane(lon, lat)
    there = plane.to_lonlat((east, north))
    # Within a millimetre of the origin PROJ says that it is the origin.
    assert plane.to_metres(there) == pytest.approx((east, north), abs=1e-3)
    _, _, distance = GEOD.inv(lon, lat, float(there[0]), float(there[1]))
    assert distance == pytest.approx(math.hypot(east, north), abs=1e-3)


def test_the_antimeridian_is_no_border() -> None:
    east, _ = LocalPlane(179.999, 0.0).to_metres((-179.999, 0.0))
    assert float(east) == pytest.approx(222.6, abs=0.1)


@pytest.mark.parametrize("shape", [(2,), (0, 2), (1, 2), (3, 2), (2, 3, 2)])
@pytest.mark.filterwarnings("error")
def test_any_number_of_points_keeps_its_shape(shape: tuple[int, ...]) -> None:
    plane = LocalPlane(113.0, 23.0)
    assert plane.to_metres(np.full(shape, 23.0)).shape == shape
    assert plane.to_lonlat(np.zeros(shape)).shape == shape
