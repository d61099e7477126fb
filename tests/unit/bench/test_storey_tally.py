"""The tally of storeys: truths are read as they are, and reliability shows what is off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detection.domain.building_change import BuildingChange, ChangeVerdict, RoofHeight
from tests.bench.storey_tally import (
    match_storeys,
    measure_estimates,
    say_storeys,
    tabulate_reliability,
)


def write_truth(folder: Path) -> Path:
    houses = [
        {"building_id": "B1", "kind": "storey", "rise_m": 3.0, "area_m2": 60.0},
        {"building_id": "B2", "kind": "none", "rise_m": 0.0, "area_m2": 0.0},
        {"building_id": "B3", "kind": "shed", "rise_m": 2.6, "area_m2": 6.0},
        {"building_id": "B9", "kind": "none", "rise_m": 0.0, "area_m2": 0.0},
    ]
    storeys = {"permitted_storeys": 2, "storeys_after": 2}
    document = [house | storeys for house in houses]
    document[0] |= {"storeys_after": 3}
    (folder / "truth.json").write_text(json.dumps({"buildings": document}))
    return folder


def test_houses_are_held_against_their_truth(tmp_path: Path) -> None:
    rise = BuildingChange("B1", ChangeVerdict.RISE, None, 3.0, 0.1, 60.0, roof_after_m=9.8)
    same = BuildingChange("B2", ChangeVerdict.UNCHANGED, None, 0.0, 0.1, 60.0)
    unseen = BuildingChange("B3", ChangeVerdict.CANNOT_TELL, "change_not_seen")
    roofs = (RoofHeight("B1", 6.9, 0.2), RoofHeight("B2", 6.8, 0.2), RoofHeight("B3", None, None))
    first, second, third = match_storeys(write_truth(tmp_path), (rise, same, unseen), roofs)
    assert (first.has_changed, first.is_excess, second.has_changed) == (True, True, False)
    assert first.estimate == pytest.approx(3.0, abs=0.2)
    assert first.fused > 0.9
    assert second.fused < 0.1
    assert (third.rose, third.excess, third.has_changed) == (None, None, False)
    figures = measure_estimates((first, second, third))
    assert (figures["houses"], figures["right"]) == (2, 1.0)
    lines = list(say_storeys((first, second, third)))
    assert any("fused" in line for line in lines)


def test_reliability_tells_stated_from_true() -> None:
    pairs = [(0.95, True), (0.95, False), (0.02, False), (1.0, True), (0.0, False), (None, True)]
    assert tabulate_reliability(pairs) == [
        ("0-0.1", 2, 0.01, 0.0),
        ("0.9-0.99", 2, 0.95, 0.5),
        ("0.99-1", 1, 1.0, 1.0),
    ]
    assert tabulate_reliability([]) == []
