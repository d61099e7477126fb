"""What people said of sightings becomes links without contradiction; later words stand."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from serving.review.grouping import (
    BoxIndex,
    GroupingAct,
    GroupingKind,
    SeenBox,
    link_sightings,
    standing_acts,
)


def box(number: int, *, photo: str = "p", shift_px: float = 0.0) -> SeenBox:
    """Return the box of a thing, each number at a place of its own."""
    left = 100.0 * number + shift_px
    return SeenBox(photo, "manhole", (left, 10.0, left + 40.0, 50.0))


BOXES = {number: box(number) for number in range(8)}


def merge(event_id: int, *parts: list[int]) -> GroupingAct:
    boxes = tuple(tuple(BOXES[number] for number in part) for part in parts)
    return GroupingAct(event_id, GroupingKind.MERGE, boxes)


def split(event_id: int, staying: list[int], leaving: list[int]) -> GroupingAct:
    boxes = tuple(tuple(BOXES[number] for number in part) for part in (staying, leaving))
    return GroupingAct(event_id, GroupingKind.SPLIT, boxes)


def undo(event_id: int, undoes: int) -> GroupingAct:
    return GroupingAct(event_id, GroupingKind.UNDO, undoes=undoes)


def test_merge_spans_all_sightings_with_few_pairs() -> None:
    links = link_sightings([merge(1, [0, 1], [2, 3])], BOXES)
    assert len(links.together) == 3
    assert {number for pair in links.together for number in pair} == {0, 1, 2, 3}
    assert links.apart == ()


def test_split_parts_every_pair_and_keeps_each_side_together() -> None:
    links = link_sightings([split(1, [0, 1], [2, 3])], BOXES)
    assert set(links.apart) == {(0, 2), (0, 3), (1, 2), (1, 3)}
    assert set(links.together) == {(0, 1), (2, 3)}


def test_the_later_word_stands() -> None:
    acts = [merge(1, [0], [1], [2]), split(2, [0, 1], [2])]
    links = link_sightings(acts, BOXES)
    assert set(links.together) == {(0, 1)}
    assert set(links.apart) == {(0, 2), (1, 2)}
    again = link_sightings([*acts, merge(3, [0, 1], [2])], BOXES)
    assert (len(again.together), again.apart) == (2, ())


def test_what_was_undone_says_nothing() -> None:
    acts = [merge(1, [0], [1]), split(2, [2], [3]), undo(3, 1)]
    assert [act.event_id for act in standing_acts(acts)] == [2]
    links = link_sightings(acts, BOXES)
    assert (links.together, links.apart) == ((), ((2, 3),))


def test_boxes_are_found_again_though_another_model_drew_them() -> None:
    moved = {number + 10: box(number, shift_px=6.0) for number in range(3)}
    found = BoxIndex(moved).find([BOXES[0], BOXES[2]])
    assert found == {BOXES[0]: 10, BOXES[2]: 12}


def test_what_is_gone_or_elsewhere_is_left_out() -> None:
    there = {1: box(0, photo="other"), 2: box(0, shift_px=35.0)}
    assert BoxIndex(there).find([BOXES[0]]) == {}
    other_thing = SeenBox("p", "facade_crack", BOXES[0].bbox_xyxy)
    assert BoxIndex({1: other_thing}).find([BOXES[0]]) == {}


def test_one_detection_stands_for_one_box_only() -> None:
    wanted = [box(0), box(0, shift_px=8.0)]
    assert BoxIndex({5: box(0, shift_px=7.0)}).find(wanted) == {wanted[1]: 5}


numbers = st.integers(0, 7)
acts_of_two_blocks = st.lists(
    st.tuples(
        st.sampled_from([GroupingKind.MERGE, GroupingKind.SPLIT]),
        st.lists(numbers, min_size=1, max_size=4, unique=True),
        st.lists(numbers, min_size=1, max_size=4, unique=True),
    ),
    max_size=6,
)


@given(acts_of_two_blocks)
def test_links_never_contradict_each_other(
    drawn: list[tuple[GroupingKind, list[int], list[int]]],
) -> None:
    acts = []
    for event_id, (kind, one, other) in enumerate(drawn, start=1):
        rest = [number for number in other if number not in one]
        if rest:
            acts.append(
                merge(event_id, one, rest) if kind == "merge" else split(event_id, one, rest)
            )
    links = link_sightings(acts, BOXES)
    group: dict[int, set[int]] = defaultdict(set)
    for number in BOXES:
        group[number] = {number}
    for left, right in links.together:
        joined = group[left] | group[right]
        for each in joined:
            group[each] = joined
    assert all(right not in group[left] for left, right in links.apart)
    if acts:  # the last word stands whole
        last = acts[-1].blocks
        named = {SeenBox("p", "manhole", BOXES[n].bbox_xyxy): n for n in BOXES}
        for block in last:
            assert len({frozenset(group[named[each]]) for each in block}) == 1
        if len(last) == 2:
            pairs = {(named[a], named[b]) for a in last[0] for b in last[1]}
            assert {tuple(sorted(pair)) for pair in pairs} <= set(links.apart)
