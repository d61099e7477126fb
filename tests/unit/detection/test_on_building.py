from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.ellipse import CHI2_95_2D, compute_error_m
from detection.domain.finding import BuildingPart, Detection, GeoDetection, GroundPoint
from detection.domain.geometry import BBox, FloatArray
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo
from detection.georeference import Surroundings, georeference_detection, view_target
from detection.georeference.walls import collect_walls, meet_walls
from detection.layers.buildings import Building, BuildingLayer
from detection.plane import LocalPlane
from detection.taxonomy import load_taxonomy
from detection.terrain import Terrain

LON, LAT = 106.55, 29.56
PLANE = LocalPlane(LON, LAT)
CAMERA = CameraIntrinsics(4000, 3000, 3000.0, 2000.0, 1500.0, "xmp:CalibratedFocalLength")
RTK = CameraPose(LON, LAT, 10.0, None, 0.0, 0.0, 0.0, 0.05, 0.3, 0.5, 0.2, 0.2, "test")
GPS = CameraPose(LON, LAT, 10.0, None, 0.0, 0.0, 0.0, 1.5, 3.0, 2.0, 0.5, 0.5, "test")
BLOCK = shapely.box(-10.0, 20.0, 10.0, 32.0)
"""A building whose south wall is 20 m north of the camera."""


def build_layer(*shapes_m: BaseGeometry, height_m: float | None = 18.0) -> BuildingLayer:
    return BuildingLayer(
        tuple(
            Building(f"b{number}", "", shapely.transform(shape, PLANE.to_lonlat), height_m)
            for number, shape in enumerate(shapes_m)
        )
    )


def detect(
    x_px: float = 2000.0,
    y_px: float = 1500.0,
    hazard_class: HazardClass = HazardClass.FACADE_CRACK,
) -> Detection:
    box = BBox(x_px - 20, y_px - 20, x_px + 20, y_px + 20)
    return Detection("a.jpg", hazard_class, 0.7, box, "model", "1" * 64)


def photo_at(pose: CameraPose) -> Photo:
    return Photo("a.jpg", Path("a.jpg"), "0" * 64, 4000, 3000, None, "M", CAMERA, pose)


def place(
    pose: CameraPose,
    layer: BuildingLayer | None,
    detection: Detection | None = None,
    terrain: Terrain | None = None,
) -> GeoDetection:
    surroundings = Surroundings(terrain=terrain, buildings=layer)
    return georeference_detection(
        detection or detect(), photo_at(pose), load_taxonomy(), surroundings=surroundings
    )


def metres_of(ground: GroundPoint | None) -> FloatArray:
    assert ground is not None
    return PLANE.to_metres((ground.lon, ground.lat))


def test_a_crack_seen_level_is_on_the_wall_before_the_camera() -> None:
    placed = place(RTK, build_layer(BLOCK))
    assert metres_of(placed.ground) == pytest.approx([0.0, 20.0], abs=0.1)
    assert placed.ground is not None
    assert placed.ground.method == "building_facade"
    assert placed.on_building is not None
    assert (placed.on_building.building_id, placed.on_building.part) == ("b0", BuildingPart.FACADE)
    assert placed.on_building.height_m == pytest.approx(10.0, abs=0.05)
    assert placed.on_building.height_std_m == pytest.approx(0.31, abs=0.03)
    assert placed.on_building.probability == 1.0
    assert compute_error_m(placed.ground) < 1.6
    assert place(RTK, None).unplaced_reason == "above_horizon"


def test_height_above_the_foot_is_that_of_the_pixel() -> None:
    placed = place(RTK, build_layer(BLOCK), detect(y_px=900.0))
    assert placed.on_building is not None
    assert placed.on_building.height_m == pytest.approx(10 + 20 * 600 / 3000, abs=0.1)


def test_on_a_slope_height_is_counted_from_the_foot_of_the_building() -> None:
    cells = np.array([[1.0, 0.0, 500.0], [0.0, -1.0, 500.0]])
    crs = CRS.from_proj4(f"+proj=aeqd +lat_0={LAT} +lon_0={LON} +datum=WGS84")
    north = 500.0 - np.arange(1000)[:, None] - 0.5
    terrain = Terrain(
        0.1 * north + np.zeros((1, 1000)), cells, crs, std_m=0.4, takeoff_height_m=0.0
    )
    placed = place(RTK, build_layer(BLOCK), terrain=terrain)
    assert placed.on_building is not None
    assert placed.on_building.height_m == pytest.approx(10 - 0.1 * 26, abs=0.1)
    assert placed.on_building.height_std_m == pytest.approx(0.5, abs=0.05)


def test_what_is_seen_from_above_within_the_footprint_is_on_the_roof() -> None:
    pose = replace(RTK, altitude_agl_m=60.0, pitch_deg=-90.0, lat=LAT + 26 / 110_900)
    placed = place(pose, build_layer(BLOCK), detect(hazard_class=HazardClass.ADDED_STOREY))
    assert placed.ground is not None
    assert placed.ground.method == "building_roof"
    assert metres_of(placed.ground) == pytest.approx([0.0, 26.0], abs=0.1)
    assert placed.on_building is not None
    assert placed.on_building.height_m == pytest.approx(19.5, abs=0.2)
    assert placed.on_building.height_std_m > 1.5


def test_straight_down_between_the_buildings_nothing_is_attached() -> None:
    pose = replace(RTK, altitude_agl_m=60.0, pitch_deg=-90.0)
    placed = place(pose, build_layer(BLOCK), detect(hazard_class=HazardClass.ADDED_STOREY))
    assert placed.on_building is None
    assert placed.ground is not None
    assert placed.ground.method == "flat_ground"


def test_a_ray_over_a_low_building_meets_the_one_behind() -> None:
    pose = replace(RTK, altitude_agl_m=15.0)
    low = Building("low", "", shapely.transform(BLOCK, PLANE.to_lonlat), 4.0)
    tower = shapely.box(-10.0, 60.0, 10.0, 80.0)
    high = Building("high", "", shapely.transform(tower, PLANE.to_lonlat), 40.0)
    placed = place(pose, BuildingLayer((low, high)))
    assert placed.on_building is not None
    assert placed.on_building.building_id == "high"
    assert metres_of(placed.ground)[1] == pytest.approx(60.0, abs=0.1)


def test_covers_are_never_on_a_building() -> None:
    pose = replace(RTK, pitch_deg=-20.0)
    placed = place(pose, build_layer(BLOCK), detect(hazard_class=HazardClass.MANHOLE_BROKEN))
    assert placed.on_building is None


def test_at_a_party_wall_the_share_of_each_building_is_told() -> None:
    left, right = shapely.box(-15, 20, 0, 30), shapely.box(0, 20, 15, 30)
    edge = place(GPS, build_layer(left, right), detect(x_px=2010.0))
    inside = place(GPS, build_layer(left, right), detect(x_px=2900.0))
    assert edge.on_building is not None
    assert inside.on_building is not None
    assert edge.on_building.building_id == inside.on_building.building_id == "b1"
    assert 0.45 < edge.on_building.probability < 0.65
    assert inside.on_building.probability > 0.98


def test_too_small_a_share_attaches_to_nothing() -> None:
    pose = replace(GPS, altitude_agl_m=30.0, pitch_deg=-30.0)
    beside = shapely.box(7.0, 20.0, 15.0, 32.0)
    placed = place(pose, build_layer(beside))
    assert placed.on_building is None
    assert placed.ground is not None


def test_a_building_without_a_height_is_as_unsure_as_that() -> None:
    pose = replace(RTK, altitude_agl_m=16.0)
    known = place(pose, build_layer(BLOCK, height_m=30.0)).on_building
    unknown = place(pose, build_layer(BLOCK, height_m=None)).on_building
    assert known is not None
    assert known.probability == 1.0
    assert unknown is None or unknown.probability < 0.5


def test_a_court_inside_a_block_is_no_building() -> None:
    ring = shapely.Polygon(
        [(-30, -30), (30, -30), (30, 30), (-30, 30)],
        [[(-20, -20), (20, -20), (20, 20), (-20, 20)]],
    )
    placed = place(RTK, build_layer(ring))
    assert metres_of(placed.ground) == pytest.approx([0.0, 20.0], abs=0.1)
    assert placed.on_building is not None
    assert placed.on_building.probability == 1.0


def test_parts_of_a_building_are_one_building() -> None:
    parts = shapely.MultiPolygon([shapely.box(-15, 20, 0, 30), shapely.box(0, 20, 15, 30)])
    placed = place(GPS, build_layer(parts))
    assert placed.on_building is not None
    assert placed.on_building.probability > 0.98


def test_a_camera_that_the_layer_puts_indoors_says_only_what_is_possible() -> None:
    pose = replace(GPS, lat=LAT + 19.5 / 110_900)
    placed = place(pose, build_layer(BLOCK))
    assert placed.on_building is not None
    assert metres_of(placed.ground)[1] == pytest.approx(20.0, abs=0.3)


def test_a_low_camera_is_not_below_the_ground() -> None:
    placed = place(replace(GPS, altitude_agl_m=2.0, pitch_deg=3.0), build_layer(BLOCK))
    assert placed.on_building is not None
    assert placed.on_building.probability > 0.9
    assert placed.on_building.height_m > 2.5


def test_the_same_photo_gives_the_same_place() -> None:
    assert place(GPS, build_layer(BLOCK)) == place(GPS, build_layer(BLOCK))


def test_beyond_reach_is_no_building() -> None:
    far = shapely.box(-100.0, 310.0, 100.0, 330.0)
    assert place(RTK, build_layer(far)).unplaced_reason == "above_horizon"


def test_a_photo_without_angles_is_refused_as_without_buildings() -> None:
    placed = place(replace(RTK, yaw_deg=None), build_layer(BLOCK))
    assert placed.unplaced_reason == "no_attitude"


def test_distance_and_incidence_of_a_wall() -> None:
    turned = replace(RTK, yaw_deg=20.0)
    seen = view_target(
        detect(),
        photo_at(turned),
        load_taxonomy(),
        surroundings=Surroundings(buildings=build_layer(BLOCK)),
    )
    assert seen is not None
    assert seen.distance_m == pytest.approx(20 / np.cos(np.radians(20)), abs=0.05)
    assert seen.distance_std_m == pytest.approx(0.55, abs=0.1)
    assert seen.incidence_deg == pytest.approx(20.0, abs=0.5)


def test_without_a_building_the_distance_is_as_unsure_as_the_height() -> None:
    pose = replace(RTK, altitude_agl_m=60.0, pitch_deg=-45.0)
    seen = view_target(detect(), photo_at(pose), load_taxonomy())
    assert seen is not None
    assert seen.distance_m == pytest.approx(52 * np.sqrt(2), abs=0.1)
    assert seen.distance_std_m == pytest.approx(6 * np.sqrt(2), abs=0.2)
    assert seen.incidence_deg is None
    assert view_target(detect(), photo_at(RTK), load_taxonomy()) is None
    assert view_target(detect(), photo_at(replace(RTK, roll_deg=None)), load_taxonomy()) is None


def test_rays_through_corners_and_along_walls_meet_once() -> None:
    walls = collect_walls(np.array([BLOCK], dtype=object), np.zeros(1))
    origins = np.array([[-10.0, 0, 5], [10.0, 0, 5], [0, 26.0, 5], [0, 26.0, 30], [0, 0, 5]])
    rays = np.array([[0.0, 1, 0], [0.0, 1, 0], [0.0, 1, 0], [0.0, 0, -1], [0.0, -1, 0]])
    hits = meet_walls(walls, np.full((5, 1), 18.0), origins, rays)
    assert hits.is_possible.tolist() == [True, True, False, True, True]
    assert hits.owners.tolist()[3:] == [0, -1]
    assert hits.reach[3] == pytest.approx(12.0)


@pytest.mark.parametrize("base", [GPS, RTK], ids=["gps", "rtk"])
def test_probability_and_ellipse_are_what_they_claim(base: CameraPose) -> None:
    """A row of houses, photographed with the noise that the pose claims, footprints exact."""
    rng = np.random.default_rng(11)
    houses = [shapely.box(x, 20.0, x + 9.0, 30.0) for x in range(-63, 63, 9)]
    layer = build_layer(*houses)
    rights, claims, inside = [], [], []
    for _ in range(150):
        east = rng.uniform(-20, 20)
        shift = rng.normal(0, base.horizontal_std_m, 2)
        lon, lat = PLANE.to_lonlat(np.array([east, 0.0]) + shift).tolist()
        pose = replace(
            base,
            lon=lon,
            lat=lat,
            altitude_agl_m=10.0 + rng.normal(0, base.vertical_std_m),
            yaw_deg=rng.normal(0, base.yaw_std_deg),
            pitch_deg=rng.normal(0, base.pitch_std_deg),
        )
        placed = place(pose, layer)
        if placed.on_building is None or placed.ground is None:
            continue
        ground = placed.ground
        right = placed.on_building.building_id == f"b{int((east + 63) // 9)}"
        rights.append(right)
        claims.append(placed.on_building.probability)
        away = metres_of(ground) - [east, 20.0]
        covariance = np.array(
            [[ground.cov_ee_m2, ground.cov_en_m2], [ground.cov_en_m2, ground.cov_nn_m2]]
        )
        if right:
            inside.append(away @ np.linalg.solve(covariance, away) <= CHI2_95_2D)
    assert len(rights) > 140
    assert np.mean(rights) == pytest.approx(np.mean(claims), abs=0.1)
    assert np.mean(inside) >= 0.93
