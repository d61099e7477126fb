from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.synthetic.camera import Array, rotation_from_gimbal
from training.synthetic.flight_plan import Exposure
from training.synthetic.geodesy import StreetFrame
from training.synthetic.noise import NoiseKind, Spread, choose_noise, split_spread
from training.synthetic.survey import (
    Survey,
    aim_at,
    expose_survey,
    gimbal_from_rotation,
)

FRAME = StreetFrame(113.0, 23.0, 68.0)
SIZE = (400, 300)
EXACT = choose_noise(NoiseKind.NONE)
GROUND = np.array([0.0])


def middle_of(exposure: Exposure) -> Array:
    return aim_at(exposure.shot.camera, np.array([[200.0, 150.0]]), GROUND)[0, :]


@pytest.mark.parametrize("pitch_deg", [-90.0, -60.0, -30.0])
@pytest.mark.parametrize("overlap", [0.0, 0.6, 0.9])
def test_neighbours_in_a_line_overlap_as_asked_at_the_middle(
    pitch_deg: float, overlap: float
) -> None:
    survey = Survey(9, SIZE, 50.0, pitch_deg, overlap)
    positions, way = survey.plan_positions()
    along = np.abs(np.diff(positions[:, 0]))[way[:-1] == way[1:]]
    # A pixel of the middle row's neighbourhood covers slant / focal, stretched by the slope.
    slant_m = 50.0 / math.sin(math.radians(-pitch_deg))
    focal_px = 24 / 43.2666 * 500
    footprint_m = 300 * slant_m / focal_px / math.sin(math.radians(-pitch_deg))
    assert along == pytest.approx(footprint_m * (1 - overlap))


def test_the_block_looks_at_the_middle_of_the_street() -> None:
    rng = np.random.default_rng(0)
    survey = Survey(16, SIZE, 40.0, -45.0, 0.8)
    exposures = expose_survey(rng, survey, FRAME, base_m=0.0, noise=EXACT)
    middles = np.array([middle_of(one) for one in exposures])
    assert np.abs(middles.mean(axis=0)).max() < 2.0
    x_low, y_low, x_high, y_high = survey.bounds()
    assert (middles[:, 0] > x_low).all()
    assert (middles[:, 0] < x_high).all()
    assert (middles[:, 1] > y_low).all()
    assert (middles[:, 1] < y_high).all()


def test_without_noise_the_written_angles_are_the_true_ones() -> None:
    rng = np.random.default_rng(0)
    for one in expose_survey(rng, Survey(6, SIZE, 40.0), FRAME, base_m=12.0, noise=EXACT):
        assert (one.written.yaw_deg, one.written.pitch_deg) == (one.shot.yaw_deg, -90.0)
        assert one.written.relative_m == pytest.approx(one.shot.camera.position[2])
        assert one.written.altitude_m == pytest.approx(one.written.relative_m + 12.0)
        assert one.focal_px == one.shot.camera.focal_px


@given(st.floats(-179, 179), st.floats(-89, 60), st.floats(-179, 179))
def test_angles_of_a_rotation_make_the_same_rotation(yaw: float, pitch: float, roll: float) -> None:
    rotation = rotation_from_gimbal(yaw, pitch, roll)
    again = rotation_from_gimbal(*gimbal_from_rotation(rotation))
    assert np.allclose(again, rotation, atol=1e-9)


@pytest.mark.parametrize("pitch_deg", [-90.0, -45.0])
def test_a_gimbal_errs_to_the_side_as_much_as_forward_also_straight_down(pitch_deg: float) -> None:
    noise = choose_noise(NoiseKind.NONE, gimbal_std_deg=1.0)
    rng = np.random.default_rng(3)
    survey = Survey(1, SIZE, 100.0, pitch_deg)
    aside, ahead = [], []
    for _ in range(400):
        (one,) = expose_survey(rng, survey, FRAME, base_m=0.0, noise=noise)
        meant = rotation_from_gimbal(one.written.yaw_deg, pitch_deg, 0.0)
        forward = (one.shot.camera.rotation @ FRAME.enu_from_street.T)[2]
        right, down = meant[0] @ forward, meant[1] @ forward
        aside.append(math.degrees(right))
        ahead.append(math.degrees(down))
        assert np.allclose(
            rotation_from_gimbal(one.shot.yaw_deg, one.shot.pitch_deg, one.shot.roll_deg)
            @ FRAME.enu_from_street,
            one.shot.camera.rotation,
            atol=1e-9,
        )
    assert np.std(ahead) == pytest.approx(1.0, rel=0.12)
    # A lean about the level heading moves a flat view by the sine of its pitch.
    assert np.std(aside) == pytest.approx(math.sin(math.radians(-pitch_deg)), rel=0.12)


def test_written_positions_spread_as_asked_around_the_true_ones() -> None:
    noise = choose_noise(NoiseKind.GPS, gps_std_m=1.5, height_std_m=3.0, yaw_std_deg=2.0)
    rng = np.random.default_rng(1)
    up, east, yaw = [], [], []
    for _ in range(500):
        (one,) = expose_survey(rng, Survey(1, SIZE, 60.0), FRAME, base_m=0.0, noise=noise)
        lon, _ = FRAME.lonlat_from_street(one.shot.camera.position)
        east.append((one.written.lon - lon) * 111_320 * math.cos(math.radians(23.0)))
        up.append(one.written.relative_m - one.shot.camera.position[2])
        right = (one.shot.camera.rotation @ FRAME.enu_from_street.T)[0]
        true_yaw = math.degrees(math.atan2(-right[1], right[0]))
        yaw.append((one.written.yaw_deg - true_yaw + 180) % 360 - 180)
    assert np.std(east) == pytest.approx(1.5, rel=0.12)
    assert np.std(up) == pytest.approx(3.0, rel=0.12)
    assert np.std(yaw) == pytest.approx(2.0, rel=0.12)


def test_a_flight_shares_most_of_a_receivers_error() -> None:
    spread = split_spread(1.5, 0.2)
    assert spread.total == pytest.approx(1.5)
    assert spread.photo == pytest.approx(0.3)


def test_given_deviations_replace_only_their_own() -> None:
    changed = choose_noise(NoiseKind.RTK, gimbal_std_deg=0.5)
    assert changed.gimbal_deg.total == pytest.approx(0.5)
    assert changed.position_m == Spread(0.01, 0.01)
    assert changed.has_rtk
