"""Storeys from a roof's height, and what several signals say together."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.building_change import (
    BuildingChange,
    ChangeVerdict,
    Evidence,
    EvidenceKind,
    RoofHeight,
)
from detection.domain.errors import ConfigurationError
from detection.storeys.check import check_storeys, find_highest_roof, weigh_storeys
from detection.storeys.evidence import (
    evidence_from_change,
    evidence_from_check,
    evidence_from_photo,
)
from detection.storeys.fusion import SURE, fuse_evidence
from detection.storeys.settings import STOREYS_PATH, load_storey_settings

SETTINGS = load_storey_settings()
HEIGHTS = st.floats(0.0, 60.0)
ERRORS = st.floats(0.05, 5.0)
SHARES = st.floats(0.0, 1.0)
EVIDENCE = st.builds(Evidence, st.sampled_from(EvidenceKind), SHARES)


def measure(height_m: float, std_m: float = 0.3) -> RoofHeight:
    return RoofHeight("b1", height_m, std_m)


def differ(height_m: float | None, std_m: float | None = 0.2, *, verdict: str = "rise") -> float:
    change = BuildingChange("b1", ChangeVerdict(verdict), None, height_m, std_m, 40.0)
    evidence = evidence_from_change(change, SETTINGS)
    assert evidence is not None
    return evidence.probability


@pytest.mark.parametrize("storeys", range(1, 8))
@pytest.mark.parametrize("use", ["住宅", "商住楼", "办公", "", "说不清"])
def test_a_building_as_expected_has_its_storeys(storeys: int, use: str) -> None:
    heights = SETTINGS.choose_heights(use)
    assert heights is not None
    roof_m = SETTINGS.foot_m.mean + heights.ground_m.mean + SETTINGS.roof_m.mean
    roof_m += (storeys - 1) * heights.upper_m.mean
    check = check_storeys(measure(roof_m), storeys, SETTINGS, use=use)
    assert check.likeliest == storeys
    assert check.estimate == pytest.approx(storeys, abs=0.4)
    assert check.probability is not None
    assert check.probability < 0.35
    assert not check.is_excess
    if storeys > 1:
        assert check_storeys(measure(roof_m), storeys - 1, SETTINGS, use=use).is_excess


def test_what_cannot_be_told_says_why() -> None:
    unseen = check_storeys(RoofHeight("b1", None, None, "change_not_seen"), 3, SETTINGS)
    hall = check_storeys(measure(12.0), 1, SETTINGS, use="机械加工厂房")
    assert (unseen.reason, hall.reason) == ("change_not_seen", "storeys_not_countable")
    for check in (unseen, hall):
        assert (check.probability, check.estimate, check.is_excess) == (None, None, False)
        assert evidence_from_check(check) is None


@given(HEIGHTS, ERRORS)
def test_storeys_are_a_distribution(height_m: float, std_m: float) -> None:
    weights = weigh_storeys(height_m, std_m, SETTINGS.uses["dwelling"], SETTINGS)
    assert weights.min() >= 0.0
    assert weights.sum() == pytest.approx(1.0)


@given(HEIGHTS, ERRORS, st.integers(1, 20))
def test_more_permitted_is_never_more_suspicious(
    height_m: float, std_m: float, permitted: int
) -> None:
    few, many = (
        check_storeys(measure(height_m, std_m), number, SETTINGS).probability
        for number in (permitted, permitted + 1)
    )
    assert few is not None
    assert many is not None
    assert many <= few + 1e-12


def test_a_higher_roof_is_more_suspicious_and_a_vague_one_less_sure() -> None:
    probabilities = [
        check_storeys(measure(height_m), 3, SETTINGS).probability or 0.0
        for height_m in (6.0, 9.0, 11.0, 12.0, 13.0, 16.0)
    ]
    assert all(lower < higher for lower, higher in pairwise(probabilities))
    sure, vague = (check_storeys(measure(12.9, std), 3, SETTINGS) for std in (0.2, 2.0))
    assert sure.is_excess
    assert not vague.is_excess
    assert (vague.std or 0.0) > 2 * (sure.std or 0.0)


def test_no_building_has_no_storeys() -> None:
    assert check_storeys(measure(0.2), 3, SETTINGS).likeliest == 0


def test_storeys_are_counted_to_the_part_that_rose() -> None:
    rose = BuildingChange("b1", ChangeVerdict.RISE, None, 3.0, 0.4, 30.0, roof_after_m=9.9)
    main = measure(6.9)
    highest = find_highest_roof(main, rose)
    assert (highest.height_m, highest.height_std_m) == (9.9, 0.4)
    assert check_storeys(highest, 2, SETTINGS).is_excess
    assert not check_storeys(main, 2, SETTINGS).is_excess
    assert find_highest_roof(measure(12.0), rose).height_m == 12.0
    assert find_highest_roof(RoofHeight("b1", None, None, "change_not_seen"), rose).height_m == 9.9
    for unchanged in (None, replace(rose, verdict=ChangeVerdict.UNCHANGED)):
        assert find_highest_roof(main, unchanged) == main


def test_height_differences_are_believed_as_far_as_their_errors_allow() -> None:
    assert differ(3.0) > 0.9
    assert differ(3.0, 0.2) > differ(3.0, 1.0) > differ(3.0, 1.6)
    assert differ(0.3, verdict="unchanged") < 0.01
    assert differ(-3.0, verdict="fall") == differ(3.0)
    assert 0.0 < differ(-3.0, verdict="unchanged") < 0.01  # a part may have risen unseen


@given(st.floats(0.0, 40.0), st.floats(0.0, 5.0), st.floats(0.02, 2.0))
def test_a_larger_difference_is_never_believed_less(
    height_m: float, more_m: float, std_m: float
) -> None:
    assert differ(height_m + more_m, std_m) >= differ(height_m, std_m) - 1e-9
    assert differ(-height_m - more_m, std_m, verdict="fall") == differ(height_m + more_m, std_m)


def test_flights_that_cannot_tell_are_no_evidence() -> None:
    change = BuildingChange("b1", ChangeVerdict.CANNOT_TELL, "change_not_seen")
    assert evidence_from_change(change, SETTINGS) is None


@given(st.lists(EVIDENCE, max_size=6), st.data())
def test_fusion_rises_with_every_signal(evidence: list[Evidence], data: st.DataObject) -> None:
    evidence = [Evidence(EvidenceKind.CHANGE, 0.5), *evidence]
    index = data.draw(st.integers(0, len(evidence) - 1))
    more = data.draw(st.floats(evidence[index].probability, 1.0))
    raised = [*evidence]
    raised[index] = Evidence(evidence[index].kind, more)
    assert fuse_evidence(raised) >= fuse_evidence(evidence) - 1e-12


@given(st.lists(EVIDENCE, max_size=6))
def test_fusion_knows_no_order_and_stays_a_probability(evidence: list[Evidence]) -> None:
    fused = fuse_evidence(evidence)
    assert 0.0 < fused < 1.0
    assert fuse_evidence(evidence[::-1]) == fused
    assert fuse_evidence(evidence * 2) == fused


@given(st.sampled_from([EvidenceKind.CHANGE, EvidenceKind.REGISTER]), st.floats(0.05, SURE))
def test_heights_and_register_alone_give_back_what_they_say(
    kind: EvidenceKind, probability: float
) -> None:
    assert fuse_evidence([Evidence(kind, probability)]) == pytest.approx(probability)


def test_signals_meet_as_described() -> None:
    rose = Evidence(EvidenceKind.CHANGE, 0.9)
    stayed = Evidence(EvidenceKind.CHANGE, 0.001)
    excess, permitted = (Evidence(EvidenceKind.REGISTER, share) for share in (0.9, 0.01))
    photo = Evidence(EvidenceKind.PHOTO, 0.95)
    both = fuse_evidence([rose, excess])
    assert both > fuse_evidence([rose])
    independent = 1539 / 1540  # odds of 9 twice, over those of the prior
    assert both < independent  # both stand on the same roof height
    assert fuse_evidence([stayed, excess]) == fuse_evidence([excess])  # built before both flights
    assert 0.4 < fuse_evidence([rose, permitted]) < fuse_evidence([rose])
    assert fuse_evidence([photo]) < 0.25  # a model that has seen rendered pictures only
    assert fuse_evidence([rose, photo]) > fuse_evidence([rose])
    assert fuse_evidence([]) == pytest.approx(SETTINGS.fusion.prior)
    assert fuse_evidence([evidence_from_photo(float("nan"))]) == fuse_evidence([])


def test_settings_name_what_is_wrong(tmp_path: Path) -> None:
    document = yaml.safe_load(STOREYS_PATH.read_text(encoding="utf-8"))
    path = tmp_path / "storeys.yaml"
    for change in ({"default_use": "palace"}, {"max_storeys": 0}, {"secret": 1}):
        path.write_text(yaml.safe_dump(document | change), encoding="utf-8")
        with pytest.raises(ConfigurationError, match=r"storeys\.yaml"):
            load_storey_settings(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_storey_settings(tmp_path / "none.yaml")


def test_the_hash_follows_the_values() -> None:
    assert SETTINGS.settings_hash() == load_storey_settings().settings_hash()
    other = SETTINGS.model_copy(update={"max_storeys": 59})
    assert other.settings_hash() != SETTINGS.settings_hash()
