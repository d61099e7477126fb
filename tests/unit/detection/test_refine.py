"""Structure from motion: angles, the fit to written poses, the surface, the file of poses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.errors import InvalidInputError
from detection.domain.photo import Flight, FlightKind, Photo
from detection.domain.sight import compute_camera_axes
from detection.plane import LocalPlane
from detection.refine.adjust import adjust_model, refine_pose
from detection.refine.attitude import angles_from_axes, turn_axes, turn_between
from detection.refine.flight import MIN_AGREEING, NotRefinedError, refine_flight
from detection.refine.poses_file import apply_poses, write_poses
from detection.refine.reconstruct import SparseModel
from detection.refine.surface import NODATA, drop_outliers, write_surface
from detection.terrain import Terrain

PLANE = LocalPlane(113.0, 23.0)
CAMERA = CameraIntrinsics(1600, 1200, 1100.0, 800.0, 600.0, "test")


def make_pose(east_m: float, north_m: float, *, yaw_deg: float = 40.0) -> CameraPose:
    lon, lat = (float(value) for value in PLANE.to_lonlat((east_m, north_m)))
    return CameraPose(
        lon=lon,
        lat=lat,
        altitude_agl_m=60.0,
        altitude_m=72.0,
        yaw_deg=yaw_deg,
        pitch_deg=-80.0,
        roll_deg=0.5,
        horizontal_std_m=1.5,
        vertical_std_m=3.0,
        yaw_std_deg=2.0,
        pitch_std_deg=0.5,
        roll_std_deg=0.5,
        source="position=exif;altitude=xmp;angles=xmp",
    )


def make_photo(name: str, pose: CameraPose | None) -> Photo:
    return Photo(
        photo_id=name,
        path=Path(name),
        sha256=name * 8,
        width_px=1600,
        height_px=1200,
        captured_at=None,
        camera_model="X1",
        intrinsics=CAMERA,
        pose=pose,
    )


def make_grid() -> list[CameraPose]:
    return [make_pose(east, north) for east in (0, 15, 30, 45) for north in (0, 20, 40)]


def model_from_poses(poses: list[CameraPose]) -> SparseModel:
    level = PLANE.to_metres([(pose.lon, pose.lat) for pose in poses])
    heights = np.array([[pose.altitude_agl_m or 0.0] for pose in poses])
    axes = [compute_camera_axes(p.yaw_deg or 0, p.pitch_deg or 0, p.roll_deg or 0) for p in poses]
    return SparseModel(
        photo_ids=tuple(str(index) for index in range(len(poses))),
        centers_m=np.hstack([level, heights]),
        axes=np.array(axes),
        points_m=np.zeros((0, 3)),
        reprojection_px=0.4,
        intrinsics=CAMERA,
    )


@given(
    yaw=st.floats(-179.9, 179.9),
    pitch=st.floats(-89.9, 80.0),
    roll=st.floats(-170.0, 170.0),
)
def test_angles_come_back_from_their_axes(yaw: float, pitch: float, roll: float) -> None:
    axes = compute_camera_axes(yaw, pitch, roll)
    again = compute_camera_axes(*angles_from_axes(axes))
    assert np.allclose(axes, again, atol=1e-7)


def test_straight_down_counts_the_whole_turn_as_yaw() -> None:
    yaw, pitch, roll = angles_from_axes(compute_camera_axes(30.0, -90.0, 0.0))
    assert (yaw, pitch, roll) == pytest.approx((30.0, -90.0, 0.0))


def test_turn_between_undoes_turn_axes() -> None:
    axes = compute_camera_axes(100.0, -60.0, 3.0)
    turn = np.array([0.02, -0.05, 0.11])
    assert turn_between(turn_axes(axes, turn), axes) == pytest.approx(turn)


def test_a_shared_compass_error_is_found_from_the_positions() -> None:
    poses = make_grid()
    model = model_from_poses(poses)
    written = [replace(pose, yaw_deg=(pose.yaw_deg or 0.0) + 3.0) for pose in poses]
    adjusted = adjust_model(model, written, PLANE)
    refined = [refine_pose(pose, adjusted, i, PLANE) for i, pose in enumerate(written)]
    errors = [(r.yaw_deg or 0.0) - (p.yaw_deg or 0.0) for r, p in zip(refined, poses, strict=True)]
    assert max(abs(error) for error in errors) < 0.5
    assert refined[0].yaw_std_deg < 1.0
    assert refined[0].horizontal_std_m == 1.5  # what the flight shares cannot be seen in photos


def test_a_model_in_a_frame_of_its_own_is_brought_to_the_flight() -> None:
    poses = make_grid()
    model = model_from_poses(poses)
    turn = np.array([0.01, -0.02, 0.03])
    moved = replace(
        model,
        centers_m=(1.02 * (model.centers_m - 20.0)) @ turn_axes(np.eye(3), turn) + 23.0,
        axes=turn_axes(model.axes, turn),
    )
    adjusted = adjust_model(moved, poses, PLANE)
    assert np.abs(adjusted.model.centers_m - model.centers_m).max() < 0.1
    assert np.degrees(np.abs(turn_between(adjusted.model.axes, model.axes))).max() < 0.1


def test_one_strip_cannot_tell_its_roll_so_the_gimbal_does() -> None:
    poses = [make_pose(0.0, 5.0 * index) for index in range(12)]
    model = model_from_poses(poses)
    rolled = replace(model, axes=turn_axes(model.axes, np.array([0.0, np.radians(4.0), 0.0])))
    adjusted = adjust_model(rolled, poses, PLANE)
    assert np.degrees(np.abs(turn_between(adjusted.model.axes, model.axes))).max() < 0.3
    assert adjusted.turn_std_deg[1] == pytest.approx(0.5, abs=0.01)  # the gimbal, alone
    assert adjusted.turn_std_deg[0] < 0.3


def test_photos_that_turn_against_the_others_are_left_out() -> None:
    poses = make_grid()
    model = model_from_poses(poses)
    axes = model.axes.copy()
    axes[3] = turn_axes(axes[3], np.array([0.0, 0.0, np.radians(40.0)]))
    adjusted = adjust_model(replace(model, axes=axes), poses, PLANE)
    assert list(np.flatnonzero(~adjusted.agrees)) == [3]
    assert np.abs(adjusted.gimbal_turn_deg[adjusted.agrees]).max() < 0.1


def test_a_model_that_bends_agrees_with_few_photos() -> None:
    poses = make_grid()
    model = model_from_poses(poses)
    bend = np.radians(np.linspace(-10.0, 10.0, len(poses)))
    axes = [
        turn_axes(one, np.array([angle, 0.0, 0.0]))
        for one, angle in zip(model.axes, bend, strict=True)
    ]
    adjusted = adjust_model(replace(model, axes=np.array(axes)), poses, PLANE)
    assert adjusted.agrees.mean() < MIN_AGREEING


def test_too_few_poses_are_refused_by_name(tmp_path: Path) -> None:
    photos = (make_photo("a", make_pose(0, 0)), make_photo("b", None))
    flight = Flight("f", FlightKind.DRONE, photos, ())
    with pytest.raises(NotRefinedError, match="fewer than three"):
        refine_flight(flight, tmp_path / "surface.tif")
    assert not list(tmp_path.iterdir())


def test_surface_keeps_a_roof_and_leaves_out_what_flies(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    level = rng.uniform(0, 40, (1200, 2))
    roof = (level > 10).all(axis=1) & (level < 20).all(axis=1)
    points = np.column_stack([level, np.where(roof, 9.0, 0.0)])
    bird = np.array([[30.0, 30.0, 25.0]])
    assert len(drop_outliers(np.vstack([points, bird]))) >= 0.95 * len(points)
    path = tmp_path / "surface.tif"
    assert write_surface(path, np.vstack([points, bird]), PLANE)
    with rasterio.open(path) as file:
        heights = file.read(1)
        row, column = file.index(15.0, 15.0)
        ground = file.index(30.0, 30.0)
    assert heights[row, column] == pytest.approx(9.0, abs=0.1)
    assert heights[ground] == pytest.approx(0.0, abs=0.1)
    assert heights[heights != NODATA].max() < 10.0


def test_a_surface_of_a_few_points_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "surface.tif"
    assert not write_surface(path, np.zeros((10, 3)), PLANE)
    assert not path.exists()


def test_poses_survive_their_file_and_go_by_content(tmp_path: Path) -> None:
    camera = replace(CAMERA, distortion=(-0.1, 0.02, 0.0, 0.0, 0.0))
    photo = replace(make_photo("a", make_pose(1, 2)), intrinsics=camera)
    path = tmp_path / "poses.json"
    write_poses(path, [photo, make_photo("b", None)])
    plain = replace(photo, photo_id="renamed", pose=make_pose(0, 0), intrinsics=CAMERA)
    other = make_photo("c", make_pose(9, 9))
    restored, untouched = apply_poses(path, [plain, other])
    assert (restored.pose, restored.intrinsics) == (photo.pose, camera)
    assert untouched == other


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": "x", "photos": {}}', '{"format": "hazardlens-poses/1"}']
)
def test_another_file_is_no_file_of_poses(tmp_path: Path, text: str) -> None:
    path = tmp_path / "poses.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"poses\.json"):
        apply_poses(path, [])


def test_a_row_with_a_missing_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "poses.json"
    write_poses(path, [make_photo("a", make_pose(1, 2))])
    document = json.loads(path.read_text(encoding="utf-8"))
    row = next(iter(document["photos"].values()))
    pose, camera = row["pose"], row["intrinsics"]
    wrong_values: list[dict[str, object]] = [{"lon": "east"}, {"yaw_deg": []}, {"lon": None}]
    for broken in wrong_values:
        wrong = document | {"photos": {"a": {"pose": pose | broken, "intrinsics": camera}}}
        path.write_text(json.dumps(wrong), encoding="utf-8")
        with pytest.raises(InvalidInputError):
            apply_poses(path, [])
    del pose["lon"]
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InvalidInputError):
        apply_poses(path, [])


def test_a_surface_knows_its_zero(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    points = np.column_stack([rng.uniform(0, 40, (2000, 2)), np.full(2000, 3.0)])
    path = tmp_path / "surface.tif"
    assert write_surface(path, points, PLANE)
    terrain = Terrain.open(path)
    assert (terrain.takeoff_height_m, terrain.method) == (0.0, "surface")
    assert float(terrain.view_from(113.0, 23.0).heights_at(np.array([20.0, 20.0]))) == (
        pytest.approx(3.0, abs=0.01)
    )
