"""Laying one flight's surface on another's: shift, turn, bend, and refusing what does not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from detection.change.bend import build_terms, fit_robust
from detection.change.coregister import MAX_SIGMA_M, coregister, move_epoch
from detection.change.epoch import Epoch, shift_epoch
from detection.change.errors import NotCoregisteredError
from detection.change.shift import find_shift
from detection.change.surface import describe_surface, find_outside
from detection.domain.geometry import FloatArray
from tests.drawn_village import HEIGHTS_M, HOUSES, NOISE_M, SIDE_M, draw_points, make_epoch


def disturb(epoch: Epoch, turn: FloatArray, scale: float, shift: FloatArray) -> Epoch:
    """Move an epoch about its middle, as the positions of another flight would."""
    matrix = Rotation.from_rotvec(turn).as_matrix()
    middle = epoch.model.points_m.mean(axis=0)
    model = replace(
        epoch.model,
        points_m=middle + shift + scale * (epoch.model.points_m - middle) @ matrix.T,
        centers_m=middle + shift + scale * (epoch.model.centers_m - middle) @ matrix.T,
        axes=epoch.model.axes @ matrix.T,
    )
    return replace(epoch, model=model)


BASE = make_epoch(draw_points(1))


@pytest.mark.parametrize("seed", range(4))
def test_a_disturbed_flight_comes_back_whatever_rose_in_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    turn, scale = rng.uniform(-0.012, 0.012, 3), rng.uniform(0.985, 1.015)
    shift = rng.uniform([-6.0, -6.0, -60.0], [6.0, 6.0, 60.0])
    rises = dict.fromkeys(range(0, len(HOUSES), 4), 3.0)
    there = make_epoch(draw_points(2, rises))
    moved = disturb(there, turn, scale, shift)
    found = coregister(BASE, moved, HOUSES)
    back = move_epoch(moved, found)
    bend = found.bend_at(back.model.points_m[:, :2])
    off = back.model.points_m - there.model.points_m + np.column_stack([0 * bend, 0 * bend, bend])
    assert np.abs(np.median(off[:, :2], axis=0)).max() < 0.4
    assert np.percentile(np.abs(off[:, 2]), 95) < 0.12
    assert found.on_ground
    assert found.sigma_dz_m < 3 * NOISE_M
    assert_allclose(back.model.axes @ back.model.axes.swapaxes(1, 2), [np.eye(3)], atol=1e-9)


def test_a_bend_of_the_model_is_taken_out_and_does_not_hide_a_rise() -> None:
    points = draw_points(2, {7: 3.0})
    middle = points.mean(axis=0)
    level = (points[:, :2] - middle[:2]) / 100.0
    bend = 1.2 * level[:, 0] ** 2 - 0.9 * level[:, 0] * level[:, 1]
    found = coregister(BASE, make_epoch(points + np.outer(bend, [0, 0, 1.0])), HOUSES)
    house = HOUSES[7].buffer(-1.0)
    inside = shapely.contains_xy(house, points[:, 0], points[:, 1])
    moved = found.move(points + np.outer(bend, [0, 0, 1.0]))
    heights = moved[:, 2] + found.bend_at(moved[:, :2])
    assert np.median(heights[inside]) == pytest.approx(HEIGHTS_M[7] + 3.0, abs=0.1)
    assert found.sigma_dz_m < 3 * NOISE_M


def test_the_frame_may_be_moved_afterwards() -> None:
    moved = disturb(BASE, np.array([0.0, 0.01, 0.0]), 1.0, np.array([2.0, -1.0, 5.0]))
    found = coregister(BASE, moved, HOUSES)
    shifted = found.shifted(1.5, -0.5)
    there = move_epoch(moved, shifted).model.points_m
    expected = shift_epoch(move_epoch(moved, found), 1.5, -0.5).model.points_m
    assert_allclose(there, expected, atol=1e-9)
    assert_allclose(
        shifted.bend_at(there[:, :2]), found.bend_at(there[:, :2] - [1.5, -0.5]), atol=1e-9
    )


def test_what_is_not_the_same_place_is_refused() -> None:
    rng = np.random.default_rng(9)
    wild = np.column_stack([rng.uniform(0, SIDE_M, (6000, 2)), rng.uniform(0, 9, 6000)])
    with pytest.raises(NotCoregisteredError):
        coregister(BASE, make_epoch(wild), [])


def test_too_few_shared_places_are_refused() -> None:
    with pytest.raises(NotCoregisteredError, match="too few places"):
        coregister(BASE, shift_epoch(BASE, 500.0, 0.0), [])


def test_the_error_grows_with_the_noise_of_the_ground() -> None:
    rng = np.random.default_rng(5)
    points = draw_points(2)
    points[:, 2] += rng.normal(0.0, 0.25, len(points))
    found = coregister(BASE, make_epoch(points), HOUSES)
    assert found.sigma_dz_m == pytest.approx(np.hypot(0.25, 1.3 * NOISE_M), abs=0.04)
    assert found.sigma_dz_m < MAX_SIGMA_M


def test_without_ground_the_roofs_decide() -> None:
    everywhere = [shapely.box(-5.0, -5.0, SIDE_M + 5.0, SIDE_M + 5.0)]
    found = coregister(BASE, make_epoch(draw_points(2)), everywhere)
    assert not found.on_ground


def test_the_rough_shift_is_not_the_one_with_the_least_overlap() -> None:
    base = draw_points(1)
    shift = find_shift(base, draw_points(2) - [7.0, -4.0, 3.0], 15.0)
    assert shift is not None
    assert_allclose(shift, [7.0, -4.0, 3.0], atol=0.6)


def test_points_outside_a_margin_of_buildings() -> None:
    points = np.array([[1.0, 1.0, 0.0], [11.0, 5.0, 0.0], [12.5, 5.0, 0.0]])
    outside = find_outside(points, [shapely.box(0, 0, 10, 10)], 2.0)
    assert outside.tolist() == [False, False, True]
    assert find_outside(points, [], 2.0).all()


def test_smooth_parts_are_told_from_leaves_and_walls() -> None:
    rng = np.random.default_rng(6)
    flat = np.column_stack([rng.uniform(0, 20, (500, 2)), rng.normal(0, 0.03, 500)])
    leaves = np.column_stack([rng.uniform(30, 40, (500, 2)), rng.uniform(2, 6, 500)])
    wall = np.column_stack([np.full(500, 60.0), rng.uniform(0, 20, 500), rng.uniform(0, 20, 500)])
    smooth = describe_surface(np.vstack([flat, leaves, wall])).is_smooth
    assert smooth[:500].mean() > 0.95
    assert smooth[500:].mean() < 0.1


def test_a_robust_fit_ignores_what_stands_out() -> None:
    rng = np.random.default_rng(7)
    level = rng.uniform(-80, 80, (600, 2))
    truth = np.array([0.3, -0.2, 0.1, 0.4, 0.0, -0.3])
    values = build_terms(level) @ truth + rng.normal(0, 0.02, 600)
    values[:150] += 3.0
    assert_allclose(fit_robust(build_terms(level), values, 1.0), truth, atol=0.02)
