"""The finest ground sampling distance of a photo of level ground."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.sight import compute_finest_gsd_m

INTRINSICS = CameraIntrinsics(4000, 3000, 3000.0, 2000.0, 1500.0, "test")
NADIR = CameraPose(
    lon=121.0,
    lat=31.0,
    altitude_agl_m=60.0,
    altitude_m=None,
    yaw_deg=30.0,
    pitch_deg=-90.0,
    roll_deg=0.0,
    horizontal_std_m=1.0,
    vertical_std_m=1.0,
    yaw_std_deg=1.0,
    pitch_std_deg=1.0,
    roll_std_deg=1.0,
    source="test",
)


@given(st.floats(5.0, 500.0), st.floats(0.0, 360.0))
def test_straight_down_it_is_height_over_focal_length(height_m: float, yaw_deg: float) -> None:
    pose = replace(NADIR, altitude_agl_m=height_m, yaw_deg=yaw_deg)
    assert compute_finest_gsd_m(INTRINSICS, pose) == pytest.approx(height_m / 3000.0)


@given(st.floats(-85.0, -20.0))
def test_a_slanting_view_is_finest_at_its_lower_edge(pitch_deg: float) -> None:
    pose = replace(NADIR, pitch_deg=pitch_deg)
    found = compute_finest_gsd_m(INTRINSICS, pose)
    middle = compute_finest_gsd_m(
        replace(INTRINSICS, width_px=2, height_px=2, cx_px=1, cy_px=1), pose
    )
    assert found is not None
    assert middle is not None
    assert found < middle


def test_the_sky_and_an_unknown_pose_have_none() -> None:
    assert compute_finest_gsd_m(INTRINSICS, replace(NADIR, pitch_deg=60.0)) is None
    assert compute_finest_gsd_m(INTRINSICS, replace(NADIR, altitude_agl_m=None)) is None
    assert compute_finest_gsd_m(INTRINSICS, replace(NADIR, altitude_agl_m=-3.0)) is None
    assert compute_finest_gsd_m(INTRINSICS, replace(NADIR, roll_deg=None)) is None
