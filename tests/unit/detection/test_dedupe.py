from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.dedupe import group_candidates
from detection.domain.camera import CameraPose
from detection.domain.finding import Candidate, Detection, GeoDetection, GroundPoint
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo

LON, LAT = 106.55, 29.56
M_LAT = 1 / 111_319.49
M_LON = M_LAT / math.cos(math.radians(LAT))
PHOTOS = {
    f"p{index}.jpg": Photo(
        f"p{index}.jpg", Path("x"), f"{index:064x}", 4000, 3000, None, None, None, None
    )
    for index in range(40)
}


def see(
    photo: int,
    east_m: float = 0.0,
    north_m: float = 0.0,
    *,
    hazard_class: HazardClass = HazardClass.MANHOLE_BROKEN,
    score: float = 0.6,
    std_m: float = 1.5,
    x: float = 100.0,
    method: str = "flat_ground",
) -> GeoDetection:
    box = BBox(x, 50.0, x + 60.0, 110.0)
    detection = Detection(f"p{photo}.jpg", hazard_class, score, box, "m", "0" * 64)
    lon, lat = LON + east_m * M_LON, LAT + north_m * M_LAT
    ground = GroundPoint(lon, lat, std_m**2, 0.0, std_m**2, method)
    return GeoDetection(detection, ground)


def group(*seen: GeoDetection) -> tuple[Candidate, ...]:
    return group_candidates(seen, PHOTOS)


def sizes(candidates: tuple[Candidate, ...]) -> list[int]:
    return sorted(len(c.sightings) for c in candidates)


def test_the_same_cover_in_three_photos_is_one_candidate() -> None:
    (candidate,) = group(see(0), see(1, 1.0), see(2, 0.0, -1.0))
    assert len(candidate.sightings) == 3
    assert candidate.lon == pytest.approx(LON + M_LON / 3, abs=1e-9)
    assert candidate.lat == pytest.approx(LAT - M_LAT / 3, abs=1e-9)
    assert candidate.error_m == pytest.approx(1.5 * math.sqrt(5.991))


def test_covers_far_apart_are_two() -> None:
    assert sizes(group(see(0), see(1, 30.0))) == [1, 1]


def test_the_gate_follows_the_error_not_a_radius() -> None:
    assert sizes(group(see(0, std_m=0.1), see(1, 1.5, std_m=0.1))) == [1, 1]
    assert sizes(group(see(0, std_m=5.0), see(1, 12.0, std_m=5.0))) == [2]


def test_the_gate_follows_the_shape_of_the_error() -> None:
    def stretched(photo: int, east_m: float, north_m: float) -> GeoDetection:
        geo = see(photo, east_m, north_m)
        assert geo.ground is not None
        return replace(geo, ground=replace(geo.ground, cov_ee_m2=100.0, cov_nn_m2=0.25))

    assert sizes(group(stretched(0, 0.0, 0.0), stretched(1, 20.0, 0.0))) == [2]
    assert sizes(group(stretched(0, 0.0, 0.0), stretched(1, 0.0, 20.0))) == [1, 1]


def test_two_boxes_of_one_photo_are_two_things() -> None:
    assert sizes(group(see(0), see(0, 1.0, x=300.0))) == [1, 1]


def test_two_near_covers_seen_together_stay_two() -> None:
    seen = []
    for photo, (shift_e, shift_n) in enumerate([(0, 0), (1.4, 0.3), (-1.1, 0.8), (0.5, -1.5)]):
        seen += [see(photo, shift_e, shift_n), see(photo, shift_e + 1.5, shift_n, x=300.0)]
    candidates = group(*seen)
    assert sizes(candidates) == [4, 4]
    for candidate in candidates:
        assert len({geo.detection.bbox_xyxy.x_min for geo in candidate.sightings}) == 1


def test_an_offset_that_the_flight_shares_does_not_join_two_covers() -> None:
    pose = CameraPose(LON, LAT, 16.0, None, 0.0, -90.0, 0.0, 1.5, 3.0, 2.0, 0.5, 0.5, "test")
    photos = {name: replace(photo, pose=pose) for name, photo in PHOTOS.items()}
    assert sizes(group_candidates([see(0), see(1, 4.0)], photos)) == [1, 1]
    (candidate,) = group_candidates([see(0), see(1, 1.0)], photos)
    # The place itself stays as uncertain as the receiver is.
    assert candidate.error_m == pytest.approx(1.5 * math.sqrt(5.991))


def test_different_things_do_not_meet() -> None:
    assert sizes(group(see(0), see(1, hazard_class=HazardClass.FACADE_CRACK))) == [1, 1]


def test_intact_covers_are_no_candidate() -> None:
    assert group(see(0, hazard_class=HazardClass.MANHOLE_OK)) == ()


def test_the_class_is_voted_and_intact_sightings_lower_the_score() -> None:
    (candidate,) = group(
        see(0, hazard_class=HazardClass.MANHOLE_BROKEN, score=0.8),
        see(1, hazard_class=HazardClass.MANHOLE_MISSING, score=0.5),
        see(2, hazard_class=HazardClass.MANHOLE_MISSING, score=0.5),
        see(3, hazard_class=HazardClass.MANHOLE_OK, score=0.9),
    )
    assert candidate.hazard_class is HazardClass.MANHOLE_MISSING
    odds = [4.0, 1.0, 1.0, 1 / 9]
    assert candidate.score == pytest.approx(_score_from_odds(odds))
    assert candidate.votes is not None
    assert dict(candidate.votes.counts) == {
        HazardClass.MANHOLE_MISSING: 2,
        HazardClass.MANHOLE_BROKEN: 1,
        HazardClass.MANHOLE_OK: 1,
    }
    assert candidate.votes.views == 4
    assert [geo.detection.score for geo in candidate.sightings] == [0.9, 0.8, 0.5, 0.5]


def _score_from_odds(odds: list[float]) -> float:
    joint = math.exp(math.fsum(math.log(one) for one in odds) / len(odds) ** 0.4)
    return joint / (1 + joint)


def test_what_has_no_place_stays_alone() -> None:
    lost = [replace(see(i), ground=None, unplaced_reason="no_position") for i in range(3)]
    candidates = group(*lost, see(4))
    assert sizes(candidates) == [1, 1, 1, 1]
    without = [c for c in candidates if c.ground is None]
    assert len(without) == 3
    assert all((c.lon, c.lat, c.error_m) == (None, None, None) for c in without)


def test_keys_are_those_of_the_best_sighting_and_its_file() -> None:
    alone = group(see(0, score=0.9))[0].key
    assert group(see(0, score=0.9), see(1, 1.0))[0].key == alone
    assert group(see(0, score=0.8))[0].key == alone
    assert group(see(1, score=0.9))[0].key != alone
    assert group(see(0, score=0.9, x=200.0))[0].key != alone
    assert len(alone) == 20


def test_boxes_that_round_to_the_same_pixel_keep_different_keys() -> None:
    candidates = group(see(0), see(0, 40.0, x=100.2))
    assert len({c.key for c in candidates}) == 2


def test_covers_of_a_street_are_not_merged_by_a_coarse_place() -> None:
    street = [see(i, north_m=15.0 * i, std_m=10.0, method="camera_position") for i in range(4)]
    assert sizes(group(*street)) == [1, 1, 1, 1]
    near = [see(i, north_m=3.0 * i, std_m=10.0, method="camera_position") for i in range(2)]
    assert sizes(group(*near)) == [2]


def test_the_antimeridian_is_no_border() -> None:
    east, west = see(0), see(1)
    assert east.ground is not None
    assert west.ground is not None
    east = replace(east, ground=replace(east.ground, lon=180.0 - 5e-6))
    west = replace(west, ground=replace(west.ground, lon=-180.0 + 5e-6))
    (candidate,) = group(east, west)
    assert candidate.lon is not None
    assert abs(abs(candidate.lon) - 180.0) < 1e-5


def test_nothing_gives_nothing() -> None:
    assert group() == ()


sightings = st.builds(
    see,
    photo=st.integers(0, 5),
    east_m=st.floats(-8, 8),
    north_m=st.floats(-8, 8),
    hazard_class=st.sampled_from(list(HazardClass)[:4]),
    score=st.floats(0.1, 1.0),
    std_m=st.floats(0.1, 4.0),
    x=st.floats(0, 3000),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(sightings, max_size=24), st.randoms(use_true_random=False))
def test_grouping_is_order_free(seen: list[GeoDetection], rng: random.Random) -> None:
    shuffled = list(seen)
    rng.shuffle(shuffled)
    assert group(*shuffled) == group(*seen)


@settings(max_examples=30, deadline=None)
@given(st.lists(sightings, max_size=24))
def test_every_hazard_sighting_is_in_exactly_one_candidate(seen: list[GeoDetection]) -> None:
    candidates = group(*seen)
    held = [geo for candidate in candidates for geo in candidate.sightings]
    for geo in seen:
        if geo.detection.hazard_class.is_hazard:
            assert held.count(geo) == seen.count(geo)
    assert len({c.key for c in candidates}) == len(candidates)
    for candidate in candidates:
        photos = [geo.detection.photo_id for geo in candidate.sightings]
        assert len(photos) == len(set(photos))
        assert len({geo.detection.hazard_class.thing for geo in candidate.sightings}) == 1
        assert 0 < candidate.score <= 1


def test_a_noisy_flight_gives_each_cover_once() -> None:
    rng = np.random.default_rng(4)
    covers = [(east, north) for east in range(0, 100, 20) for north in range(0, 60, 20)]
    seen = []
    for photo in range(30):
        bias = rng.normal(0, 1.0, 2)
        for index, cover in enumerate(covers):
            if rng.random() < 0.3:
                place = np.array(cover) + bias + rng.normal(0, 0.4, 2)
                seen.append(see(photo, *place, std_m=1.5, x=10.0 * index))
    candidates = group(*seen)
    assert len(candidates) == len(covers)
    for candidate in candidates:
        assert len({geo.detection.bbox_xyxy.x_min for geo in candidate.sightings}) == 1


def test_more_covers_than_the_first_arrays_hold() -> None:
    first = [see(0, 30.0 * i, x=20.0 * i) for i in range(150)]
    second = [see(1, 30.0 * i + 0.5, x=20.0 * i) for i in range(150)]
    assert sizes(group(*first, *second)) == [2] * 150
