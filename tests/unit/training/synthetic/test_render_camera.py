from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.synthetic.camera import PinholeCamera, aim_camera, rotation_from_gimbal
from training.synthetic.geodesy import StreetFrame

angles = st.floats(-179, 179)


@given(angles, st.floats(-90, 60), st.floats(-45, 45))
def test_rotation_is_orthonormal_and_right_handed(yaw: float, pitch: float, roll: float) -> None:
    rotation = rotation_from_gimbal(yaw, pitch, roll)
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_level_camera_facing_east_has_south_on_its_right() -> None:
    right, down, forward = rotation_from_gimbal(90.0, 0.0, 0.0)
    assert np.allclose(forward, [1, 0, 0], atol=1e-12)
    assert np.allclose(right, [0, -1, 0], atol=1e-12)
    assert np.allclose(down, [0, 0, -1], atol=1e-12)


def test_nadir_photo_has_the_yaw_direction_at_its_top() -> None:
    camera = PinholeCamera(
        200, 100, 150.0, np.array([0.0, 0.0, 10.0]), rotation_from_gimbal(90.0, -90.0, 0.0)
    )
    xy, depth = camera.project(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    assert np.allclose(xy, [[100, 35], [85, 50], [100, 50]])
    assert np.allclose(depth, 10)


def test_clockwise_roll_raises_what_lies_to_the_right() -> None:
    camera = PinholeCamera(200, 100, 150.0, np.zeros(3), rotation_from_gimbal(0.0, 0.0, 10.0))
    xy, _ = camera.project(np.array([[5.0, 10.0, 0.0]]))
    assert xy[0, 1] < 50


@given(st.floats(1, 199), st.floats(1, 99))
def test_ray_of_a_pixel_projects_back_to_it(x: float, y: float) -> None:
    camera = aim_camera(
        np.array([3.0, -4.0, 12.0]), np.zeros(3), roll_deg=7.0, focal_px=150.0, size_px=(200, 100)
    )
    point = camera.position + 17.0 * camera.rays(np.array([[x, y]]))
    xy, depth = camera.project(point)
    assert np.allclose(xy, [[x, y]], atol=1e-9)
    assert depth[0] == pytest.approx(17.0)


def test_points_behind_the_lens_have_no_pixel() -> None:
    camera = PinholeCamera(200, 100, 150.0, np.zeros(3), rotation_from_gimbal(0.0, 0.0, 0.0))
    xy, depth = camera.project(np.array([[0.0, -5.0, 0.0]]))
    assert np.isnan(xy).all()
    assert depth[0] == -5


@pytest.mark.parametrize("heading_deg", [0.0, 68.0, 200.0])
def test_street_positions_agree_with_geodesic_distance_and_azimuth(heading_deg: float) -> None:
    pyproj = pytest.importorskip("pyproj")
    geod = pyproj.Geod(ellps="WGS84")
    frame = StreetFrame(113.0, 23.0, heading_deg)
    for point in ([80.0, 0.0], [0.0, 50.0], [-60.0, -30.0]):
        lon, lat = frame.lonlat_from_street(np.array(point))
        azimuth, _, distance = geod.inv(113.0, 23.0, lon, lat)
        assert distance == pytest.approx(float(np.hypot(point[0], point[1])), abs=0.005)
        expected = heading_deg - np.degrees(np.arctan2(point[1], point[0]))
        assert (azimuth - expected + 180) % 360 - 180 == pytest.approx(0.0, abs=0.01)
