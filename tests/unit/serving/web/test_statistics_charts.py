"""Bars and intervals are drawn as long as what they stand for."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.review.blind.figures import Agreement, measure_share
from serving.web.statistics_charts import CHART_HEIGHT, draw_agreement, draw_days, draw_share

TODAY = date(2026, 11, 22)


def test_bars_stand_on_their_days_and_the_highest_fills_the_chart() -> None:
    chart = draw_days({TODAY: 6, date(2026, 11, 20): 3, date(2025, 1, 1): 99}, 7, today=TODAY)
    assert [bar.count for bar in chart.bars] == [0, 0, 0, 0, 3, 0, 6]
    assert [bar.height for bar in chart.bars[-3:]] == [CHART_HEIGHT / 2, 0, CHART_HEIGHT]
    assert all(bar.y + bar.height == pytest.approx(CHART_HEIGHT) for bar in chart.bars)
    assert chart.highest == 6


def test_charts_beside_each_other_have_one_scale() -> None:
    assert draw_days({TODAY: 3}, 7, today=TODAY, top=12).bars[-1].height == CHART_HEIGHT / 4


def test_no_act_draws_no_bar() -> None:
    assert {bar.height for bar in draw_days({}, 30, today=TODAY).bars} == {0.0}


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_stays_inside_and_holds_its_mark(counted: tuple[int, int]) -> None:
    drawn = draw_share(measure_share(*counted))
    assert drawn is not None
    assert 0.0 <= drawn.low <= drawn.low + drawn.width <= 100.0 + 1e-9
    assert 0.0 <= drawn.point_x <= 100.0 - drawn.point_width


def test_what_is_not_measured_is_not_drawn() -> None:
    assert draw_share(measure_share(0, 0)) is None
    assert draw_agreement(Agreement(3, 3, None)) is None
    worse_than_chance = draw_agreement(Agreement(4, 0, -0.5))
    assert worse_than_chance is not None
    assert worse_than_chance.width == 0.0
