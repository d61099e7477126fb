"""What to label next: the choice is a set within its budget, explained, and free of order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.domain.hazard import HazardClass
from detection.selection import Example, Pick, SelectionSettings, select_examples
from detection.selection.example import REASONS

OK, BROKEN = HazardClass.MANHOLE_OK, HazardClass.MANHOLE_BROKEN
THRESHOLDS = {OK: 0.4, BROKEN: 0.2}
COUNTS = {OK: 100, BROKEN: 4}

SHARES = st.floats(0, 1)
SCORES = st.lists(st.tuples(st.sampled_from([OK, BROKEN]), SHARES), max_size=4).map(tuple)
VECTORS = st.none() | st.lists(st.integers(-3, 3), min_size=3, max_size=3).map(np.array)


@st.composite
def draw_examples(draw: st.DrawFn, prefix: str = "p") -> list[Example]:
    count = draw(st.integers(0, 12))
    return [
        Example(
            key=f"{prefix}{number}",
            scores=draw(SCORES),
            vector=draw(VECTORS),
            group=draw(st.sampled_from(["", "a", "b"])),
            disagreement=draw(st.sampled_from([0.0, 0.5])),
            novelty=draw(st.sampled_from([0.0, 1.0])),
        )
        for number in range(count)
    ]


def select(
    pool: list[Example], labelled: list[Example] | None = None, budget: int = 99, seed: int = 0
) -> list[Pick]:
    return select_examples(
        pool, labelled or [], budget, thresholds=THRESHOLDS, class_counts=COUNTS, seed=seed
    )


@given(draw_examples(), draw_examples("l"), st.integers(0, 15))
@settings(max_examples=50, deadline=None)
def test_picks_are_distinct_within_the_budget_and_explained(
    pool: list[Example], labelled: list[Example], budget: int
) -> None:
    picks = select(pool, labelled, budget)
    keys = [pick.key for pick in picks]
    assert len(set(keys)) == len(keys) == min(budget, len(pool))
    assert set(keys) <= {example.key for example in pool}
    assert [pick.rank for pick in picks] == list(range(1, len(picks) + 1))
    for pick in picks:
        parts = [getattr(pick, name) for name in (*REASONS, "total")]
        assert all(0 <= part <= 1 for part in parts)
        assert pick.reason in REASONS.values()


@given(draw_examples(), draw_examples("l"), st.randoms(use_true_random=False), st.integers(0, 3))
@settings(max_examples=50, deadline=None)
def test_order_of_the_pool_changes_nothing(
    pool: list[Example], labelled: list[Example], random: object, seed: int
) -> None:
    shuffled = list(pool)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert select(shuffled, labelled, seed=seed) == select(pool, labelled, seed=seed)


@given(draw_examples(), st.integers(1, 12))
@settings(max_examples=50, deadline=None)
def test_smaller_budget_is_the_beginning_of_a_larger_one(pool: list[Example], budget: int) -> None:
    assert select(pool, budget=budget) == select(pool)[:budget]


@given(draw_examples())
@settings(max_examples=50, deadline=None)
def test_photo_of_which_nothing_is_said_comes_last(pool: list[Example]) -> None:
    by_key = {example.key: example for example in pool}
    silent = [by_key[pick.key].says_nothing for pick in select(pool)]
    assert silent == sorted(silent)


def test_duplicate_of_a_picked_example_falls_behind_others() -> None:
    twin = Example("twin-1", ((OK, 0.4),), np.array([1.0, 0, 0]))
    other = Example("other", ((OK, 0.3),), np.array([0, 1.0, 0]))
    pool = [twin, replace(twin, key="twin-2"), other]
    picks = select(pool)
    assert [pick.key == "other" for pick in picks] == [False, True, False]
    assert picks[2].diversity == pytest.approx(0, abs=1e-6)
    assert picks[0].diversity == 1
    assert picks[0].uncertainty == picks[2].uncertainty


def test_another_view_of_a_labelled_place_falls_behind() -> None:
    pool = [Example("here", ((OK, 0.4),), group="a"), Example("there", ((OK, 0.4),), group="b")]
    picks = select(pool, [Example("known", (), group="a")])
    assert [pick.key for pick in picks] == ["there", "here"]
    assert (picks[0].diversity, picks[1].diversity) == (1.0, 0.5)


@pytest.mark.parametrize(("first", "second"), [(0.4, 0.9), (0.4, 0.05), (0.35, 0.1)])
def test_score_nearer_to_its_threshold_comes_first(first: float, second: float) -> None:
    only = SelectionSettings(uncertainty=1, diversity=0, rarity=0, disagreement=0, novelty=0)
    pool = [Example("near", ((OK, first),)), Example("far", ((OK, second),))]
    picks = select_examples(pool, [], 2, thresholds=THRESHOLDS, class_counts=COUNTS, settings=only)
    assert [pick.key for pick in picks] == ["near", "far"]
    assert picks[0].reason == "uncertain"


@pytest.mark.parametrize("score", [0.0, 0.2, 1.0])
def test_uncertainty_is_whole_at_the_threshold_and_nought_at_the_ends(score: float) -> None:
    pick = select([Example("a", ((BROKEN, score),))])[0]
    assert pick.uncertainty == (1.0 if score == THRESHOLDS[BROKEN] else 0.0)


def test_rare_class_counts_more_and_is_named() -> None:
    pool = [Example("common", ((OK, 0.4),)), Example("rare", ((BROKEN, 0.9),))]
    rare = next(pick for pick in select(pool) if pick.key == "rare")
    common = next(pick for pick in select(pool) if pick.key == "common")
    assert rare.rarity == pytest.approx(0.9)
    assert common.rarity == pytest.approx(0.4 * (5 / 101) ** 0.5)
    weights = SelectionSettings(diversity=0, uncertainty=0.1)
    picks = select_examples(
        pool, [], 1, thresholds=THRESHOLDS, class_counts=COUNTS, settings=weights
    )
    assert (picks[0].key, picks[0].reason) == ("rare", "rare_class")


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"disagreement": 1.0}, "disagreement"), ({"novelty": 1.0}, "new_conditions")],
)
def test_what_people_or_conditions_say_is_the_reason(change: dict[str, float], reason: str) -> None:
    weights = SelectionSettings(diversity=0)
    pool = [Example("plain", ((OK, 0.05),)), Example("told", (), **change)]  # type: ignore[arg-type]
    picks = select_examples(
        pool, [], 1, thresholds=THRESHOLDS, class_counts=COUNTS, settings=weights
    )
    assert (picks[0].key, picks[0].reason) == ("told", reason)


def test_seed_parts_equals_only() -> None:
    equals = [Example(f"e{number}", ((OK, 0.4),)) for number in range(20)]
    orders = {tuple(pick.key for pick in select(equals, seed=seed)) for seed in range(4)}
    assert len(orders) == 4
    ranked = [Example(f"r{number}", ((OK, 0.4 - 0.01 * number),)) for number in range(20)]
    assert len({tuple(pick.key for pick in select(ranked, seed=seed)) for seed in range(4)}) == 1


@pytest.mark.parametrize(
    ("pool", "labelled", "budget"),
    [
        ([Example("a", ()), Example("a", ())], [], 1),
        ([Example("a", ())], [Example("a", ())], 1),
        ([Example("a", ())], [], -1),
        ([Example("a", (), np.ones(2)), Example("b", (), np.ones(3))], [], 1),
    ],
)
def test_what_cannot_be_chosen_from_is_refused(
    pool: list[Example], labelled: list[Example], budget: int
) -> None:
    with pytest.raises(ValueError, match=r"key|budget|lengths"):
        select(pool, labelled, budget)


@pytest.mark.parametrize(
    "made",
    [
        lambda: Example("a", ((OK, 1.2),)),
        lambda: Example("a", ((OK, float("nan")),)),
        lambda: Example("a", (), np.array([np.nan])),
        lambda: Example("a", (), novelty=-0.1),
        lambda: SelectionSettings(rarity=-1),
        lambda: SelectionSettings(0, 0, 0, 0, 0),
    ],
)
def test_what_is_no_figure_is_refused(made: object) -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\]|no number|weights"):
        made()  # type: ignore[operator]


def draw_kinds(counts: dict[str, int], score: dict[str, float]) -> list[Example]:
    """Return examples of kinds that look alike within and not across."""
    rng = np.random.default_rng(0)
    centres = dict(zip(counts, np.eye(len(counts), 8), strict=True))
    return [
        Example(f"{kind}-{number:03}", ((OK, score[kind]),), centres[kind] + rng.normal(0, 0.05, 8))
        for kind, count in counts.items()
        for number in range(count)
    ]


def test_kind_to_which_the_model_is_blind_gets_its_share() -> None:
    counts = {"seen": 150, "blind": 100}
    pool = draw_kinds(counts, {"seen": 0.4, "blind": 0.02})
    picks = select(pool, budget=50)
    found = [pick.key.split("-")[0] for pick in picks]
    assert found.count("blind") == 20
    assert found[:10].count("blind") == 4


def test_kind_that_is_labelled_already_waits_for_the_others() -> None:
    pool = draw_kinds({"a": 100, "b": 100}, {"a": 0.4, "b": 0.4})
    labelled, rest = pool[:30], pool[30:]
    picks = select(rest, labelled, 10)
    assert {pick.key[0] for pick in picks} == {"b"}


def test_order_of_what_is_labelled_changes_nothing() -> None:
    """Kinds are begun by a draw from both, so an unordered query would choose otherwise."""
    both = draw_kinds(dict.fromkeys("abcdef", 20), dict.fromkeys("abcdef", 0.4))
    rng = np.random.default_rng(1)
    pool, labelled = both[::2], both[1::2]
    for _ in range(5):
        shuffled = [labelled[index] for index in rng.permutation(len(labelled))]
        assert select(pool, shuffled, 30) == select(pool, labelled, 30)


def test_within_a_kind_the_best_is_picked() -> None:
    pool = draw_kinds({"a": 25, "b": 25}, {"a": 0.1, "b": 0.1})
    best = {7, 37}
    for number in best:
        pool[number] = replace(pool[number], scores=((OK, 0.4),), disagreement=1.0)
    picks = select(pool, budget=2)
    assert {pick.key for pick in picks} == {pool[number].key for number in best}


@given(st.integers(0, 80), st.integers(0, 80), st.integers(0, 5))
@settings(max_examples=20, deadline=None)
def test_kinds_change_neither_the_count_nor_the_freedom_of_order(
    one: int, other: int, seed: int
) -> None:
    pool = draw_kinds({"a": one, "b": other}, {"a": 0.3, "b": 0.6})
    picks = select(pool, budget=1000, seed=seed)
    assert len({pick.key for pick in picks}) == len(pool)
    assert select(pool[::-1], budget=1000, seed=seed) == picks
