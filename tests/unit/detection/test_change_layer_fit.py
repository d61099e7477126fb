"""Whether a layer lies on the buildings that photos show: how far off, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely.affinity import translate

from detection.change.errors import LayerMovedError
from detection.change.layer_fit import check_layer, fit_layer
from tests.drawn_village import HOUSES, draw_points

POINTS = draw_points(1)


@pytest.mark.parametrize("off_m", [(0.0, 0.0), (1.5, -0.75), (-3.2, 2.1), (8.0, 5.0)])
def test_how_far_a_layer_is_off_is_found(off_m: tuple[float, float]) -> None:
    moved = [translate(house, *off_m) for house in HOUSES]
    fit = fit_layer(POINTS, moved)
    assert fit is not None
    assert fit.is_known
    assert fit.shift_m == pytest.approx((-off_m[0], -off_m[1]), abs=0.3)


def test_what_positions_explain_is_put_right_and_more_is_refused_by_name() -> None:
    moved = [translate(house, 3.0, 0.0) for house in HOUSES]
    assert check_layer(POINTS, moved, 1.5) == pytest.approx((-3.0, 0.0), abs=0.3)
    with pytest.raises(LayerMovedError, match=r"3\.[0-3] m west and 0\.[0-3] m") as caught:
        check_layer(POINTS, moved, 0.05)
    assert caught.value.code == "change_layer_moved"


def test_a_bad_day_of_satellites_is_put_right_and_a_layer_beyond_it_is_refused() -> None:
    four_sigmas = [translate(house, -0.9, 5.9) for house in HOUSES]
    assert check_layer(POINTS, four_sigmas, 1.5) == pytest.approx((0.9, -5.9), abs=0.3)
    beyond = [translate(house, 0.0, 8.0) for house in HOUSES]
    with pytest.raises(LayerMovedError, match=r"(7\.[7-9]|8\.[0-3]) m south"):
        check_layer(POINTS, beyond, 1.5)


def test_a_layer_that_fits_is_left_alone() -> None:
    rng = np.random.default_rng(2)
    drawn = [translate(house, *rng.normal(0.0, 0.2, 2)) for house in HOUSES]
    assert np.hypot(*check_layer(POINTS, drawn, 0.05)) < 0.3


def test_where_nothing_stands_out_nothing_is_moved() -> None:
    rng = np.random.default_rng(3)
    flat = np.column_stack([rng.uniform(0, 90, (5000, 2)), rng.normal(0, 0.1, 5000)])
    moved = [translate(house, 6.0, 0.0) for house in HOUSES]
    assert check_layer(flat, moved, 0.05) == (0.0, 0.0)


def test_trees_among_the_houses_do_not_pull_the_layer() -> None:
    rng = np.random.default_rng(4)
    yards = shapely.unary_union(HOUSES).buffer(1.0)
    middles = [
        (e, n) for e, n in rng.uniform(5, 85, (60, 2)) if not yards.contains(shapely.Point(e, n))
    ]
    crowns = [
        np.column_stack([rng.normal(middle, 1.2, (40, 2)), rng.uniform(3, 9, 40)])
        for middle in middles
    ]
    moved = [translate(house, -2.0, 1.0) for house in HOUSES]
    assert check_layer(np.vstack([POINTS, *crowns]), moved, 1.5) == pytest.approx(
        (2.0, -1.0), abs=0.5
    )


def test_few_points_tell_nothing() -> None:
    assert fit_layer(POINTS[:20], HOUSES) is None
    assert check_layer(POINTS[:20], HOUSES, 0.05) == (0.0, 0.0)


def test_a_few_footprints_refuse_nothing() -> None:
    few = [translate(HOUSES[number], -1.0, 0.5) for number in (0, 5, 10)]
    assert np.hypot(*check_layer(POINTS, few, 0.05)) < 2.1
