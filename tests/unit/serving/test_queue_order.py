"""The order of the queue: risk, tiers, and the rules that they come from."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from detection.domain.errors import ConfigurationError
from detection.domain.hazard import HazardClass
from serving.db.tables import CandidateRow
from serving.jobs.exposure import find_commercial_use
from serving.review.risk import (
    EPOCH,
    Exposed,
    base_risk,
    columns_from_exposed,
    explain_risk,
    exposed_from_columns,
    risk_key,
)
from serving.review.rules import RULES_PATH, load_rules
from serving.review.tiers import Tier, tier_of

RULES = load_rules()
NOW = datetime(2026, 11, 1, tzinfo=UTC)
CLASSES = st.sampled_from([each for each in HazardClass if each.is_hazard])
EXPOSED = st.lists(
    st.sampled_from(
        [Exposed("key_place", "小学", 40.0), Exposed("storeys", value=5.0), Exposed("commercial")]
    ),
    unique_by=lambda each: each.code,
)


@st.composite
def candidates(draw: st.DrawFn) -> CandidateRow:
    row = CandidateRow(
        hazard_class=draw(CLASSES).value,
        score=draw(st.floats(0.01, 0.99)),
        exposure=columns_from_exposed(draw(EXPOSED)),
        created_at=NOW - timedelta(seconds=draw(st.integers(0, 90 * 86400))),
    )
    base = base_risk(
        HazardClass(row.hazard_class), row.score, exposed_from_columns(row.exposure), RULES
    )
    row.risk_key = risk_key(base, row.created_at, RULES.days_to_double)
    return row


@given(candidates(), candidates(), st.integers(0, 10_000))
def test_the_stored_key_orders_as_the_risk_does_at_any_instant(
    one: CandidateRow, other: CandidateRow, hours_later: int
) -> None:
    when = NOW + timedelta(hours=hours_later)
    risks = [explain_risk(row, when, RULES).value for row in (one, other)]
    assume(not math.isclose(risks[0], risks[1], rel_tol=1e-9))
    assert (risks[0] > risks[1]) == (one.risk_key > other.risk_key)


@given(candidates())
def test_the_key_is_the_logarithm_of_the_risk_at_the_epoch(row: CandidateRow) -> None:
    days = (row.created_at - EPOCH) / timedelta(days=1)
    at_arrival = explain_risk(row, row.created_at, RULES).value
    expected = math.log2(at_arrival) - days / RULES.days_to_double
    assert row.risk_key == pytest.approx(expected, abs=1e-9)


@given(candidates())
def test_the_factors_that_are_shown_make_the_risk(row: CandidateRow) -> None:
    risk = explain_risk(row, NOW, RULES)
    assert risk.value == pytest.approx(math.prod(each.factor for each in risk.factors))
    assert [each.code for each in risk.factors[:2]] == ["class", "score"]
    assert risk.factors[-1].code == "waiting"
    assert len(risk.factors) == 3 + len(row.exposure)


def test_waiting_the_days_of_the_rules_counts_twice() -> None:
    waiting = CandidateRow(hazard_class="facade_crack", score=0.5, exposure=[])
    waiting.created_at = NOW - timedelta(days=RULES.days_to_double)
    fresh = CandidateRow(hazard_class="facade_crack", score=0.5, exposure=[], created_at=NOW)
    assert explain_risk(waiting, NOW).value == pytest.approx(2 * explain_risk(fresh, NOW).value)


def test_a_score_of_zero_has_a_place_too() -> None:
    base = base_risk(HazardClass.FACADE_CRACK, 0.0, [], RULES)
    assert math.isfinite(risk_key(base, NOW, RULES.days_to_double))


@pytest.mark.parametrize(
    ("hazard_class", "score", "tier"),
    [
        (HazardClass.MANHOLE_MISSING, 0.5, Tier.URGENT),
        (HazardClass.MANHOLE_MISSING, 0.499, Tier.NORMAL),
        (HazardClass.MANHOLE_MISSING, 0.03, Tier.NORMAL),
        (HazardClass.MANHOLE_MISSING, 0.029, Tier.LOW),
        (HazardClass.MANHOLE_BROKEN, 0.8, Tier.URGENT),
        (HazardClass.MANHOLE_BROKEN, 0.299, Tier.LOW),
        (HazardClass.FACADE_CRACK, 0.99, Tier.NORMAL),
        (HazardClass.FACADE_CRACK, 0.3, Tier.NORMAL),
        (HazardClass.ADDED_STOREY, 0.299, Tier.LOW),
    ],
)
def test_tier_of_a_class_and_a_score(hazard_class: HazardClass, score: float, tier: Tier) -> None:
    assert tier_of(hazard_class, score, RULES.tiers) is tier


def test_tiers_fall_by_their_names() -> None:
    assert sorted(Tier, reverse=True) == [Tier.URGENT, Tier.NORMAL, Tier.LOW]


@pytest.mark.parametrize(
    ("properties", "use"),
    [
        ({"用途": "商住"}, "商住"),
        ({"USE": "Retail"}, "Retail"),
        ({"使用性质": "自住", "经营情况": "餐饮"}, "餐饮"),
        ({"经营情况": "非经营"}, None),
        ({"使用性质": "非经营", "经营情况": "餐饮"}, "餐饮"),
        ({"用途": "住宅"}, None),
        ({"name": "商店"}, None),
        ({"用途": None}, None),
    ],
)
def test_commercial_use_is_read_from_the_fields_of_the_rules(
    properties: dict[str, object], use: str | None
) -> None:
    assert find_commercial_use(properties, RULES.exposure.commercial) == use


def _write_rules(path: Path, **changes: object) -> Path:
    values = yaml.safe_load(RULES_PATH.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(values | changes, allow_unicode=True), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"days_to_double": 0}, "days_to_double"),
        ({"colour": "red"}, "colour"),
        ({"class_weights": {"facade_crack": 1.0}}, "class_weights lacks"),
        ({"claims": {"lease_min": 1.0, "heartbeat_s": 60.0, "prefetch": 5}}, "heartbeat_s"),
        (
            {
                "tiers": {
                    "urgent_from": {"facade_crack": 0.2},
                    "low_below": {"facade_crack": 0.3},
                }
            },
            "low_below",
        ),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_name(
    tmp_path: Path, changes: dict[str, object], place: str
) -> None:
    with pytest.raises(ConfigurationError, match=place):
        load_rules(_write_rules(tmp_path / "review.yaml", **changes))


def test_a_missing_file_of_rules_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yaml cannot be read"):
        load_rules(tmp_path / "none.yaml")


def test_only_what_changes_the_order_changes_its_hash(tmp_path: Path) -> None:
    claims = {"lease_min": 5.0, "heartbeat_s": 60.0, "prefetch": 3}
    longer = load_rules(_write_rules(tmp_path / "claims.yaml", claims=claims))
    slower = load_rules(_write_rules(tmp_path / "days.yaml", days_to_double=14.0))
    assert longer.order_hash == RULES.order_hash
    assert slower.order_hash != RULES.order_hash
