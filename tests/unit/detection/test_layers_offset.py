from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely

from detection.domain.geometry import FloatArray
from detection.layers.buildings import BuildingLayer
from detection.layers.covers import CoverLayer
from detection.layers.gcj02 import gcj02_from_wgs84
from detection.layers.offset import check_offset
from detection.plane import LocalPlane
from tests.drawn_layers import PLACE, build_buildings, build_covers

GRID = tuple((40.0 * x, 40.0 * y) for x in range(5) for y in range(5))


def shift(layer: BuildingLayer) -> BuildingLayer:
    """Return the layer as a Chinese web map gives it."""
    return BuildingLayer(
        tuple(
            replace(one, polygon=shapely.transform(one.polygon, gcj02_from_wgs84))
            for one in layer.buildings
        )
    )


def track(count: int = 20) -> FloatArray:
    """Return places along a line through the middles of the buildings."""
    metres = np.stack([np.linspace(0, 160, count), np.zeros(count)], axis=-1)
    return LocalPlane(*PLACE).to_lonlat(metres)


def test_a_layer_in_place_is_not_suspected() -> None:
    found = check_offset(build_buildings(*GRID), track())
    assert found is not None
    assert (found.share_as_declared, found.fits_gcj02, found.warning) == (1.0, False, None)


def test_a_shifted_layer_is_found_from_the_cameras() -> None:
    found = check_offset(shift(build_buildings(*GRID)), track())
    assert found is not None
    assert (found.share_as_declared, found.share_if_gcj02) == (0.0, 1.0)
    assert found.warning is not None
    assert found.warning.code == "layer_offset"
    assert 300.0 < found.offset_m < 700.0


def test_a_layer_of_a_whole_town_shows_it_by_covers_inside_of_buildings() -> None:
    """Every place is near some building then, but no cover stands in one."""
    town = build_buildings(*((14.0 * x, 20.0 * y) for x in range(-45, 46) for y in range(-30, 31)))
    streets = [(9.7 * n, 20.0 * (n % 9) + 10.0) for n in range(-30, 31)]
    covers = np.array([(one.lon, one.lat) for one in build_covers(*streets).covers])
    fits, shifted = (check_offset(one, covers, relation="outside") for one in (town, shift(town)))
    assert fits is not None
    assert (fits.share_as_declared, fits.fits_gcj02) == (1.0, False)
    assert shifted is not None
    assert shifted.share_as_declared < 0.9
    assert (shifted.share_if_gcj02, shifted.fits_gcj02) == (1.0, True)
    near = check_offset(shift(town), covers, radius_m=30.0)
    assert near is not None
    assert not near.fits_gcj02, "being near tells nothing in a whole town"


def test_covers_are_held_against_found_ones() -> None:
    inventory = build_covers(*GRID)
    found = np.array([(one.lon, one.lat) for one in inventory.covers])
    fits = check_offset(inventory, found, radius_m=5.0)
    assert fits is not None
    assert not fits.fits_gcj02
    moved = CoverLayer(
        tuple(
            replace(one, lon=float(lon), lat=float(lat))
            for one, (lon, lat) in zip(inventory.covers, gcj02_from_wgs84(found), strict=True)
        )
    )
    wrong = check_offset(moved, found, radius_m=5.0)
    assert wrong is not None
    assert wrong.fits_gcj02


def test_a_layer_of_another_place_is_not_called_gcj02() -> None:
    far = build_buildings(*((x + 5000.0, y) for x, y in GRID))
    found = check_offset(far, track())
    assert found is not None
    assert not found.fits_gcj02


@pytest.mark.parametrize("lonlat", [np.empty((0, 2)), np.array([PLACE] * 3)])
def test_a_few_places_tell_nothing(lonlat: FloatArray) -> None:
    assert check_offset(build_buildings((0.0, 0.0)), lonlat) is None


def test_outside_of_china_there_is_nothing_to_tell() -> None:
    assert check_offset(build_buildings((0.0, 0.0)), np.array([[7.62, 45.03]] * 9)) is None
