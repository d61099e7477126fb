"""The same covers on flights of different dates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detection.dedupe import KnownPlace, match_places
from detection.domain.finding import (
    BuildingPart,
    Candidate,
    GroundPoint,
    OnBuilding,
)
from detection.domain.geometry import FloatArray
from detection.domain.hazard import HazardClass
from detection.plane import LocalPlane

PLANE = LocalPlane(106.55, 29.56)


def place(
    metres: FloatArray, *, std_m: float = 1.5, on: OnBuilding | None = None,
    hazard_class: HazardClass = HazardClass.MANHOLE_BROKEN,
) -> list[Candidate]:  # fmt: skip
    candidates = []
    for index, spot in enumerate(metres):
        lon, lat = (float(value) for value in PLANE.to_lonlat([spot])[0])
        ground = GroundPoint(lon, lat, std_m**2, 0.0, std_m**2, "flat_ground")
        candidates.append(
            Candidate(
                f"c{index}", hazard_class, 0.6, lon, lat, 2 * std_m, ground, (), on_building=on
            )
        )
    return candidates


def know(candidates: list[Candidate]) -> list[KnownPlace]:
    return [
        KnownPlace(f"place-{one.key}", one.hazard_class.thing, one.ground, one.on_building)
        for one in candidates
        if one.ground is not None
    ]


def shuffle(rng: np.random.Generator, items: list[Any]) -> list[Any]:
    return [items[index] for index in rng.permutation(len(items))]


COVERS = np.random.default_rng(2).uniform(-60, 60, (25, 2)).round() * 1.0


def test_a_receiver_that_is_off_by_metres_matches_the_pattern() -> None:
    rng = np.random.default_rng(3)
    later = place(COVERS + np.array([2.4, -1.7]) + rng.normal(0, 0.1, COVERS.shape))
    matched = match_places(later, know(place(COVERS)))
    assert matched == {f"c{i}": f"place-c{i}" for i in range(len(COVERS))}


def test_what_is_new_gets_a_place_of_its_own() -> None:
    later = place(np.vstack([COVERS + 1.0, [[90.0, 90.0]]]))
    matched = match_places(later, know(place(COVERS)))
    assert matched[f"c{len(COVERS)}"] == f"c{len(COVERS)}"
    assert len(set(matched.values())) == len(later)


def test_a_new_cover_beside_an_old_one_is_new() -> None:
    later = place(np.vstack([COVERS + np.array([1.0, 0.0]), COVERS[:1] + np.array([4.0, 0.0])]))
    matched = match_places(later, know(place(COVERS)))
    assert matched["c0"] == "place-c0"
    assert matched[f"c{len(COVERS)}"] == f"c{len(COVERS)}"


def test_one_place_is_given_once() -> None:
    later = place(np.array([[0.0, 0.0], [0.4, 0.0]]))
    matched = match_places(later, know(place(np.array([[0.1, 0.0]]))))
    assert sorted(matched.values()) == ["c1", "place-c0"]


def test_another_kind_of_thing_is_another_place() -> None:
    known = know(place(COVERS[:3], hazard_class=HazardClass.FACADE_CRACK))
    assert match_places(place(COVERS[:3]), known) == {f"c{i}": f"c{i}" for i in range(3)}


def test_a_known_building_parts_what_lies_together() -> None:
    def on(building_id: str, height_m: float) -> OnBuilding:
        return OnBuilding(building_id, BuildingPart.FACADE, height_m, 0.5, 0.95)

    spot = np.array([[0.0, 0.0]])
    known = know(place(spot, on=on("A", 9.0)))
    assert match_places(place(spot, on=on("A", 9.3)), known) == {"c0": "place-c0"}
    assert match_places(place(spot, on=on("B", 9.0)), known) == {"c0": "c0"}
    assert match_places(place(spot, on=on("A", 14.0)), known) == {"c0": "c0"}


def test_a_candidate_without_a_place_is_left_out() -> None:
    lost = replace(place(COVERS[:1])[0], ground=None, lon=None, lat=None, error_m=None)
    assert match_places([lost], know(place(COVERS))) == {}
    assert match_places([], know(place(COVERS))) == {}
    assert match_places(place(COVERS[:1]), []) == {"c0": "c0"}


@pytest.mark.parametrize("seed", range(3))
def test_order_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    later = place(COVERS + rng.normal(0, 1.0, 2) + rng.normal(0, 0.3, COVERS.shape))
    known = know(place(COVERS))
    matched = match_places(later, known)
    assert match_places(shuffle(rng, later), shuffle(rng, known)) == matched
