"""What people joined and parted, the keys that outlive a model, and places across dates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from detection.dedupe import (
    Constraints,
    KnownCandidate,
    SightingId,
    carry_keys,
    group_candidates,
    identify_sighting,
)
from detection.domain.finding import (
    BuildingPart,
    Candidate,
    Detection,
    GeoDetection,
    GroundPoint,
    OnBuilding,
)
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo
from detection.plane import LocalPlane

FAST = (Phase.explicit, Phase.reuse, Phase.generate)
"""A failing example is small enough as it is; shrinking would group thousands of times."""

PLANE = LocalPlane(106.55, 29.56)
PHOTOS = {
    f"p{index}.jpg": Photo(
        f"p{index}.jpg", Path("x"), f"{index:064x}", 4000, 3000, None, None, None, None
    )
    for index in range(12)
}


def see(
    photo: int,
    east_m: float = 0.0,
    *,
    x: float = 100.0,
    score: float = 0.6,
    std_m: float = 0.5,
    hazard_class: HazardClass = HazardClass.MANHOLE_BROKEN,
    on_building: OnBuilding | None = None,
) -> GeoDetection:
    box = BBox(x, 50.0, x + 60.0, 110.0)
    lon, lat = (float(value) for value in PLANE.to_lonlat((east_m, 0.0)))
    return GeoDetection(
        Detection(f"p{photo}.jpg", hazard_class, score, box, "m", "0" * 64),
        GroundPoint(lon, lat, std_m**2, 0.0, std_m**2, "flat_ground"),
        on_building=on_building,
    )


def name(seen: GeoDetection) -> SightingId:
    return identify_sighting(seen.detection, PHOTOS)


def group(
    seen: list[GeoDetection], constraints: Constraints | None = None
) -> tuple[Candidate, ...]:
    return group_candidates(seen, PHOTOS, constraints=constraints or Constraints())


def partition(candidates: tuple[Candidate, ...]) -> set[frozenset[int]]:
    return {frozenset(id(seen) for seen in one.sightings) for one in candidates}


def wobble(seen: GeoDetection, shift_px: float = 6.0) -> GeoDetection:
    """Return the same thing as another model would have drawn it."""
    detection = seen.detection
    box = detection.bbox_xyxy.shift(shift_px, -shift_px / 2)
    return replace(seen, detection=replace(detection, bbox_xyxy=box, weights_sha256="1" * 64))


def test_what_a_person_joined_stays_one_however_far_apart() -> None:
    far, near, other = see(0), see(1, 50.0), see(2, 50.3)
    constraints = Constraints(must_link=((name(far), name(near)),))
    (candidate,) = group([far, near, other], constraints)
    assert len(candidate.sightings) == 3


def test_a_person_may_join_two_boxes_of_one_photo() -> None:
    left, right = see(0, x=100.0), see(0, 1.0, x=400.0)
    assert len(group([left, right])) == 2
    assert len(group([left, right], Constraints(must_link=((name(left), name(right)),)))) == 1


def test_a_person_may_join_what_has_no_place() -> None:
    lost = replace(see(0), ground=None, unplaced_reason="no_position")
    found = see(1)
    (candidate,) = group([lost, found], Constraints(must_link=((name(lost), name(found)),)))
    assert len(candidate.sightings) == 2
    assert candidate.ground is not None


def test_what_a_person_parted_stays_two() -> None:
    seen = [see(photo, 0.1 * photo, x=100.0 + photo) for photo in range(5)]
    assert len(group(seen)) == 1
    split = Constraints(cannot_link=tuple((name(a), name(b)) for a in seen[:2] for b in seen[2:]))
    assert partition(group(seen, split)) == {
        frozenset(id(s) for s in seen[:2]),
        frozenset(id(s) for s in seen[2:]),
    }


def test_merges_and_splits_hold_for_the_boxes_of_another_model() -> None:
    seen = [see(photo, 0.1 * photo) for photo in range(4)] + [see(4, 40.0)]
    constraints = Constraints(
        must_link=((name(seen[0]), name(seen[4])),),
        cannot_link=tuple((name(seen[1]), name(other)) for other in (seen[0], seen[2], seen[3])),
    )
    again = [wobble(one) for one in seen]
    sizes = sorted(len(one.sightings) for one in group(again, constraints))
    assert sizes == [1, 4]


def test_a_box_that_is_gone_leaves_its_pair_without_effect() -> None:
    seen = [see(0), see(1, 30.0)]
    elsewhere = replace(name(seen[0]), bbox_xyxy=BBox(900, 900, 960, 960))
    unseen = replace(name(seen[0]), photo_sha256="f" * 64)
    for gone in (elsewhere, unseen):
        assert len(group(seen, Constraints(must_link=((gone, name(seen[1])),)))) == 2


def test_sightings_on_two_buildings_are_two_things() -> None:
    def on(building_id: str, probability: float, height_m: float = 9.0) -> OnBuilding:
        return OnBuilding(building_id, BuildingPart.FACADE, height_m, 0.5, probability)

    def crack(photo: int, place: OnBuilding) -> GeoDetection:
        return see(photo, hazard_class=HazardClass.FACADE_CRACK, on_building=place)

    assert len(group([crack(0, on("A", 0.95)), crack(1, on("B", 0.95))])) == 2
    assert len(group([crack(0, on("A", 0.95)), crack(1, on("A", 0.95, 15.0))])) == 2
    (one,) = group([crack(0, on("A", 0.95)), crack(1, on("A", 0.95)), crack(2, on("B", 0.5))])
    assert one.on_building is not None
    assert one.on_building.building_id == "A"
    assert one.on_building.probability == pytest.approx(1.9 / 3)


def test_keys_outlive_another_model() -> None:
    seen = [see(photo, 40.0 * thing, x=300.0 * thing) for thing in range(3) for photo in range(4)]
    before = group(seen)
    known = [KnownCandidate(one.key, tuple(name(s) for s in one.sightings)) for one in before]
    again = group([wobble(one) for one in seen if one.detection.photo_id != "p0.jpg"])
    assert {one.key for one in again} != {one.key for one in before}
    carried = carry_keys(again, known, PHOTOS)
    assert {one.key for one in carried} == {one.key for one in before}
    places = {one.key: one.lon for one in before}
    for one in carried:
        assert one.lon == pytest.approx(places[one.key], abs=1e-6)


def test_the_larger_part_of_what_fell_apart_keeps_the_key() -> None:
    seen = [see(photo, x=100.0 + photo) for photo in range(5)]
    (whole,) = group(seen)
    known = [KnownCandidate(whole.key, tuple(name(s) for s in seen))]
    split = Constraints(cannot_link=tuple((name(a), name(b)) for a in seen[:2] for b in seen[2:]))
    carried = carry_keys(group(seen, split), known, PHOTOS)
    sizes = {len(one.sightings): one.key for one in carried}
    assert sizes[3] == whole.key
    assert sizes[2] != whole.key


def test_without_earlier_candidates_keys_stay() -> None:
    candidates = group([see(0), see(1, 30.0)])
    assert carry_keys(candidates, [], PHOTOS) == candidates


sightings = st.builds(
    see,
    photo=st.integers(0, 5),
    east_m=st.floats(-6, 6),
    x=st.floats(0, 3000),
    score=st.floats(0.1, 1),
)


@settings(max_examples=20, deadline=None, phases=FAST)
@given(st.lists(sightings, min_size=2, max_size=14), st.data())
def test_constraints_hold_in_any_order(seen: list[GeoDetection], data: st.DataObject) -> None:
    # Boxes that overlap in one photo name each other; a person sees and names only one of them.
    seen = [
        one
        for index, one in enumerate(seen)
        if all(
            other.detection.photo_id != one.detection.photo_id
            or abs(other.detection.bbox_xyxy.x_min - one.detection.bbox_xyxy.x_min) > 60
            for other in seen[:index]
        )
    ]
    pick = st.integers(0, len(seen) - 1)
    one, two, three = (data.draw(pick) for _ in range(3))
    must = ((name(seen[one]), name(seen[two])),)
    cannot = ((name(seen[one]), name(seen[three])),) if three not in {one, two} else ()
    constraints = Constraints(must, () if two == three else cannot)
    candidates = group(seen, constraints)
    held = {id(s): c.key for c in candidates for s in c.sightings}
    assert held[id(seen[one])] == held[id(seen[two])]
    shuffled = data.draw(st.permutations(seen))
    assert group(shuffled, constraints) == candidates


@settings(max_examples=20, deadline=None, phases=FAST)
@given(st.lists(sightings, min_size=1, max_size=12), st.lists(sightings, max_size=12))
def test_carried_keys_are_unique(before: list[GeoDetection], after: list[GeoDetection]) -> None:
    known = [
        KnownCandidate(one.key, tuple(name(s) for s in one.sightings)) for one in group(before)
    ]
    candidates = group(after)
    carried = carry_keys(candidates, known, PHOTOS)
    assert len({one.key for one in carried}) == len(carried) == len(candidates)
    assert [one.sightings for one in carried] == [one.sightings for one in candidates]
    assert carry_keys(group(before), known, PHOTOS) == group(before)
