from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.retraining.paired import (
    Difference,
    compare_rates,
    correct_holm,
    flip_signs,
    sum_groups,
)


def rates(
    running: list[int], candidate: list[int], groups: list[str], of: list[int] | None = None
) -> Difference:
    old, new, shared = (
        np.array(row, dtype=np.float64) for row in (running, candidate, of or [1] * len(running))
    )
    return compare_rates(old, new, shared, groups)


def test_difference_is_of_all_photos_together() -> None:
    found = rates([1, 0, 1], [1, 1, 1], ["a", "b", "c"], of=[1, 2, 1])
    assert found.value == pytest.approx(0.25)


def test_without_a_denominator_there_is_no_figure() -> None:
    assert rates([0], [0], ["a"], of=[0]) == Difference()


def test_no_difference_at_all_is_still_no_proof_of_none() -> None:
    found = rates([1] * 10, [1] * 10, [str(n) for n in range(10)])
    assert (found.low, found.high) == pytest.approx((-0.3, 0.3))  # rule of three
    assert found.direction == 0


def test_one_group_says_nothing_of_its_error() -> None:
    found = rates([0, 0], [1, 1], ["a", "a"])
    assert (found.value, found.low) == (1.0, None)
    assert found.direction == 0
    assert rates([1], [1], ["a"]).low is None


def test_five_groups_that_agree_are_too_few_and_six_are_enough() -> None:
    def gain(count: int) -> Difference:
        return rates([0] * count, [1] * count, [str(n) for n in range(count)])

    assert gain(5).direction == 0  # p = 2 / 2**5
    assert gain(6).direction == 1
    assert gain(6).p == pytest.approx(2 / 2**6)


def test_photos_of_one_group_count_as_one() -> None:
    found = rates([0] * 12, [1] * 12, ["a", "b"] * 6)
    assert found.p == pytest.approx(0.5)
    assert found.direction == 0


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=14))
@settings(max_examples=60, deadline=None)
def test_sign_flips_do_not_care_which_model_is_first(values: list[int]) -> None:
    array = np.array(values, dtype=np.float64)
    assert flip_signs(array) == pytest.approx(flip_signs(-array), abs=0.03)
    assert 0 < flip_signs(array) <= 1


def test_sums_by_group() -> None:
    assert sum_groups(np.array([1.0, 2.0, 4.0]), ["b", "a", "b"]).tolist() == [2.0, 5.0]


def test_equal_models_are_rarely_called_different() -> None:
    rng = np.random.default_rng(5)
    called = 0
    for _ in range(200):
        count = int(rng.integers(4, 25))
        running, candidate = (rng.integers(0, 2, count).tolist() for _ in range(2))
        called += rates(running, candidate, [str(n) for n in range(count)]).direction != 0
    assert called <= 0.05 * 200 + 3 * np.sqrt(200 * 0.05 * 0.95)


def test_many_parts_need_more_proof() -> None:
    found = correct_holm([Difference(1, 0.5, 1, p) for p in (0.01, 0.04, 0.03)] + [Difference()])
    assert [one.p for one in found] == pytest.approx([0.03, 0.06, 0.06, None])
    assert [one.direction for one in found] == [1, 0, 0, 0]
