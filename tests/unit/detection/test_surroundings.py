from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import shapely
from pyproj import CRS

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.ellipse import CHI2_95_2D
from detection.domain.errors import InvalidInputError
from detection.domain.finding import AreaMembership, Detection, GroundPoint
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo
from detection.domain.reasons import REASONS
from detection.domain.sight import SightColumn
from detection.georeference import (
    Surroundings,
    assign_areas,
    georeference_detection,
    judge_sizes,
    place_pixel,
    place_pixels,
)
from detection.georeference.ground import TerrainGround
from detection.georeference.sights import build_sights, list_stds
from detection.georeference.spread import compute_spread, move_sights
from detection.layers.areas import Area, AreaLayer
from detection.plane import LocalPlane
from detection.taxonomy import load_taxonomy
from detection.terrain import Terrain

LON, LAT = 106.55, 29.56
PLANE = LocalPlane(LON, LAT)
CAMERA = CameraIntrinsics(4000, 3000, 3000.0, 2000.0, 1500.0, "xmp:CalibratedFocalLength")
POSE = CameraPose(LON, LAT, 60.0, None, 90.0, -45.0, 0.0, 0.05, 0.3, 0.5, 0.2, 0.2, "test")
PHOTO = Photo("a.jpg", Path("a.jpg"), "0" * 64, 4000, 3000, None, "M", CAMERA, POSE)


def build_terrain(rise: float, half_m: float = 600.0, **more: float) -> Terrain:
    """A slope that rises to the east, ``rise`` metres a metre; zero under LON, LAT."""
    crs = CRS.from_proj4(f"+proj=aeqd +lat_0={LAT} +lon_0={LON} +datum=WGS84")
    cells = np.array([[1.0, 0.0, half_m], [0.0, -1.0, half_m]])
    east = np.arange(-half_m, half_m) + 0.5
    heights = 300.0 + rise * east[None, :] + np.zeros((len(east), 1))
    return Terrain(heights, cells, crs, **more)  # type: ignore[arg-type]


def settled(rise: float, **more: float) -> Surroundings:
    return Surroundings(build_terrain(rise, takeoff_height_m=300.0, **more))


def test_rising_ground_is_met_sooner() -> None:
    ground = place_pixel(PHOTO, 2000.0, 1500.0, surroundings=settled(0.2, std_m=0.0))
    assert PLANE.to_metres((ground.lon, ground.lat)) == pytest.approx([50.0, 0.0], abs=0.05)
    assert ground.method == "terrain"


def test_a_level_terrain_is_the_plane() -> None:
    pixels = [(2000.0, 1500.0), (100.0, 200.0), (3900.0, 2900.0)]
    plain = place_pixels(PHOTO, pixels)
    level = place_pixels(PHOTO, pixels, surroundings=settled(0.0, std_m=0.0))
    assert level.lonlat == pytest.approx(plain.lonlat, abs=1e-8)
    assert level.covariances == pytest.approx(plain.covariances, rel=1e-3)
    assert level.distances_m == pytest.approx(plain.distances_m, rel=1e-5)
    assert level.heights_m == pytest.approx(np.zeros(3), abs=1e-3)


def test_ground_that_falls_away_makes_a_place_less_sure() -> None:
    errors = [
        place_pixel(PHOTO, 2000.0, 1500.0, surroundings=settled(rise)).cov_ee_m2
        for rise in (0.3, 0.0, -0.3)
    ]
    assert errors == sorted(errors)


def test_the_error_of_the_model_counts() -> None:
    sure, unsure = (
        place_pixel(PHOTO, 2000.0, 1500.0, surroundings=settled(0.0, std_m=std_m))
        for std_m in (0.0, 5.0)
    )
    assert unsure.cov_ee_m2 - sure.cov_ee_m2 == pytest.approx(25.0, rel=0.01)
    assert unsure.cov_nn_m2 == pytest.approx(sure.cov_nn_m2, rel=0.01)


@pytest.mark.parametrize("pitch_deg", [-90.0, -40.0])
@pytest.mark.parametrize("shape", ["hills", "terraces"])
def test_on_uneven_ground_the_ellipse_holds_the_truth(shape: str, pitch_deg: float) -> None:
    """One truth for each of 1,500 photos, whose poses are wrong by what they claim."""
    rng = np.random.default_rng(5)
    east, north = np.meshgrid(np.arange(-600, 600) + 0.5, -np.arange(-600, 600) - 0.5)
    heights = {
        "hills": 12 * np.sin(east / 60) + 8 * np.sin(north / 45),
        "terraces": 6 * np.floor((east + 0.3 * north) % 200 / 40),
    }
    flat = build_terrain(0.0, takeoff_height_m=0.0, std_m=0.5)
    pose = replace(POSE, pitch_deg=pitch_deg, horizontal_std_m=1.5, vertical_std_m=3.0)
    ground = TerrainGround(replace(flat, heights=heights[shape]), pose)
    sights = build_sights(pose, CAMERA, np.full((1500, 2), 1700.0), 0.0)
    sights[:, [SightColumn.EAST, SightColumn.NORTH]] = rng.uniform(-150, 150, (1500, 2))
    sights[:, SightColumn.YAW] = rng.uniform(-180, 180, 1500)
    stds = list_stds(pose, CAMERA, ground.std_m, (2.0, 2.0), 1500)
    truths = ground.meet(sights + rng.normal(0, stds), CAMERA)[:, :2]
    places = ground.meet(sights, CAMERA)[:, :2]
    moved = move_sights(sights, stds)
    ends = ground.meet(moved.reshape(-1, len(SightColumn)), CAMERA)[:, :2]
    covariances = compute_spread(ends.reshape(*moved.shape[:3], 2), places)
    away = truths - places
    squared = np.sum(away * np.linalg.solve(covariances, away[..., None])[..., 0], axis=1)
    assert 0.93 <= np.mean(squared <= CHI2_95_2D) <= 0.97


@pytest.mark.parametrize(
    ("pose", "reason"),
    [
        (replace(POSE, lon=LON + 0.0058), "outside_terrain"),
        (replace(POSE, pitch_deg=-4.0), "above_horizon"),
        (replace(POSE, altitude_agl_m=-3.0), "below_target"),
    ],
)
def test_what_has_no_place_on_the_terrain_says_why(pose: CameraPose, reason: str) -> None:
    placed = place_pixels(replace(PHOTO, pose=pose), [(2000.0, 1500.0)], surroundings=settled(0.0))
    assert placed.reasons == (reason,)
    assert placed.ground(0) is None
    assert np.isnan(placed.lonlat).all()
    assert reason in REASONS


def test_many_pixels_are_placed_as_each_alone() -> None:
    pixels = [(2000.0, 1500.0), (30.0, 10.0), (2000.0, -9000.0), (3999.0, 2500.0)]
    together = place_pixels(PHOTO, pixels, target_height_m=2.0, target_height_std_m=0.5)
    assert together.reasons == (None, None, "above_horizon", None)
    for index in (0, 1, 3):
        alone = place_pixel(PHOTO, *pixels[index], target_height_m=2.0, target_height_std_m=0.5)
        assert together.ground(index) == alone
    assert len(together) == 4
    assert place_pixels(PHOTO, np.empty((0, 2))).lonlat.shape == (0, 2)


def test_a_size_is_judged_at_the_height_of_the_ground() -> None:
    nadir = replace(PHOTO, pose=replace(POSE, pitch_deg=-90.0, altitude_agl_m=20.0))
    # 7 m on flat ground 20 m below; 2.1 m on a hill that comes up to 6 m below the camera.
    half_px = 7.0 * 3000 / 20 / 2
    box = BBox(2000 - half_px, 1500 - half_px, 2000 + half_px, 1500 + half_px)
    found = Detection("a.jpg", HazardClass.MANHOLE_MISSING, 0.9, box, "m", "1" * 64)
    hill = Surroundings(build_terrain(0.0, takeoff_height_m=286.0, std_m=0.1))
    for surroundings, plausible in ((None, False), (hill, True)):
        placed = georeference_detection(found, nadir, load_taxonomy(), surroundings=surroundings)
        assert placed.ground is not None
        answers = judge_sizes([placed], nadir, load_taxonomy(), surroundings=surroundings)
        assert answers == [plausible]


def taken(number: int, minute: int | None, **pose: float) -> Photo:
    at = None if minute is None else datetime(2026, 3, 1, 9, minute, tzinfo=UTC)
    return replace(
        PHOTO,
        photo_id=f"{number}.jpg",
        captured_at=at,
        pose=replace(POSE, **pose),  # type: ignore[arg-type]
    )


def test_the_zero_of_a_terrain_is_under_the_first_photo_in_time() -> None:
    lon = float(PLANE.to_lonlat((100.0, 0.0))[0])
    photos = [taken(0, None), taken(1, 7), taken(2, 3, lon=lon), replace(PHOTO, pose=None)]
    terrain = Surroundings(build_terrain(0.2)).settle(photos).terrain
    assert terrain is not None
    assert terrain.takeoff_height_m == pytest.approx(320.0, abs=0.01)
    assert terrain.takeoff_std_m > 1.0
    assert Surroundings(terrain).settle([]).terrain is terrain


def test_a_terrain_elsewhere_is_refused_and_one_without_photos_left_out() -> None:
    surroundings = Surroundings(build_terrain(0.0))
    with pytest.raises(InvalidInputError, match="no height at the flight"):
        surroundings.settle([taken(0, 1, lat=LAT + 1.0)])
    assert surroundings.settle([replace(PHOTO, pose=None)]).terrain is None
    assert Surroundings().settle([]) == Surroundings()


def test_a_first_photo_that_is_elsewhere_does_not_set_the_zero() -> None:
    photos = [taken(0, 1, lon=LON - 180.0, lat=-LAT), taken(1, 2)]
    terrain = Surroundings(build_terrain(0.2)).settle(photos).terrain
    assert terrain is not None
    assert terrain.takeoff_height_m == pytest.approx(300.0, abs=0.2)


def area(area_id: str, level: str, west: float, east: float, half_m: float = 100.0) -> Area:
    shape = shapely.transform(shapely.box(west, -half_m, east, half_m), PLANE.to_lonlat)
    return Area(area_id, f"名{area_id}", level, shape)


AREAS = AreaLayer(
    (
        area("5001", "区", -5000, 5000, 5000),
        area("g1", "网格", -100, 0),
        area("g2", "网格", 0, 100),
        area("g3", "网格", 103, 200),
    )
)


def ground_at(east_m: float, std_m: float) -> GroundPoint:
    lon, lat = PLANE.to_lonlat((east_m, 0.0)).tolist()
    return GroundPoint(lon, lat, std_m**2, 0.0, std_m**2, "flat_ground")


def test_a_place_has_one_area_of_each_level() -> None:
    assert assign_areas(ground_at(-50.0, 2.0), AREAS) == (
        AreaMembership("区", "5001", "名5001", near_border=False),
        AreaMembership("网格", "g1", "名g1", near_border=False),
    )


@pytest.mark.parametrize(("east_m", "near_border"), [(4.8, True), (5.0, False)])
def test_a_border_is_near_where_the_ellipse_reaches_it(east_m: float, *, near_border: bool) -> None:
    *_, grid = assign_areas(ground_at(east_m, 2.0), AREAS)
    assert (grid.area_id, grid.near_border) == ("g2", near_border)


def test_a_place_in_a_gap_belongs_to_the_likelier_neighbour() -> None:
    *_, grid = assign_areas(ground_at(102.0, 2.0), AREAS)
    assert (grid.area_id, grid.near_border) == ("g3", True)


def test_outside_of_everything_is_in_nothing() -> None:
    assert assign_areas(ground_at(9000.0, 2.0), AREAS) == ()
    assert assign_areas(ground_at(0.0, 2.0), AreaLayer(())) == ()


def test_a_place_without_error_is_in_its_area() -> None:
    *_, grid = assign_areas(ground_at(50.0, 0.0), AREAS)
    assert (grid.area_id, grid.near_border) == ("g2", False)
