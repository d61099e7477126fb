"""Cohen's kappa and Wilson's interval against values worked out by hand and published ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.review.blind.figures import measure_agreement, measure_share

pairs = st.lists(st.tuples(st.sampled_from("crsd"), st.sampled_from("crsd")), max_size=40)


def test_kappa_of_a_table_worked_out_by_hand() -> None:
    # 20 both yes, 5 yes/no, 10 no/yes, 15 both no: p_o = 0.7, p_e = 0.5*0.6 + 0.5*0.4 = 0.5.
    said = [("c", "c")] * 20 + [("c", "r")] * 5 + [("r", "c")] * 10 + [("r", "r")] * 15
    found = measure_agreement(said)
    assert (found.count, found.agreed) == (50, 35)
    assert found.kappa == pytest.approx(0.4)


def test_kappa_of_three_verdicts_worked_out_by_hand() -> None:
    # 10 pairs, 7 equal; shares 4,4,2 against 4,4,2: p_e = 0.16 + 0.16 + 0.04 = 0.36.
    said = [("c", "c")] * 3 + [("r", "r")] * 3 + [("s", "s")]
    said += [("c", "r"), ("r", "s"), ("s", "c")]
    assert measure_agreement(said).kappa == pytest.approx((0.7 - 0.36) / (1 - 0.36))


def test_kappa_is_unknown_where_chance_always_agrees() -> None:
    assert measure_agreement([]).kappa is None
    assert measure_agreement([("c", "c")] * 9).kappa is None
    assert measure_agreement([("c", "c")] * 9 + [("c", "r")]).kappa == pytest.approx(0.0)


@given(pairs)
def test_kappa_does_not_depend_on_order_or_on_who_is_first(said: list[tuple[str, str]]) -> None:
    found = measure_agreement(said)
    turned = measure_agreement([(other, one) for one, other in reversed(said)])
    assert turned == found
    if found.kappa is not None:
        assert -1.0 <= found.kappa <= 1.0
        assert (found.kappa == 1.0) == (found.agreed == found.count)


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [
        # Newcombe 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_interval_has_the_published_bounds(hits: int, count: int, low: float, high: float) -> None:
    found = measure_share(hits, count)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_holds_the_share_and_stays_within_bounds(counted: tuple[int, int]) -> None:
    found = measure_share(*counted)
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert 0.0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1.0


def test_nothing_counted_is_no_share() -> None:
    found = measure_share(0, 0)
    assert (found.value, found.low, found.high, found.count) == (None, None, None, 0)
