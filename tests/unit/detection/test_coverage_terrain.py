"""Coverage over ground that is not flat."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import CRS

from detection.coverage.coverage import SeenState
from detection.coverage.footprint import Footprint, compute_footprints
from detection.coverage.measure import measure_coverage
from detection.domain.geometry import FloatArray
from detection.plane import LocalPlane
from detection.terrain import Terrain
from tests.drawn_layers import PLACE, build_area, build_covers, pose_photo

PLANE = LocalPlane(*PLACE)
CELL_DEG = 2e-5
COUNT = 600


def build_terrain(rise_m: float, from_east_m: float) -> Terrain:
    """Return ground at 300 m that rises by a step somewhere to the east of `PLACE`."""
    west, north = PLACE[0] - CELL_DEG * COUNT / 2, PLACE[1] + CELL_DEG * COUNT / 2
    to_cell = np.array([[1 / CELL_DEG, 0, -west / CELL_DEG], [0, -1 / CELL_DEG, north / CELL_DEG]])
    lon = west + (np.arange(COUNT) + 0.5) * CELL_DEG
    east_m = PLANE.to_metres(np.column_stack([lon, np.full(COUNT, PLACE[1])]))[:, 0]
    row = np.where(east_m > from_east_m, 300.0 + rise_m, 300.0)
    return Terrain(np.tile(row, (COUNT, 1)), to_cell, CRS(4326)).at_takeoff(*PLACE)


def corners_m(footprint: Footprint) -> FloatArray:
    return PLANE.to_metres(np.array(footprint.ring))


def test_over_a_plateau_a_photo_shows_less() -> None:
    terrain = build_terrain(20.0, 100.0)
    low, high = compute_footprints([pose_photo(), pose_photo(300.0, name="high.jpg")], terrain)
    assert shapely.Polygon(corners_m(low)).area == pytest.approx(90.0 * 60.0, rel=0.01)
    assert shapely.Polygon(corners_m(high)).area == pytest.approx(60.0 * 40.0, rel=0.01)
    assert high.gsd_m == pytest.approx(40.0 / 3648.0, rel=0.01)


def test_a_step_in_the_picture_bends_the_ring() -> None:
    (found,) = compute_footprints([pose_photo()], build_terrain(20.0, 10.0))
    assert corners_m(found)[:, 0].min() == pytest.approx(-45.0, abs=0.5)
    assert corners_m(found)[:, 0].max() == pytest.approx(30.0, abs=0.5)


def test_a_cover_on_a_plateau_is_nearer_to_the_camera() -> None:
    covers = build_covers((300.0, 0.0))
    photos = [pose_photo(300.0, height_m=70.0)]
    states = []
    for terrain in (None, build_terrain(20.0, 100.0)):
        footprints = compute_footprints(photos, terrain)
        found = measure_coverage(
            footprints, covers=covers, area=build_area(50.0, 300.0), terrain=terrain
        )
        states.append(found.targets[0].state)
    assert states == [SeenState.TOO_COARSE, SeenState.SEEN]


def test_outside_of_the_model_the_ground_is_flat() -> None:
    (plain,) = compute_footprints([pose_photo(5000.0)])
    (found,) = compute_footprints([pose_photo(5000.0)], build_terrain(20.0, 100.0))
    assert shapely.Polygon(corners_m(found)).hausdorff_distance(
        shapely.Polygon(corners_m(plain))
    ) == pytest.approx(0.0, abs=1e-6)
