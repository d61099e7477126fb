"""Which photos are enough to see all ground as often as is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.coverage.footprint import compute_footprints
from detection.domain.photo import Photo
from detection.georeference import project_point
from detection.views import ViewChoice, choose_views
from detection.views.cover import Shown, cover_spots
from tests.drawn_layers import CAMERA, PLACE, fly_block, plane_at, pose_photo

RIM_M = 6.0
"""Two cells of a footprint 60 m high: a photo may leave so much of its rim to its neighbours."""


def say_good(asked: Sequence[int]) -> list[bool]:
    return [True] * len(asked)


def choose(photos: Sequence[Photo], wanted: int) -> ViewChoice:
    return choose_views(compute_footprints(photos), wanted, say_good)


def count_views(photos: Sequence[Photo], spot_m: tuple[float, float], rim_m: float) -> int:
    """Count photos that show a spot this far inside their border: by the camera, not by rings."""
    lon, lat = plane_at(PLACE).to_lonlat(np.array(spot_m))
    counted = 0
    for photo in photos:
        assert photo.pose is not None
        pixel = project_point(photo.pose, CAMERA, float(lon), float(lat))
        rim_px = rim_m * CAMERA.focal_px / (photo.pose.altitude_agl_m or 1.0)
        if pixel is not None:
            x, y = pixel
            counted += min(x, y, CAMERA.width_px - x, CAMERA.height_px - y) >= rim_px
    return counted


@cache
def choose_from_block(wanted: int) -> tuple[list[Photo], list[Photo]]:
    """Return a block of photos and those chosen of it."""
    photos = fly_block(11, 11)
    choice = choose(photos, wanted)
    return photos, [one for one, is_in in zip(photos, choice.chosen, strict=True) if is_in]


@settings(deadline=None, max_examples=25)  # the first example of each number chooses
@given(st.integers(1, 3), st.floats(-30.0, 300.0), st.floats(-20.0, 200.0))
def test_every_spot_is_seen_as_often_as_is_wanted_and_possible(
    wanted: int, east_m: float, north_m: float
) -> None:
    photos, chosen = choose_from_block(wanted)
    spot = (east_m, north_m)
    assert count_views(chosen, spot, 0.0) >= min(wanted, count_views(photos, spot, RIM_M))


def test_more_views_take_more_photos_and_none_takes_all() -> None:
    counts = [len(choose_from_block(wanted)[1]) for wanted in (1, 2, 3)]
    assert counts == sorted(counts)
    photos, chosen = choose_from_block(1)
    assert len(chosen) < 0.5 * len(photos)
    assert choose(photos, 0) == ViewChoice(0, (True,) * len(photos))


def test_the_same_flight_gives_the_same_choice() -> None:
    photos = fly_block(5, 5)
    assert choose(photos, 2) == choose(photos, 2)


def test_what_the_ground_does_not_tell_is_always_looked_at() -> None:
    photos = [
        *(pose_photo(name=f"{number}.jpg") for number in range(4)),
        replace(pose_photo(name="nowhere.jpg"), pose=None),
        pose_photo(name="no angle.jpg", pitch_deg=None),
        pose_photo(name="level.jpg", pitch_deg=0.0),
        pose_photo(name="wall.jpg", pitch_deg=-35.0),
        replace(pose_photo(name="no lens.jpg"), intrinsics=None),
    ]
    choice = choose(photos, 1)
    assert choice.chosen == (True, False, False, False, *(True,) * 5)
    assert (choice.unplaced, choice.left_out) == (5, 3)


@pytest.mark.parametrize(("yaw_deg", "expected"), [(0.0, 1), (12.0, 1), (180.0, 2), (90.0, 2)])
def test_a_slanting_photo_never_stands_in_for_one_from_another_side(
    yaw_deg: float, expected: int
) -> None:
    """Both look at the same spot, 60 m ahead of each camera."""
    back = -60.0 * np.array([np.sin(np.radians(yaw_deg)), np.cos(np.radians(yaw_deg))])
    photos = [
        pose_photo(0.0, -60.0, name="north.jpg", pitch_deg=-45.0),
        pose_photo(*back, name="other.jpg", pitch_deg=-45.0, yaw_deg=yaw_deg),
    ]
    photos = [*photos, *photos] if expected == 1 else photos
    assert sum(choose(photos, 1).chosen) >= expected
    assert sum(choose([photos[0], photos[0]], 1).chosen) == 1


def test_a_finer_photo_is_not_left_out_for_coarser_ones() -> None:
    high = [pose_photo(name=f"high {number}.jpg", height_m=60.0) for number in range(5)]
    low = pose_photo(name="low.jpg", height_m=30.0)
    assert choose([*high, low], 1).chosen[-1]


def test_a_roof_is_seen_as_often_as_the_ground() -> None:
    """Side by side two photos cover the ground, but 10 m up a strip between them stays unseen."""
    sides = [pose_photo(-43.0, 0.0, name="left.jpg"), pose_photo(43.0, 0.0, name="right.jpg")]
    middle = pose_photo(0.0, 0.0, name="middle.jpg")
    assert choose([*sides, middle], 1).chosen == (True, True, True)


def test_a_poor_photo_never_counts_and_is_looked_at_only_in_need() -> None:
    photos = [pose_photo(name=f"{number}.jpg") for number in range(4)]
    alone = pose_photo(500.0, 0.0, name="alone.jpg")
    asked_of: list[int] = []

    def judge(asked: Sequence[int]) -> list[bool]:
        asked_of.extend(asked)
        return [number not in {0, 4} for number in asked]

    choice = choose_views(compute_footprints([*photos, alone]), 2, judge)
    assert choice.chosen == (False, True, True, False, True)
    assert (choice.poor, len(asked_of)) == (2, len(set(asked_of)))


def test_where_all_photos_are_poor_they_are_looked_at_all_the_same() -> None:
    photos = [pose_photo(name=f"{number}.jpg") for number in range(5)]
    choice = choose_views(compute_footprints(photos), 3, lambda asked: [False for _ in asked])
    assert sum(choice.chosen) == 3


@st.composite
def shown_spots(draw: st.DrawFn) -> Shown:
    rows = draw(st.lists(st.sets(st.integers(0, 7)), min_size=1, max_size=9))
    start = np.cumsum([0, *(len(row) for row in rows)])
    spot = np.array([one for row in rows for one in sorted(row)], dtype=np.intp)
    return Shown(start.astype(np.intp), spot, 8)


@given(shown_spots(), st.integers(1, 3), st.data())
def test_greedy_cover_meets_what_can_be_met_with_nothing_needless(
    shown: Shown, wanted: int, data: st.DataObject
) -> None:
    photos = len(shown.start) - 1
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=photos, max_size=photos)))
    demand = np.minimum(shown.count_views(allowed), wanted)
    found = cover_spots(shown, allowed, demand)
    is_in = np.isin(np.arange(photos), found)
    assert not (is_in & ~allowed).any()
    assert (shown.count_views(is_in) >= demand).all()
    for photo in found:
        without = is_in & (np.arange(photos) != photo)
        assert (shown.count_views(without) < demand).any()


def test_a_flight_across_the_antimeridian_is_one_flight() -> None:
    photos = [
        pose_photo(step * 10.0, 0.0, name=f"{step}.jpg", place=(180.0, 52.0))
        for step in range(-9, 9)
    ]
    here = [
        pose_photo(step * 10.0, 0.0, name=f"{step}.jpg", place=(10.0, 52.0))
        for step in range(-9, 9)
    ]
    assert sum(choose(photos, 1).chosen) == sum(choose(here, 1).chosen) < len(photos)


def test_a_flight_without_photos_needs_none() -> None:
    assert choose([], 2) == ViewChoice(2, ())
