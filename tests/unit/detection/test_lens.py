from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.lens import distort_points, undistort_points
from detection.domain.photo import Photo
from detection.georeference import NotPlacedError, place_pixel, project_point, project_points

REAL = (-0.25979900, 0.07976450, -0.00023520, 0.00012120, -0.01312380)
"""What a drone with a mechanical shutter writes into its photos."""

FOLDING = (-0.3, 0.0, 0.0, 0.0, 0.0)
"""Turns back at a radius of 1.054, where it shows 0.703."""

CAMERA = CameraIntrinsics(
    5472, 3648, 3666.7, 2736.0, 1824.0, "xmp:CalibratedFocalLength", distortion=REAL
)
POSE = CameraPose(106.55, 29.56, 60.0, None, 30.0, -60.0, 4.0, 1.5, 3.0, 2.0, 0.5, 0.5, "test")
PHOTO = Photo("a.jpg", Path("a.jpg"), "0" * 64, 5472, 3648, None, "FC6310", CAMERA, POSE)

coefficients = st.tuples(
    st.floats(-0.25, 0.25),
    st.floats(-0.1, 0.1),
    st.floats(-0.003, 0.003),
    st.floats(-0.003, 0.003),
    st.floats(-0.02, 0.02),
)
points = st.tuples(st.floats(-0.6, 0.6), st.floats(-0.45, 0.45))


@given(distortion=coefficients, point=points)
def test_undistorting_undoes_distorting(
    distortion: tuple[float, float, float, float, float], point: tuple[float, float]
) -> None:
    back = undistort_points(distort_points(np.array([point]), distortion), distortion)
    assert back[0] == pytest.approx(point, abs=1e-5)


def test_the_model_is_that_of_opencv() -> None:
    rng = np.random.default_rng(1)
    ideal = rng.uniform(-0.5, 0.5, (50, 2))
    shown, _ = cv2.projectPoints(
        np.column_stack([ideal, np.ones(50)]), np.zeros(3), np.zeros(3), np.eye(3), np.array(REAL)
    )
    assert distort_points(ideal, REAL) == pytest.approx(shown[:, 0], abs=1e-12)


def test_what_the_model_does_not_reach_is_no_number() -> None:
    beyond = np.array([[1.2, 0.0], [5.0, 3.0]])
    assert np.isnan(distort_points(beyond, FOLDING)).all()
    assert np.isnan(undistort_points(np.array([[0.75, 0.0]]), FOLDING)).all()
    assert not np.isnan(undistort_points(np.array([[0.69, 0.0]]), FOLDING)).any()


def test_no_distortion_changes_nothing() -> None:
    points_ = np.array([[0.3, -0.2], [9.0, 4.0]])
    assert distort_points(points_, (0.0,) * 5) == pytest.approx(points_)
    assert undistort_points(points_, (0.0,) * 5) == pytest.approx(points_)


@given(x_px=st.floats(0, 5472), y_px=st.floats(0, 3648))
def test_placing_through_a_lens_and_projecting_are_inverse(x_px: float, y_px: float) -> None:
    ground = place_pixel(PHOTO, x_px, y_px)
    assert project_point(POSE, CAMERA, ground.lon, ground.lat) == pytest.approx(
        (x_px, y_px), abs=0.01
    )


def test_a_lens_moves_a_corner_by_metres() -> None:
    plain = replace(PHOTO, intrinsics=replace(CAMERA, distortion=None))
    with_lens, without = (place_pixel(photo, 200.0, 3500.0) for photo in (PHOTO, plain))
    assert abs(with_lens.lon - without.lon) * 97_000 > 5.0


def test_a_pixel_beyond_the_lens_model_is_refused() -> None:
    camera = replace(CAMERA, focal_px=2000.0, distortion=FOLDING)
    with pytest.raises(NotPlacedError, match="outside_lens_model"):
        place_pixel(replace(PHOTO, intrinsics=camera), 5470.0, 3640.0)


def test_a_place_far_beside_the_photo_does_not_fold_into_it() -> None:
    camera = replace(CAMERA, distortion=FOLDING)
    nadir = replace(POSE, pitch_deg=-90.0)
    east = [(POSE.lon + metres / 97_000, POSE.lat) for metres in (10.0, 120.0)]
    near, far = project_points(nadir, camera, east)
    assert not np.isnan(near).any()
    assert np.isnan(far).all()
