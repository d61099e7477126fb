"""Pairing the boxes of two models: symmetric, each box once, nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.learning.shadow_judgements import Judgement
from serving.learning.shadow_matching import Difference, ModelBox, draw_lot, match_boxes
from serving.learning.shadow_tally import MIN_JUDGED, ShadowTally

OK, MISSING = "manhole_ok", "manhole_missing"


def box(x: float = 0, key: str = OK, score: float = 0.5) -> ModelBox:
    return ModelBox(key, score, (x, 0.0, x + 10.0, 10.0))


boxes = st.lists(
    st.builds(box, st.integers(0, 12).map(lambda k: 4.0 * k), st.sampled_from([OK, MISSING])),
    max_size=6,
)


def test_the_same_boxes_are_no_difference_whatever_the_score() -> None:
    found = match_boxes([box(0), box(50)], [box(50, score=0.9), box(1)])
    assert (found.both, found.differences) == (2, ())


def test_what_only_one_has_is_told_apart() -> None:
    found = match_boxes([box(0)], [box(50)])
    assert found.differences == (Difference(box(0), None), Difference(None, box(50)))
    assert (found.count_only(shadow=True), found.count_only(shadow=False)) == (1, 1)


def test_two_classes_in_one_place_are_one_difference() -> None:
    found = match_boxes([box(0, MISSING)], [box(1, OK)])
    assert found.differences == (Difference(box(0, MISSING), box(1, OK)),)
    assert (found.both, found.count_only(shadow=True), found.count_only(shadow=False)) == (0, 1, 1)


def test_the_same_class_goes_before_a_better_overlap() -> None:
    found = match_boxes([box(0, MISSING)], [box(0, OK), box(2, MISSING)])
    assert (found.both, found.differences) == (1, (Difference(None, box(0, OK)),))


@given(boxes, boxes)
def test_every_box_is_counted_once_and_the_sides_are_alike(
    shadow: list[ModelBox], current: list[ModelBox]
) -> None:
    found, turned = match_boxes(shadow, current), match_boxes(current, shadow)
    assert found.both + found.count_only(shadow=True) == len(shadow)
    assert found.both + found.count_only(shadow=False) == len(current)
    assert found.both == turned.both
    assert found.count_only(shadow=True) == turned.count_only(shadow=False)


def test_lots_are_spread_and_stay_the_same() -> None:
    lots = [draw_lot("a" * 64, "b" * 64, Difference(box(float(x)), None)) for x in range(400)]
    assert lots == [
        draw_lot("a" * 64, "b" * 64, Difference(box(float(x), score=0.9), None)) for x in range(400)
    ]
    assert all(0 <= lot < 1 for lot in lots)
    assert sum(lot < 0.5 for lot in lots) == pytest.approx(200, abs=40)


def tally(shadow: int, current: int) -> ShadowTally:
    counts = {Judgement.SHADOW: shadow, Judgement.CURRENT: current}
    return ShadowTally(dict.fromkeys(Judgement, 3) | counts, open=5)


@pytest.mark.parametrize(
    ("shadow", "current", "said"),
    [
        (0, 0, "too_few"),
        (MIN_JUDGED - 1, 0, "too_few"),
        (10, 0, "shadow"),
        (1, 19, "current"),
        (8, 4, "no_difference"),
    ],
)
def test_the_verdict_needs_more_than_chance(shadow: int, current: int, said: str) -> None:
    assert tally(shadow, current).verdict == said


def test_the_share_is_of_the_clear_judgements_alone() -> None:
    share = tally(9, 3).share
    assert (share.hits, share.count, share.value) == (9, 12, 0.75)
    assert share.low is not None
    assert share.high is not None
    assert share.low < 0.5
    assert share.high > 0.9
    assert tally(0, 0).p_value is None
    assert tally(9, 3).p_value == pytest.approx(2 * (1 + 12 + 66 + 220) / 4096)
