from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pyproj import Geod

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.ellipse import CHI2_95_2D, compute_ellipse, compute_error_m
from detection.domain.finding import (
    BuildingPart,
    Detection,
    GeoDetection,
    GroundPoint,
    OnBuilding,
)
from detection.domain.geometry import BBox, FloatArray
from detection.domain.hazard import HazardClass
from detection.domain.photo import FlightKind, Photo
from detection.domain.reasons import REASONS
from detection.domain.sight import SightColumn, compute_camera_axes, intersect_ground
from detection.georeference import (
    MIN_DEPRESSION_DEG,
    NotPlacedError,
    georeference_detection,
    georeference_detections,
    judge_sizes,
    judge_views,
    place_pixel,
    project_point,
)
from detection.taxonomy import load_taxonomy

GEOD = Geod(ellps="WGS84")
CAMERA = CameraIntrinsics(5472, 3648, 3666.7, 2736.0, 1824.0, "xmp:CalibratedFocalLength")
POSE = CameraPose(
    lon=106.5507,
    lat=29.5647,
    altitude_agl_m=60.0,
    altitude_m=310.0,
    yaw_deg=30.0,
    pitch_deg=-90.0,
    roll_deg=0.0,
    horizontal_std_m=1.5,
    vertical_std_m=3.0,
    yaw_std_deg=2.0,
    pitch_std_deg=0.5,
    roll_std_deg=0.5,
    source="test",
)
RTK = replace(
    POSE,
    horizontal_std_m=0.05,
    vertical_std_m=0.3,
    yaw_std_deg=0.5,
    pitch_std_deg=0.2,
    roll_std_deg=0.2,
)
PHOTO = Photo("a.jpg", Path("a.jpg"), "0" * 64, 5472, 3648, None, "FC6310", CAMERA, POSE)


def photo_at(pose: CameraPose | None) -> Photo:
    return replace(PHOTO, pose=pose)


def offset_m(pose: CameraPose, ground: GroundPoint) -> tuple[float, float]:
    """East and north metres from the camera's foot."""
    azimuth, _, distance = GEOD.inv(pose.lon, pose.lat, ground.lon, ground.lat)
    return distance * math.sin(math.radians(azimuth)), distance * math.cos(math.radians(azimuth))


def detect(
    photo: Photo, hazard_class: HazardClass = HazardClass.MANHOLE_BROKEN, x: float = 2736.0
) -> Detection:
    box = BBox(x - 40, 1784.0, x + 40, 1864.0)
    return Detection(photo.photo_id, hazard_class, 0.7, box, "model", "1" * 64)


def test_straight_down_is_the_camera_itself() -> None:
    ground = place_pixel(PHOTO, CAMERA.cx_px, CAMERA.cy_px)
    assert (ground.lon, ground.lat) == pytest.approx((POSE.lon, POSE.lat), abs=1e-9)


@pytest.mark.parametrize(
    ("yaw_deg", "x_px", "y_px", "east", "north"),
    [
        (0, 2736, 0, 0, 1),  # the top of a photo flown north is north
        (0, 5472, 1824, 1, 0),
        (90, 2736, 0, 1, 0),
        (90, 5472, 1824, 0, -1),
        (180, 2736, 0, 0, -1),
    ],
)
def test_directions_of_a_nadir_photo(
    yaw_deg: float, x_px: float, y_px: float, east: int, north: int
) -> None:
    pose = replace(POSE, yaw_deg=yaw_deg)
    found = offset_m(pose, place_pixel(photo_at(pose), x_px, y_px))
    reach = 60.0 * (2736 if x_px > 2736 else 1824) / 3666.7
    assert found == pytest.approx((east * reach, north * reach), abs=1e-4)


def test_45_degrees_down_lands_as_far_ahead_as_the_camera_is_high() -> None:
    pose = replace(POSE, yaw_deg=270.0, pitch_deg=-45.0)
    found = offset_m(pose, place_pixel(photo_at(pose), CAMERA.cx_px, CAMERA.cy_px))
    assert found == pytest.approx((-60.0, 0.0), abs=1e-4)


def test_a_camera_rolled_clockwise_looks_left_with_its_lower_edge() -> None:
    right, down, forward = compute_camera_axes(0.0, 0.0, 90.0)
    assert right == pytest.approx([0, 0, -1])
    assert down == pytest.approx([-1, 0, 0])
    assert forward == pytest.approx([0, 1, 0])


def test_a_gimbal_past_straight_down_is_the_same_camera() -> None:
    past = compute_camera_axes(30.0 + 180.0, -89.9, 180.0)
    plain = compute_camera_axes(30.0, -90.1, 0.0)
    assert past == pytest.approx(plain, abs=1e-12)


angles = st.tuples(
    st.floats(-180, 180), st.floats(-90, -20), st.floats(-30, 30) | st.floats(150, 210)
)


@given(
    angles=angles,
    altitude_m=st.floats(5, 300),
    height_m=st.floats(-2, 4),
    position=st.tuples(st.floats(-180, 180), st.floats(-80, 80)),
    pixel=st.tuples(st.floats(0, 5472), st.floats(0, 3648)),
)
def test_placing_and_projecting_are_inverse(
    angles: tuple[float, float, float],
    altitude_m: float,
    height_m: float,
    position: tuple[float, float],
    pixel: tuple[float, float],
) -> None:
    yaw, pitch, roll = angles
    pose = replace(
        POSE,
        lon=position[0],
        lat=position[1],
        altitude_agl_m=altitude_m,
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=roll,
    )
    try:
        ground = place_pixel(photo_at(pose), *pixel, target_height_m=height_m)
    except NotPlacedError:
        assume(False)  # noqa: FBT003 - hypothesis' own way to pass a case over
        return
    back = project_point(pose, CAMERA, ground.lon, ground.lat, height_m)
    assert back == pytest.approx(pixel, abs=0.01)


def test_a_point_behind_the_camera_has_no_pixel() -> None:
    pose = replace(POSE, yaw_deg=0.0, pitch_deg=-20.0)
    lon, lat, _ = GEOD.fwd(POSE.lon, POSE.lat, 180.0, 500.0)
    assert project_point(pose, CAMERA, lon, lat) is None


def test_projecting_needs_a_whole_pose() -> None:
    with pytest.raises(ValueError, match="lacks"):
        project_point(replace(POSE, yaw_deg=None), CAMERA, POSE.lon, POSE.lat)


def draw_places(pose: CameraPose, pixel: tuple[float, float], draws: int) -> FloatArray:
    """Places (draws, 2) in metres under the noise that the pose and the focal length claim."""
    rng = np.random.default_rng(20260301)
    sights = np.zeros((draws, len(SightColumn)))
    columns = {
        SightColumn.ALTITUDE: (pose.altitude_agl_m or 0.0, pose.vertical_std_m),
        SightColumn.TARGET_HEIGHT: (0.0, 0.5),
        SightColumn.YAW: (pose.yaw_deg or 0.0, pose.yaw_std_deg),
        SightColumn.PITCH: (pose.pitch_deg or 0.0, pose.pitch_std_deg),
        SightColumn.ROLL: (pose.roll_deg or 0.0, 0.0),
        SightColumn.TILT: (0.0, pose.roll_std_deg),
        SightColumn.X: (pixel[0], 2.4),
        SightColumn.Y: (pixel[1], 2.4),
        SightColumn.FOCAL: (CAMERA.focal_px, 0.005 * CAMERA.focal_px),
        SightColumn.EAST: (0.0, pose.horizontal_std_m),
        SightColumn.NORTH: (0.0, pose.horizontal_std_m),
    }
    for column, (mean, std) in columns.items():
        sights[:, column] = rng.normal(mean, std, draws)
    return intersect_ground(sights, CAMERA)


@pytest.mark.parametrize("pitch_deg", [-90.0, -60.0, -45.0, -30.0, -20.0])
@pytest.mark.parametrize("base", [POSE, RTK], ids=["gps", "rtk"])
@pytest.mark.parametrize(
    "pixel",
    [(2736.0, 1824.0), (900.0, 3000.0), (4000.0, 1300.0)],
    ids=["middle", "corner", "above"],
)
def test_the_ellipse_holds_95_percent(
    base: CameraPose, pitch_deg: float, pixel: tuple[float, float]
) -> None:
    pose = replace(base, pitch_deg=pitch_deg)
    ground = place_pixel(photo_at(pose), *pixel, target_height_std_m=0.5, pixel_std_px=(2.4, 2.4))
    difference = draw_places(pose, pixel, 4000) - np.array(offset_m(pose, ground))
    covariance = np.array(
        [[ground.cov_ee_m2, ground.cov_en_m2], [ground.cov_en_m2, ground.cov_nn_m2]]
    )
    squared = np.sum(difference * np.linalg.solve(covariance, difference.T).T, axis=1)
    assert 0.93 <= float(np.mean(squared <= CHI2_95_2D)) <= 0.97


@pytest.mark.parametrize(("base", "pitch_deg"), [(POSE, -45.0), (RTK, -90.0), (RTK, -30.0)])
def test_the_ellipse_of_a_measured_pose_holds_the_truth(base: CameraPose, pitch_deg: float) -> None:
    """As in the field: one truth, and every photo states a pose of its own that is wrong."""
    rng = np.random.default_rng(7)
    pose = replace(base, pitch_deg=pitch_deg)
    inside = []
    for _ in range(600):
        turn, nod, up = rng.normal(0, [base.yaw_std_deg, base.pitch_std_deg, base.vertical_std_m])
        east, north = rng.normal(0, base.horizontal_std_m, 2)
        azimuth = math.degrees(math.atan2(east, north))
        lon, lat, _ = GEOD.fwd(POSE.lon, POSE.lat, azimuth, math.hypot(east, north))
        stated = replace(
            pose,
            lon=lon,
            lat=lat,
            altitude_agl_m=60.0 + up,
            yaw_deg=30.0 + turn,
            pitch_deg=pitch_deg + nod,
        )
        leaning = np.zeros((1, len(SightColumn)))
        leaning[0, [SightColumn.ALTITUDE, SightColumn.YAW, SightColumn.PITCH]] = 60, 30, pitch_deg
        leaning[0, SightColumn.TILT] = rng.normal(0, base.roll_std_deg)
        leaning[0, [SightColumn.X, SightColumn.Y]] = 2736, 1824
        leaning[0, SightColumn.FOCAL] = CAMERA.focal_px
        (truth,) = intersect_ground(leaning, CAMERA)
        ground = place_pixel(photo_at(stated), 2736.0, 1824.0)
        away = truth - np.array(offset_m(POSE, ground))
        covariance = np.array(
            [[ground.cov_ee_m2, ground.cov_en_m2], [ground.cov_en_m2, ground.cov_nn_m2]]
        )
        inside.append(away @ np.linalg.solve(covariance, away) <= CHI2_95_2D)
    assert 0.93 <= np.mean(inside) <= 0.97


def test_where_an_error_reaches_the_horizon_nothing_is_placed() -> None:
    pose = replace(POSE, pitch_deg=-6.0, altitude_agl_m=20.0)
    assert place_pixel(photo_at(pose), 2736.0, 1824.0).lat > POSE.lat
    shaky = replace(pose, pitch_std_deg=4.0)
    with pytest.raises(NotPlacedError, match="above_horizon"):
        place_pixel(photo_at(shaky), 2736.0, 1824.0)


def test_a_stated_error_of_the_focal_length_counts() -> None:
    camera = replace(CAMERA, focal_std_px=0.05 * CAMERA.focal_px)
    sure, unsure = (
        place_pixel(replace(photo_at(RTK), intrinsics=intrinsics), 2736.0, 0.0)
        for intrinsics in (CAMERA, camera)
    )
    assert compute_error_m(unsure) > 2 * compute_error_m(sure)


@pytest.mark.parametrize(
    ("altitude_m", "pitch_deg", "p95_m"),
    [(60, -90, 3.9), (60, -45, 7.6), (60, -30, 12.3), (100, -30, 15.6), (100, -20, 25.8)],
)
def test_the_claimed_error_is_that_of_the_published_budget(
    altitude_m: float, pitch_deg: float, p95_m: float
) -> None:
    """Ordinary GPS: 1.5 m an axis, 3 m height, 0.5 degrees gimbal, 2 degrees yaw.

    The 95 % radius lies between the semi-minor and semi-major axis of the 95 % ellipse.
    """
    pose = replace(POSE, altitude_agl_m=altitude_m, pitch_deg=pitch_deg)
    ellipse = compute_ellipse(place_pixel(photo_at(pose), 2736.0, 1824.0))
    assert ellipse.semi_minor_m * 0.95 < p95_m < ellipse.semi_major_m * 1.05


def test_a_flatter_look_is_less_sure() -> None:
    errors = [
        compute_error_m(place_pixel(photo_at(replace(POSE, pitch_deg=pitch)), 2736.0, 1824.0))
        for pitch in (-90.0, -60.0, -45.0, -30.0, -20.0)
    ]
    assert errors == sorted(errors)
    assert errors[-1] > 4 * errors[0]


def test_rtk_straight_down_is_sub_metre() -> None:
    assert compute_error_m(place_pixel(photo_at(RTK), 2736.0, 1824.0)) < 0.6


def test_the_ellipse_of_an_unsure_height_points_along_the_view() -> None:
    pose = replace(POSE, yaw_deg=70.0, pitch_deg=-30.0)
    placed = georeference_detection(
        detect(PHOTO, HazardClass.FACADE_CRACK), photo_at(pose), load_taxonomy()
    )
    assert placed.ground is not None
    ellipse = compute_ellipse(placed.ground)
    assert ellipse.angle_deg == pytest.approx(70.0, abs=0.5)
    assert ellipse.semi_major_m > 2 * ellipse.semi_minor_m


def test_the_ellipse_of_a_known_covariance() -> None:
    ellipse = compute_ellipse(GroundPoint(0.0, 0.0, 4.0, 0.0, 1.0, "flat_ground"))
    assert ellipse.semi_major_m == pytest.approx(2 * math.sqrt(5.991))
    assert ellipse.semi_minor_m == pytest.approx(math.sqrt(5.991))
    assert ellipse.angle_deg == pytest.approx(90.0)


@pytest.mark.parametrize(
    ("pose", "reason"),
    [
        (None, "no_position"),
        (replace(POSE, yaw_deg=None), "no_attitude"),
        (replace(POSE, pitch_deg=None), "no_attitude"),
        (replace(POSE, altitude_agl_m=None), "no_altitude"),
        (replace(POSE, pitch_deg=-MIN_DEPRESSION_DEG + 0.1), "above_horizon"),
        (replace(POSE, pitch_deg=30.0), "above_horizon"),
        (replace(POSE, altitude_agl_m=0.0), "below_target"),
        (replace(POSE, altitude_agl_m=-12.0), "below_target"),
        (replace(POSE, altitude_agl_m=120.0, pitch_deg=-6.0), "too_far"),
    ],
)
def test_what_cannot_be_placed_says_why(pose: CameraPose | None, reason: str) -> None:
    refused = georeference_detection(detect(PHOTO), photo_at(pose), load_taxonomy())
    assert refused.ground is None
    assert refused.unplaced_reason == reason
    assert reason in REASONS


def test_no_focal_length_is_named() -> None:
    blind = replace(PHOTO, intrinsics=None)
    refused = georeference_detection(detect(PHOTO), blind, load_taxonomy())
    assert refused.unplaced_reason == "no_focal_length"


def test_a_low_camera_cannot_place_what_stands_higher() -> None:
    photo = photo_at(replace(POSE, altitude_agl_m=6.0))
    crack = georeference_detection(detect(photo, HazardClass.FACADE_CRACK), photo, load_taxonomy())
    assert crack.unplaced_reason == "below_target"
    assert georeference_detection(detect(photo), photo, load_taxonomy()).ground is not None


def test_a_street_photo_without_heading_is_placed_at_its_camera() -> None:
    photo = photo_at(replace(POSE, yaw_deg=None, altitude_agl_m=None))
    placed = georeference_detection(
        detect(photo), photo, load_taxonomy(), kind=FlightKind.STREET
    ).ground
    assert placed is not None
    assert (placed.lon, placed.lat, placed.method) == (POSE.lon, POSE.lat, "camera_position")
    assert compute_error_m(placed) > 20.0
    lost = georeference_detection(
        detect(photo), photo_at(None), load_taxonomy(), kind=FlightKind.STREET
    )
    assert lost.unplaced_reason == "no_position"


def test_a_larger_box_is_less_sure() -> None:
    small = detect(PHOTO)
    large = replace(small, bbox_xyxy=BBox(736.0, 824.0, 4736.0, 2824.0))
    errors = []
    for detection in (small, large):
        ground = georeference_detection(detection, photo_at(RTK), load_taxonomy()).ground
        assert ground is not None
        errors.append(compute_error_m(ground))
    assert errors[1] > 2 * errors[0]


@pytest.mark.parametrize(
    ("side_m", "plausible"), [(0.05, False), (0.3, True), (0.7, True), (2.5, True), (8.0, False)]
)
@pytest.mark.parametrize("pitch_deg", [-90.0, -40.0])
def test_only_a_box_of_a_covers_size_can_be_a_cover(
    side_m: float, pitch_deg: float, *, plausible: bool
) -> None:
    photo = photo_at(replace(POSE, pitch_deg=pitch_deg))
    depth_m = (POSE.altitude_agl_m or 0.0) / math.sin(math.radians(-pitch_deg))
    half_px = side_m * CAMERA.focal_px / depth_m / 2
    box = BBox(2736 - half_px, 1824 - half_px, 2736 + half_px, 1824 + half_px)
    found = replace(detect(photo), bbox_xyxy=box)
    placed = georeference_detection(found, photo, load_taxonomy())
    assert judge_sizes([placed], photo, load_taxonomy()) == [plausible]


def test_what_cannot_be_measured_is_kept() -> None:
    photo = photo_at(None)
    huge = replace(detect(photo), bbox_xyxy=BBox(0, 0, 5000, 3000))
    placed = georeference_detection(huge, photo, load_taxonomy())
    assert placed.ground is None
    assert judge_sizes([placed], photo, load_taxonomy()) == [True]


@pytest.mark.parametrize("pose", [RTK, replace(RTK, pitch_deg=-20.0), None])
def test_boxes_of_a_photo_are_placed_and_judged_together_as_each_alone(
    pose: CameraPose | None,
) -> None:
    photo = photo_at(pose)
    taxonomy = load_taxonomy()
    found = [
        replace(detect(photo, hazard_class), bbox_xyxy=BBox(x_px, y_px, x_px + side_px, y_px + 30))
        for hazard_class in (HazardClass.MANHOLE_MISSING, HazardClass.FACADE_CRACK)
        for x_px, y_px, side_px in ((100, 3000, 40), (2700, 1800, 900), (5000, 5, 60))
    ]
    together = georeference_detections(found, photo, taxonomy)
    assert [one.detection for one in together] == found
    for one, alone in zip(together, found, strict=True):
        expected = georeference_detection(alone, photo, taxonomy)
        assert one.unplaced_reason == expected.unplaced_reason
        assert (one.ground is None) == (expected.ground is None)
        if one.ground is not None and expected.ground is not None:
            numbers = ("lon", "lat", "cov_ee_m2", "cov_en_m2", "cov_nn_m2")
            assert [getattr(one.ground, name) for name in numbers] == pytest.approx(
                [getattr(expected.ground, name) for name in numbers], rel=1e-9, abs=1e-9
            )
    assert judge_sizes(together, photo, taxonomy) == [
        answer for one in together for answer in judge_sizes([one], photo, taxonomy)
    ]


def test_a_street_photo_of_unknown_heading_is_at_its_camera_and_nothing_is_judged() -> None:
    photo = photo_at(replace(POSE, yaw_deg=None, altitude_agl_m=None))
    found = [detect(photo, HazardClass.MANHOLE_MISSING), detect(photo, HazardClass.FACADE_CRACK)]
    placed = georeference_detections(found, photo, load_taxonomy(), kind=FlightKind.STREET)
    assert [one.ground and one.ground.method for one in placed] == ["camera_position"] * 2
    assert judge_sizes(placed, photo, load_taxonomy()) == [True, True]
    assert judge_views(placed, photo, load_taxonomy()) == [True, True]


def place_box(photo: Photo, hazard_class: HazardClass, side_px: float) -> GeoDetection:
    x_px, y_px = CAMERA.cx_px, CAMERA.cy_px
    half_px = side_px / 2
    box = BBox(x_px - half_px, y_px - half_px, x_px + half_px, y_px + half_px)
    found = replace(detect(photo), hazard_class=hazard_class, bbox_xyxy=box)
    return georeference_detection(found, photo, load_taxonomy())


def test_near_the_ground_a_size_is_as_unsure_as_the_height() -> None:
    side_px = 4.0 * CAMERA.focal_px / 7.0  # 4 m from 7 m, but 0.6 m from 1 m
    low, high = (photo_at(replace(POSE, altitude_agl_m=height_m)) for height_m in (7.0, 70.0))
    for photo, sized_px, plausible in ((low, side_px, True), (high, side_px / 10, False)):
        placed = place_box(photo, HazardClass.MANHOLE_MISSING, sized_px)
        assert judge_sizes([placed], photo, load_taxonomy()) == [plausible]


@pytest.mark.parametrize(
    ("pitch_deg", "plausible"), [(-90.0, False), (-73.0, False), (-71.0, True), (-20.0, True)]
)
def test_no_wall_is_seen_from_above_within_the_errors_of_the_pose(
    pitch_deg: float, *, plausible: bool
) -> None:
    photo = photo_at(replace(RTK, pitch_deg=pitch_deg, pitch_std_deg=0.8, roll_std_deg=0.6))
    crack, cover = (
        place_box(photo, hazard_class, 60.0)
        for hazard_class in (HazardClass.FACADE_CRACK, HazardClass.MANHOLE_MISSING)
    )
    assert judge_views([crack], photo, load_taxonomy()) == [plausible]
    assert judge_views([cover], photo, load_taxonomy()) == [True]
    wall = replace(crack, on_building=OnBuilding("b", BuildingPart.FACADE, 3.0, 1.0, 0.9))
    assert judge_views([wall], photo, load_taxonomy()) == [True]
    unknown = replace(photo, intrinsics=None)
    assert judge_views([crack], unknown, load_taxonomy()) == [True]


def test_a_crack_is_never_too_long_because_its_wall_may_be_near() -> None:
    photo = photo_at(replace(POSE, pitch_deg=-10.0))
    # Two metres of wall ten metres before the camera; the ground behind it is 300 m away.
    placed = place_box(photo, HazardClass.FACADE_CRACK, 2.0 * CAMERA.focal_px / 10.0)
    assert placed.ground is not None
    assert judge_sizes([placed], photo, load_taxonomy()) == [True]
