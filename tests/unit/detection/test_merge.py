from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.finding import Detection
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.merge import merge_detections
from detection.tiling import PhotoBox

OK, BROKEN, MISSING = (
    HazardClass.MANHOLE_OK,
    HazardClass.MANHOLE_BROKEN,
    HazardClass.MANHOLE_MISSING,
)
CRACK = HazardClass.FACADE_CRACK


def box(
    xyxy: tuple[float, float, float, float],
    score: float = 0.5,
    hazard_class: HazardClass = OK,
    *,
    seam: bool = False,
) -> PhotoBox:
    return PhotoBox(Detection("p", hazard_class, score, BBox(*xyxy), "m", "0" * 64), seam)


@st.composite
def photo_boxes(draw: st.DrawFn) -> PhotoBox:
    x, y = draw(st.integers(0, 60)), draw(st.integers(0, 60))
    width, height = draw(st.integers(0, 40)), draw(st.integers(0, 40))
    return box(
        (x, y, x + width, y + height),
        draw(st.sampled_from([0.3, 0.5, 0.5001, 0.9])),
        draw(st.sampled_from([OK, BROKEN, MISSING, CRACK, HazardClass.ADDED_STOREY])),
        seam=draw(st.booleans()),
    )


@given(st.lists(photo_boxes(), max_size=25), st.randoms(use_true_random=False))
def test_merging_does_not_depend_on_the_order(boxes: list[PhotoBox], rng: random.Random) -> None:
    shuffled = rng.sample(boxes, len(boxes))
    assert merge_detections(shuffled) == merge_detections(boxes)


@given(st.lists(photo_boxes(), max_size=25))
def test_merging_twice_is_merging_once(boxes: list[PhotoBox]) -> None:
    once = merge_detections(boxes)
    assert merge_detections(once) == once


@given(st.lists(photo_boxes(), max_size=25))
def test_merging_invents_no_score_and_loses_no_class_of_drawn_out_things(
    boxes: list[PhotoBox],
) -> None:
    merged = merge_detections(boxes)
    solid = [b for b in boxes if b.detection.bbox_xyxy.area_px > 0]
    assert {b.detection.score for b in merged} <= {b.detection.score for b in solid}
    assert {b.detection.hazard_class.thing for b in merged} == {
        b.detection.hazard_class.thing for b in solid
    }


def test_states_of_one_cover_compete_and_the_best_stands() -> None:
    merged = merge_detections(
        [box((0, 0, 10, 10), 0.6, OK), box((1, 0, 11, 10), 0.8, MISSING), box((50, 0, 60, 10), 0.4)]
    )
    assert [(b.detection.hazard_class, b.detection.score) for b in merged] == [
        (MISSING, 0.8),
        (OK, 0.4),
    ]


def test_a_whole_cover_beats_a_better_scored_half_cut_by_a_seam() -> None:
    merged = merge_detections([box((0, 0, 100, 100), 0.5), box((0, 0, 48, 100), 0.9, seam=True)])
    assert [b.detection.bbox_xyxy.xyxy for b in merged] == [(0, 0, 100, 100)]


def test_covers_side_by_side_stay_two() -> None:
    assert len(merge_detections([box((0, 0, 10, 10)), box((9, 0, 19, 10))])) == 2


def test_pieces_of_a_crack_become_one_box_with_the_best_score() -> None:
    pieces = [
        box((0, 0, 10, 100), 0.4, CRACK, seam=True),
        box((0, 60, 10, 200), 0.7, CRACK, seam=True),
        box((0, 150, 10, 290), 0.5, CRACK),
        box((500, 0, 510, 50), 0.3, CRACK),
    ]
    merged = merge_detections(pieces)
    assert [(b.detection.bbox_xyxy.xyxy, b.detection.score) for b in merged] == [
        ((0, 0, 10, 290), 0.7),
        ((500, 0, 510, 50), 0.3),
    ]


def test_a_crack_does_not_swallow_a_cover() -> None:
    merged = merge_detections([box((0, 0, 50, 50), 0.9, CRACK), box((10, 10, 20, 20), 0.4, OK)])
    assert len(merged) == 2


@pytest.mark.parametrize("hazard_class", [OK, CRACK])
def test_an_empty_box_is_dropped(hazard_class: HazardClass) -> None:
    assert merge_detections([box((5, 5, 5, 9), 0.9, hazard_class)]) == []
