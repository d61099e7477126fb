"""Counts, intervals, slices, curves and thresholds on answers whose figures are known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from pydantic import ValidationError

from tests.answers import CRACK, Box, build_answer, build_box, crack_manifest
from tests.fakes import COVER_CLASSES, build_manifest
from training.data.annotation import Origin
from training.evaluation.answers import RANKING_FLOOR, find_needed_floor, show_boxes
from training.evaluation.confusion import count_confusion
from training.evaluation.evaluate import PhotoAnswer, evaluate_answers, find_recall_at
from training.evaluation.figures import (
    json_from_evaluation,
    table_from_evaluation,
    table_from_slices,
)
from training.evaluation.mistakes import MistakeKind, list_mistakes
from training.evaluation.sampling import (
    draw_weights,
    find_interval,
    find_rate_interval,
    find_share_interval,
)
from training.evaluation.sweep import CANDIDATE_SCORES, sweep_class
from training.promotion.thresholds import choose_thresholds
from training.settings import ThresholdRule

OK, BROKEN, MISSING = COVER_CLASSES
HERE: Box = (20, 20, 60, 60)
THERE: Box = (100, 80, 150, 130)
LIMITS = dict.fromkeys(COVER_CLASSES, 0.5)
MANIFEST = build_manifest(score_floor=0.001)


def show_missing(name: str, score: float, box: Box = HERE, **more: str) -> PhotoAnswer:
    """A photo with an open shaft, and one box of it."""
    truth = [build_box(MISSING, HERE)]
    return build_answer(name, truth, [(2, score, box)], group=more.get("group"))


def cry_wolf(name: str, *scores: float) -> PhotoAnswer:
    """A photo without anything, and boxes of missing covers apart from each other."""
    found = [(2, score, (10 + 30 * n, 10, 30 + 30 * n, 30)) for n, score in enumerate(scores)]
    return build_answer(name, [], found)


@pytest.fixture
def answers() -> list[PhotoAnswer]:
    """Three hits at 0.9, 0.7 and 0.3, one miss, and one false alarm at 0.6 on two negatives."""
    return [
        show_missing("a.jpg", 0.9),
        show_missing("b.jpg", 0.7),
        show_missing("c.jpg", 0.3),
        show_missing("d.jpg", 0.8, THERE),
        cry_wolf("e.jpg", 0.6),
        cry_wolf("f.jpg"),
    ]


def test_every_figure_of_a_known_case(answers: list[PhotoAnswer]) -> None:
    evaluation = evaluate_answers(answers, MANIFEST, LIMITS, tiled=False)
    missing = evaluation.figures[2]
    assert (missing.photos, missing.boxes) == (4, 4)
    assert missing.counts.recall == 0.5
    assert missing.counts.precision == 0.5
    assert missing.image_recall_hit == 0.5
    assert missing.image_recall_any == 0.75  # d.jpg shows a box, in the wrong place
    assert missing.false_alarms_per_negative == 0.5
    assert evaluation.hazard_alarms_per_negative == 0.5
    assert evaluation.hazard_alarms_per_12_mp == pytest.approx(12e6 / (2 * 200 * 160))
    assert evaluation.map50 == missing.ap50
    assert missing.recall_at_alarms == {0.05: (0.5, 0.75), 0.1: (0.5, 0.75), 0.2: (0.5, 0.75)}


def test_recall_at_alarms_needs_negatives(answers: list[PhotoAnswer]) -> None:
    sweep = sweep_class(MISSING, answers[:4], MANIFEST)
    assert find_recall_at(sweep, 0.1) is None
    assert find_recall_at(sweep_class(MISSING, answers, MANIFEST), 0.5) == (0.75, 1.0)


def test_sweep_agrees_with_what_is_shown_at_each_threshold(answers: list[PhotoAnswer]) -> None:
    scores = np.array([0.1, 0.3, 0.55, 0.65, 0.85])
    sweep = sweep_class(MISSING, answers, MANIFEST, scores=scores)
    for row, score in enumerate(scores):
        limits = {**dict.fromkeys(COVER_CLASSES, np.inf), MISSING: float(score)}
        evaluation = evaluate_answers(answers, MANIFEST, limits, tiled=False)
        assert sweep.counts()[row] == evaluation.figures[2].counts
        assert sweep.photo_recall()[row] == evaluation.figures[2].image_recall_any
        assert sweep.alarms_per_negative()[row] == evaluation.hazard_alarms_per_negative


def test_other_classes_compete_in_a_sweep() -> None:
    truth = [build_box(MISSING, HERE)]
    answer = build_answer("a.jpg", truth, [(2, 0.6, HERE), (0, 0.8, HERE)])
    alone = sweep_class(MISSING, [answer], MANIFEST, scores=np.array([0.5]))
    against = sweep_class(MISSING, [answer], MANIFEST, scores=np.array([0.5]), others={OK: 0.5})
    assert (alone.hits[0, 0], against.hits[0, 0]) == (1, 0)


def test_intervals_hold_the_figure_and_are_the_same_every_time(answers: list[PhotoAnswer]) -> None:
    first, second = (evaluate_answers(answers, MANIFEST, LIMITS, tiled=False) for _ in range(2))
    missing = first.figures[2]
    assert missing.intervals == second.figures[2].intervals
    figures = {
        "precision": missing.counts.precision,
        "recall": missing.counts.recall,
        "f1": missing.counts.f_score(),
        "ap50": missing.ap50,
        "image_recall_any": missing.image_recall_any,
    }
    for name, value in figures.items():
        low, high = missing.intervals[name]
        assert value is not None
        assert 0 <= low <= value <= high <= 1
    assert missing.intervals["recall"][0] < 0.5 < missing.intervals["recall"][1]
    assert "recall" not in first.figures[0].intervals  # nothing of the class is there


def test_photos_of_one_group_are_drawn_together() -> None:
    weights = draw_weights(["g", "g", "h", "i"], 500)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 0] != weights[:, 2]).any()
    assert (weights[:, 1:].sum(axis=1) == 3).all()
    assert draw_weights(["g", "g"]).shape == (0, 2)


def test_groups_widen_the_interval() -> None:
    scores = [0.9] * 20 + [0.1] * 20
    apart = [show_missing(f"{n}.jpg", score) for n, score in enumerate(scores)]
    together = [
        show_missing(f"{n}.jpg", score, group=str(n // 10)) for n, score in enumerate(scores)
    ]
    widths = []
    for answers in (apart, together):
        evaluation = evaluate_answers(answers, MANIFEST, LIMITS, tiled=False)
        low, high = evaluation.figures[2].intervals["recall"]
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]


def test_interval_leaves_out_rounds_without_a_figure() -> None:
    assert find_interval(np.array([np.nan, 0.5, 0.5])) == (0.5, 0.5)
    assert find_interval(np.array([np.nan])) is None


def test_rounds_that_all_say_the_same_do_not_claim_certainty() -> None:
    sure, never = np.ones(10), np.zeros(10)
    low, high = find_share_interval(sure, 5) or (0.0, 0.0)
    assert high == 1.0
    assert low**5 == pytest.approx(0.025), "five hits in a row have this chance at the bound"
    assert find_share_interval(never, 5) == pytest.approx((0.0, 1 - low))
    assert find_share_interval(np.array([0.4, 0.6]), 5) == find_interval(np.array([0.4, 0.6]))
    _, most = find_rate_interval(never, 40) or (0.0, 0.0)
    assert math.exp(-40 * most) == pytest.approx(0.025), "no event in 40 photos, at the bound"
    assert find_rate_interval(np.array([np.nan]), 40) is None


def test_a_perfect_class_of_two_photos_has_a_wide_interval() -> None:
    answers = [
        build_answer(f"{name}.jpg", [build_box(MISSING, HERE)], [(2, 0.9, HERE)]) for name in "ab"
    ]
    evaluation = evaluate_answers(answers, MANIFEST, LIMITS, tiled=False)
    (missing,) = (one for one in evaluation.figures if one.hazard_class is MISSING)
    for name in ("recall", "precision", "ap50"):
        assert missing.intervals[name] == pytest.approx((0.025**0.5, 1.0))


def test_slices_by_origin_and_size() -> None:
    drone, street = Origin(source="s1", view="drone"), Origin(source="s1", view="street")
    small, large = (20, 20, 40, 40), (20, 20, 130, 130)
    answers = [
        build_answer("a.jpg", [build_box(MISSING, small)], [(2, 0.9, small)], origin=drone),
        build_answer("b.jpg", [build_box(MISSING, large)], [], origin=street),
        build_answer("c.jpg", [], [(2, 0.9, small)], origin=street),
    ]
    evaluation = evaluate_answers(answers, MANIFEST, LIMITS, tiled=False)
    views = evaluation.slices["view"]
    assert views["drone"].classes[MISSING].recall == 1.0
    assert views["drone"].false_alarms_per_negative is None
    assert views["street"].classes[MISSING].recall == 0.0
    assert views["street"].classes[MISSING].ap50 == 0.0
    assert views["street"].false_alarms_per_negative == 1.0
    assert "surface" not in evaluation.slices
    sizes = evaluation.slices["size"]
    assert (sizes["small"].classes[MISSING].truths, sizes["small"].classes[MISSING].recall) == (
        1,
        1,
    )
    assert sizes["medium"].classes[MISSING].recall is None
    assert sizes["large"].classes[MISSING].recall == 0.0
    assert evaluation.slices["relative_size"]["over_30_percent"].classes[MISSING].truths == 1
    table = table_from_slices(evaluation)
    assert "| view: drone | 1 | 1.000 (1) |" in table
    assert "| size: large |  | 0.000 (1) |" in table


def test_confusion_pairs_by_place() -> None:
    truth = [build_box(BROKEN, HERE), build_box(MISSING, THERE)]
    answer = build_answer("a.jpg", truth, [(0, 0.9, HERE), (2, 0.8, (1, 120, 20, 140))])
    shown = [show_boxes(answer, MANIFEST, LIMITS)]
    matrix = count_confusion([answer.photo], shown, COVER_CLASSES)
    expected = np.zeros((4, 4), dtype=int)
    expected[1, 0] = 1  # broken, found as ok
    expected[2, 3] = 1  # missing, not found
    expected[3, 2] = 1  # nothing, found as missing
    np.testing.assert_array_equal(matrix, expected)


def test_mistakes_by_kind_and_score() -> None:
    truth = [build_box(BROKEN, HERE), build_box(MISSING, THERE)]
    found = [(0, 0.9, HERE), (2, 0.7, (1, 120, 20, 140)), (2, 0.4, THERE)]
    answers = [build_answer("a.jpg", truth, found), build_answer("b.jpg", [build_box(OK, HERE)])]
    rows = list_mistakes(answers, MANIFEST, LIMITS)
    told = [(row.kind, row.hazard_class, row.truth_class, row.score) for row in rows]
    assert told == [
        (MistakeKind.CONFUSION, OK, BROKEN, pytest.approx(0.9)),
        (MistakeKind.FALSE_ALARM, MISSING, None, pytest.approx(0.7)),
        (MistakeKind.MISS, MISSING, None, pytest.approx(0.4)),
        (MistakeKind.MISS, OK, None, None),
    ]


def test_json_holds_what_was_promised(answers: list[PhotoAnswer]) -> None:
    document = json_from_evaluation(evaluate_answers(answers, MANIFEST, LIMITS, tiled=False))
    json.dumps(document, allow_nan=False)
    assert {"classes", "map50", "images", "negatives", "false_alarms_per_negative"} <= set(document)
    assert {"pixel", "ci95", "slices"} <= set(document)
    assert document["images"] == 6
    row = document["classes"]["manhole_missing"]  # type: ignore[index]
    names = {"ap50", "ap50_95", "precision", "recall", "f1", "threshold", "count", "mask_ap50"}
    assert names <= set(row)
    assert row["count"] == 4
    unseen = document["classes"]["manhole_ok"]  # type: ignore[index]
    assert (unseen["count"], unseen["recall"], unseen["f1"]) == (0, None, None)
    assert document["pixel"] is None
    assert len(document["ci95"]["classes"]["manhole_missing"]["recall"]) == 2  # type: ignore[index]
    table = table_from_evaluation(evaluate_answers(answers, MANIFEST, LIMITS, tiled=False))
    assert "6 photos, 2 of them negative" in table
    assert "0.500 of boxes at 0.1" in table


def choose(rule: ThresholdRule, answers: list[PhotoAnswer], background: list[PhotoAnswer]) -> float:
    return choose_thresholds(answers, background, MANIFEST, {MISSING: rule})[MISSING]


def test_recall_rule_takes_the_highest_score_that_reaches_it(answers: list[PhotoAnswer]) -> None:
    assert choose(ThresholdRule(min_recall=0.5), answers, []) == pytest.approx(0.69)
    assert choose(ThresholdRule(min_recall=0.75), answers, []) == pytest.approx(0.3)
    by_photo = ThresholdRule(min_recall=0.75, recall_of="photos")
    assert choose(by_photo, answers, []) == pytest.approx(0.69)
    between = ThresholdRule(min_recall=0.5, max_alarms_per_negative=0.0, place="middle")
    assert choose(between, answers, []) == pytest.approx(0.65)


def test_recall_rule_out_of_reach_takes_the_lowest_score_allowed(
    answers: list[PhotoAnswer],
) -> None:
    rule = ThresholdRule(min_recall=0.75, max_alarms_per_negative=0.2)
    assert choose(rule, answers, []) == pytest.approx(0.61)
    assert choose(ThresholdRule(min_recall=1.0), answers, []) == pytest.approx(0.01)


def test_caps_bind_the_best_f_score_too(answers: list[PhotoAnswer]) -> None:
    loose = choose(ThresholdRule(), answers, [])
    assert loose <= 0.3
    assert 0.6 < choose(ThresholdRule(max_alarms_per_negative=0.0), answers, []) <= 0.7


def test_background_is_capped_by_photo_and_by_megapixel(answers: list[PhotoAnswer]) -> None:
    background = [cry_wolf("x.jpg", 0.255, 0.455), cry_wolf("y.jpg", 0.05)]  # 0.064 MP together
    by_photo = ThresholdRule(min_recall=0.75, max_background_alarms=0.5)
    assert choose(by_photo, answers, background) == pytest.approx(0.3)
    one_allowed = ThresholdRule(
        min_recall=1.0, max_background_alarms=9, max_background_alarms_per_12_mp=190
    )
    assert choose(one_allowed, answers, background) == pytest.approx(0.26)
    none_allowed = ThresholdRule(
        min_recall=1.0, max_background_alarms=9, max_background_alarms_per_12_mp=180
    )
    assert choose(none_allowed, answers, background) == pytest.approx(0.46)


def test_model_that_cries_wolf_is_shipped_silent(answers: list[PhotoAnswer]) -> None:
    background = [cry_wolf("x.jpg", 0.99)]
    rule = ThresholdRule(max_background_alarms=0.0)
    assert choose(rule, answers, background) == CANDIDATE_SCORES[-1]
    loud = [*answers, cry_wolf("g.jpg", 0.99)]
    assert choose(ThresholdRule(max_alarms_per_negative=0.0), loud, []) == CANDIDATE_SCORES[-1]


def test_rule_out_of_range_is_refused() -> None:
    for wrong in ({"min_recall": 0.0}, {"min_recall": 1.2}, {"max_alarms_per_negative": -1}):
        with pytest.raises(ValidationError):
            ThresholdRule.model_validate(wrong)


def test_faint_boxes_are_asked_for_where_they_count() -> None:
    photos = [build_answer("a.jpg").photo]  # 200 x 160
    assert find_needed_floor(photos, 640, tiled=True) == RANKING_FLOOR
    assert find_needed_floor(photos, 128, tiled=False) == RANKING_FLOOR
    assert find_needed_floor(photos, 128, tiled=True) == CANDIDATE_SCORES[0]


def test_joined_cracks_are_swept_as_shown() -> None:
    truth = [build_box(CRACK, (10, 10, 110, 40))]
    pieces = [(0, 0.9, (10, 10, 70, 40)), (0, 0.5, (50, 10, 110, 40))]
    sweep = sweep_class(
        CRACK, [build_answer("a.jpg", truth, pieces)], crack_manifest(), scores=np.array([0.4, 0.6])
    )
    assert sweep.found[:, 0].tolist() == [1, 1]
    assert sweep.hits[:, 0].tolist() == [1, 1]
