from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.domain.geometry import BBox, Polygon, compute_polygon_area
from detection.outlines import build_shape, find_near_pairs, join_polygons

PAGE = BBox(0, 0, 1000, 1000)


def rectangle(x_min: float, y_min: float, x_max: float, y_max: float) -> Polygon:
    return ((x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max))


@st.composite
def rectangles(draw: st.DrawFn) -> Polygon:
    x, y = draw(st.integers(0, 900)), draw(st.integers(0, 900))
    return rectangle(x, y, x + draw(st.integers(1, 100)), y + draw(st.integers(1, 100)))


def sum_areas(polygons: tuple[Polygon, ...]) -> float:
    return sum(compute_polygon_area(polygon) for polygon in polygons)


def test_polygons_that_overlap_become_one_and_others_stay() -> None:
    joined = join_polygons(
        [
            ((rectangle(0, 0, 60, 10),), 1.0),
            ((rectangle(50, 0, 90, 10), rectangle(500, 0, 510, 10)), 1.0),
        ],
        PAGE,
    )
    assert len(joined) == 2
    assert [build_shape([one]).bounds for one in joined] == [(0, 0, 90, 10), (500, 0, 510, 10)]
    assert sum_areas(joined) == pytest.approx(1000)


def test_a_coarse_band_only_fills_the_gaps_of_the_fine_outline() -> None:
    fine = (rectangle(0, 98, 300, 102), rectangle(500, 98, 800, 102))
    band, elsewhere = rectangle(0, 84, 800, 116), rectangle(0, 500, 100, 540)
    joined = join_polygons([((band, elsewhere), 0.25), (fine, 1.0)], PAGE)
    gap = rectangle(332, 84, 468, 116)  # a band's blur is 8 px of the model, here 32 of the photo
    assert build_shape(joined).symmetric_difference(build_shape([*fine, gap, elsewhere])).area < 250
    assert join_polygons([((band,), 0.25)], PAGE) == join_polygons([((band,), 1.0)], PAGE)


def test_a_closed_loop_stays_open_inside() -> None:
    sides = [(0, 0, 100, 10), (0, 90, 100, 100), (0, 0, 10, 100), (90, 0, 100, 100)]
    joined = join_polygons([((rectangle(*side),), 1.0) for side in sides], PAGE)
    assert len(joined) == 2
    assert sum_areas(joined) == pytest.approx(100**2 - 80**2)


def test_a_ring_that_crosses_itself_is_mended() -> None:
    bow_tie = ((0.0, 0.0), (10.0, 10.0), (10.0, 0.0), (0.0, 10.0))
    joined = join_polygons([((bow_tie,), 1.0), ((rectangle(4, 4, 6, 6),), 1.0)], PAGE)
    assert sum_areas(joined) == pytest.approx(52, abs=1.5)


@pytest.mark.parametrize("ring", [(), ((1.0, 1.0), (2.0, 2.0)), ((1.0, 1.0),) * 4])
def test_what_encloses_nothing_is_left_out(ring: Polygon) -> None:
    assert join_polygons([((ring,), 1.0)], PAGE) == ()
    assert join_polygons([], PAGE) == ()


def test_nearness_is_between_outlines_not_boxes() -> None:
    falling = ((0.0, 0.0), (4.0, 0.0), (100.0, 96.0), (100.0, 100.0))
    near = ((14.0, 0.0), (18.0, 0.0), (110.0, 92.0), (110.0, 96.0))
    for distance_px, expected in (
        (4.0, {(0, 0), (1, 1)}),
        (10.0, {(0, 0), (0, 1), (1, 0), (1, 1)}),
    ):
        first, second = find_near_pairs([(falling,), (near,)], distance_px)
        assert set(zip(first.tolist(), second.tolist(), strict=True)) == expected


def test_an_outline_inside_of_another_is_near_it() -> None:
    first, _ = find_near_pairs([(rectangle(0, 0, 90, 90),), (rectangle(40, 40, 50, 50),)], 4.0)
    assert len(first) == 4


def test_no_shapes_have_no_pairs() -> None:
    for outlines in ([], [()], [(((1.0, 1.0), (2.0, 2.0)),)]):
        first, second = find_near_pairs(outlines, 4.0)
        assert (len(first), len(second)) == (0, 0)


@settings(deadline=None)
@given(st.lists(rectangles(), min_size=1, max_size=12))
def test_a_union_covers_each_part_and_nothing_else(parts: list[Polygon]) -> None:
    joined = join_polygons([((part,), 1.0) for part in parts], PAGE)
    union = build_shape(parts)
    again = build_shape(joined)
    closed = 64 * len(joined)  # small holes are closed
    assert union.difference(again).area < 1
    assert again.difference(union).area <= closed
    assert sum_areas(joined) == pytest.approx(again.area, abs=1)
