from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.finding import Detection
from detection.domain.geometry import BBox, Polygon, compute_polygon_area
from detection.domain.hazard import HazardClass
from detection.merge import merge_detections
from detection.outlines import build_shape
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
    polygons: tuple[Polygon, ...] = (),
) -> PhotoBox:
    found = Detection("p", hazard_class, score, BBox(*xyxy), "m", "0" * 64, polygons)
    return PhotoBox(found, seam)


def crack(
    start: tuple[float, float],
    end: tuple[float, float],
    score: float = 0.5,
    *,
    width_px: float = 4.0,
    seam: bool = False,
) -> PhotoBox:
    """Return a straight crack with its outline; ``start`` is its left end."""
    line = np.array([start, end])
    along = (line[1] - line[0]) / np.linalg.norm(line[1] - line[0])
    across = np.array([-along[1], along[0]]) * width_px / 2
    ring = np.round([line[0] + across, line[1] + across, line[1] - across, line[0] - across], 1)
    sides = (*ring.min(axis=0), *ring.max(axis=0))
    polygon = tuple((float(x), float(y)) for x, y in ring)
    return box(sides, score, CRACK, seam=seam, polygons=(polygon,))


points = st.tuples(st.integers(0, 100), st.integers(0, 100))


@st.composite
def cracks(draw: st.DrawFn) -> PhotoBox:
    start, end = draw(st.tuples(points, points).filter(lambda pair: pair[0] != pair[1]))
    score = draw(st.sampled_from([0.3, 0.5, 0.5001, 0.9]))
    return crack(
        start, end, score, width_px=draw(st.sampled_from([2, 5])), seam=draw(st.booleans())
    )


@st.composite
def plain_boxes(draw: st.DrawFn) -> PhotoBox:
    x, y = draw(st.integers(0, 60)), draw(st.integers(0, 60))
    width, height = draw(st.integers(0, 40)), draw(st.integers(0, 40))
    return box(
        (x, y, x + width, y + height),
        draw(st.sampled_from([0.3, 0.5, 0.5001, 0.9])),
        draw(st.sampled_from([OK, BROKEN, MISSING, CRACK, HazardClass.ADDED_STOREY])),
        seam=draw(st.booleans()),
    )


def photo_boxes() -> st.SearchStrategy[PhotoBox]:
    """Boxes of every class without an outline, and cracks with one."""
    return plain_boxes() | cracks()


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


def test_a_long_crack_across_seams_becomes_one_outline() -> None:
    pieces = [
        crack((0, 0), (640, 320), 0.4, seam=True),
        crack((512, 256), (1152, 576), 0.7, seam=True),
        crack((1024, 512), (1300, 650), 0.5),
    ]
    (merged,) = merge_detections(pieces)
    (ring,) = merged.detection.polygons
    assert merged.detection.score == 0.7
    assert not merged.touches_seam
    x, y = np.array(ring).T
    assert merged.detection.bbox_xyxy.xyxy == pytest.approx((x.min(), y.min(), x.max(), y.max()))
    assert (x.min(), x.max()) == pytest.approx((0, 1300), abs=2)
    assert compute_polygon_area(ring) == pytest.approx(np.hypot(1300, 650) * 4, rel=0.02)


def test_cracks_whose_boxes_overlap_but_that_never_meet_stay_two() -> None:
    apart = [crack((0, 0), (300, 200)), crack((40, 0), (340, 200), 0.6)]
    assert len(merge_detections(apart)) == 2
    boxes = [replace(one, detection=replace(one.detection, polygons=())) for one in apart]
    assert len(merge_detections(boxes)) == 1


def test_cracks_that_meet_or_nearly_meet_are_one() -> None:
    crossing = [crack((0, 0), (300, 200)), crack((0, 200), (300, 0))]
    broken = [crack((0, 0), (100, 0)), crack((103, 0), (200, 0))]
    for pieces in (crossing, broken):
        (merged,) = merge_detections(pieces)
        area = sum(compute_polygon_area(one) for one in merged.detection.polygons)
        parts = [compute_polygon_area(one.detection.polygons[0]) for one in pieces]
        assert max(parts) < area <= sum(parts) + 0.5
    assert len(merge_detections([crack((0, 0), (100, 0)), crack((110, 0), (200, 0))])) == 2


def test_a_box_without_an_outline_joins_by_overlap_and_keeps_what_outline_there_is() -> None:
    lined = crack((0, 50), (100, 50))
    (merged,) = merge_detections([lined, box((0, 40, 120, 60), 0.9, CRACK)])
    (ring,) = merged.detection.polygons
    assert sorted(ring) == sorted(lined.detection.polygons[0])
    assert merged.detection.bbox_xyxy.xyxy == (0, 40, 120, 60)


def test_the_best_of_one_cover_keeps_its_own_outline() -> None:
    ring = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0))
    best = box((0, 0, 10, 10), 0.9, MISSING, polygons=(ring,))
    assert merge_detections([box((0, 0, 11, 11), 0.5, OK, polygons=(ring, ring)), best]) == [best]


@given(st.lists(cracks(), max_size=12))
def test_joined_outlines_stay_in_their_box_and_none_is_lost(pieces: list[PhotoBox]) -> None:
    merged = merge_detections(pieces)
    after = build_shape(ring for one in merged for ring in one.detection.polygons)
    for one in pieces:
        near_px = 0.2 if one.scale == 1.0 else 40  # what was seen coarse gives way to the fine
        before = build_shape(one.detection.polygons)
        assert before.difference(after.buffer(near_px)).area < 0.01
    for one in merged:
        x_min, y_min, x_max, y_max = build_shape(one.detection.polygons).bounds
        found = one.detection.bbox_xyxy
        assert found.x_min <= x_min < x_max <= found.x_max
        assert found.y_min <= y_min < y_max <= found.y_max


def test_a_crack_does_not_swallow_a_cover() -> None:
    merged = merge_detections([box((0, 0, 50, 50), 0.9, CRACK), box((10, 10, 20, 20), 0.4, OK)])
    assert len(merged) == 2


@pytest.mark.parametrize("hazard_class", [OK, CRACK])
def test_an_empty_box_is_dropped(hazard_class: HazardClass) -> None:
    assert merge_detections([box((5, 5, 5, 9), 0.9, hazard_class)]) == []
