from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from detection.domain.errors import (
    LayerCrsMismatchError,
    LayerCrsUnknownError,
    LayerWithoutCrsError,
)
from detection.domain.geometry import FloatArray
from detection.layers.crs import choose_crs, convert_to_wgs84, parse_crs
from detection.layers.gcj02 import gcj02_from_wgs84, wgs84_from_gcj02

GEOD = Geod(ellps="WGS84")
IN_CHINA = st.tuples(st.floats(74.0, 135.0), st.floats(18.5, 53.0))


def distance_m(a: FloatArray, b: FloatArray) -> float:
    return float(GEOD.inv(*a[0], *b[0])[2])


def test_gcj02_is_the_published_one() -> None:
    """The pair that coordtransform and other implementations give for Tian'anmen."""
    there = gcj02_from_wgs84(np.array([[116.404, 39.915]]))
    assert there[0] == pytest.approx([116.41024449916938, 39.91640428150164], abs=1e-10)


@given(IN_CHINA)
def test_gcj02_comes_back_within_a_millimetre(place: tuple[float, float]) -> None:
    there = gcj02_from_wgs84(np.array([place]))
    assert 1.0 < distance_m(there, np.array([place])) < 1000.0
    assert distance_m(wgs84_from_gcj02(there), np.array([place])) < 0.001


def test_gcj02_leaves_other_countries_alone() -> None:
    places = np.array([[-0.1, 51.5], [7.62, 45.03], [151.2, -33.9]])
    assert gcj02_from_wgs84(places).tolist() == places.tolist()
    assert wgs84_from_gcj02(places).tolist() == places.tolist()


@pytest.mark.parametrize("name", ["GCJ-02", "gcj02", "GCJ 02", "火星坐标"])
def test_gcj02_has_many_spellings(name: str) -> None:
    assert parse_crs(name).name == "GCJ-02"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("WGS-84", "EPSG:4326"),
        ("CGCS2000", "EPSG:4490"),
        ("epsg:4547", "EPSG:4547"),
        ("EPSG:32650", "EPSG:32650"),
    ],
)
def test_systems_are_known_by_their_code(name: str, expected: str) -> None:
    crs = parse_crs(name)
    assert crs.name == expected
    assert crs.is_exact


@pytest.mark.parametrize("name", ["EPSG:4214", "EPSG:4610", "EPSG:2437"])
def test_an_old_datum_is_not_exact(name: str) -> None:
    assert not parse_crs(name).is_exact


@pytest.mark.parametrize("name", ["", "EPSG:1", "somewhere"])
def test_an_unknown_system_is_refused_with_examples(name: str) -> None:
    with pytest.raises(LayerCrsUnknownError, match=r"EPSG:4547"):
        parse_crs(name)


def test_a_file_that_says_nothing_needs_a_declaration() -> None:
    with pytest.raises(LayerWithoutCrsError, match=r"roads\.shp .*declare it"):
        choose_crs(None, None, "roads.shp")
    assert choose_crs("CGCS2000", None, "roads.shp").name == "EPSG:4490"


def test_the_declaration_overrules_the_file() -> None:
    assert choose_crs("GCJ-02", "EPSG:4326", "a.geojson").name == "GCJ-02"


@pytest.mark.parametrize("code", ["EPSG:4545", "EPSG:4524", "EPSG:32648", "EPSG:3857"])
def test_projected_coordinates_come_to_the_same_place(code: str) -> None:
    place = np.array([[106.55, 29.56]])
    east, north = Transformer.from_crs("EPSG:4490", code, always_xy=True).transform(*place.T)
    found = convert_to_wgs84(np.stack([east, north], axis=-1), parse_crs(code))
    assert distance_m(found, place) < 0.01


@pytest.mark.parametrize(
    ("xy", "name"),
    [
        ([[553000.0, 3271000.0]], "EPSG:4326"),  # metres called degrees
        ([[553000.0, 3271000.0]], "GCJ-02"),
        ([[29.56, 106.55]], "CGCS2000"),  # latitude first
        ([[106.55, 29.56]], "EPSG:4547"),  # degrees called metres
        ([[38553000.0, 3271000.0]], "EPSG:4547"),  # the number of the zone before the easting
        ([[np.inf, 29.0]], "EPSG:4326"),
    ],
)
def test_coordinates_that_cannot_be_of_the_system_are_refused(
    xy: list[list[float]], name: str
) -> None:
    with pytest.raises(LayerCrsMismatchError, match="Declare the system"):
        convert_to_wgs84(np.array(xy), parse_crs(name))


def test_nothing_is_fetched_whatever_the_environment_says() -> None:
    code = (
        "import detection.layers.crs, pyproj.network, pyogrio;"
        "print(pyproj.network.is_network_enabled());"
        "import detection.terrain, rasterio;"
        "rasterio.open('/vsicurl/http://127.0.0.1:9/a.tif')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PROJ_NETWORK": "ON"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "False"
    assert "does not exist in the file system" in done.stderr
