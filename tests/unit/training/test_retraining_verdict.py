from __future__ import annotations

import re
from pathlib import Path

import pytest

from detection.report.messages import Text
from training.retraining.paired import Difference
from training.retraining.verdict import (
    Verdict,
    join_classes,
    join_sets,
    judge,
    judge_unlabelled,
    load_texts,
)

UP = Difference(0.1, 0.05, 0.2, 0.01)
DOWN = Difference(-0.1, -0.2, -0.05, 0.01)
SAME = Difference(0.01, -0.1, 0.1, 0.8)
BY_CHANCE = Difference(0.1, 0.05, 0.2, 0.2)
TITLE = Text("甲", "A")


@pytest.mark.parametrize(
    ("recall", "alarms", "code", "reason"),
    [
        (UP, DOWN, "better", "both_better"),
        (UP, SAME, "better", "more_found"),
        (SAME, DOWN, "better", "fewer_alarms"),
        (SAME, SAME, "cannot_tell", "no_difference"),
        (SAME, UP, "worse", "more_alarms"),
        (DOWN, SAME, "worse", "less_found"),
        (DOWN, UP, "worse", "both_worse"),
        (UP, UP, "cannot_tell", "trade"),
        (DOWN, DOWN, "cannot_tell", "trade"),
        (BY_CHANCE, SAME, "cannot_tell", "no_difference"),
        (Difference(), DOWN, "better", "fewer_alarms"),
    ],
)
def test_verdict_by_recall_and_alarms(
    recall: Difference, alarms: Difference, code: str, reason: str
) -> None:
    found = judge(recall, alarms, boxes=40, enough=True)
    assert (found.code, found.reason) == (code, reason)
    assert "40" in found.sentence.zh
    assert "{" not in found.sentence.zh + found.sentence.en


def test_too_few_boxes_say_nothing_however_clear_they_look() -> None:
    assert judge(UP, DOWN, boxes=4, enough=False).reason == "too_few"


def test_photos_without_truth_have_no_verdict() -> None:
    found = judge_unlabelled(DOWN)
    assert (found.code, found.reason) == ("cannot_tell", "no_truth")
    assert "-0.10 [-0.20, -0.05]" in found.sentence.en


def test_a_class_that_got_worse_is_no_improvement() -> None:
    better = judge(UP, SAME, boxes=40, enough=True)
    worse = judge(DOWN, SAME, boxes=40, enough=True)
    assert join_classes(better, [better, worse]).reason == "trade"
    assert join_classes(better, [better]) is better


@pytest.mark.parametrize(
    ("codes", "code", "reason"),
    [
        (["better", "cannot_tell"], "better", "sets_better"),
        (["worse", "cannot_tell"], "worse", "sets_worse"),
        (["better", "worse"], "cannot_tell", "sets_differ"),
        (["cannot_tell"], "cannot_tell", "sets_same"),
    ],
)
def test_verdict_over_all_sets(codes: list[str], code: str, reason: str) -> None:
    named = [(TITLE, Verdict(one, "no_difference")) for one in codes]  # type: ignore[arg-type]
    found = join_sets(named)
    assert (found.code, found.reason) == (code, reason)
    assert "{" not in found.sentence.zh


def test_nothing_but_small_sets_is_said_as_such() -> None:
    assert join_sets([(TITLE, Verdict("cannot_tell", "too_few"))]).reason == "sets_too_few"
    assert join_sets([]).reason == "sets_too_few"


def test_every_text_is_there_in_both_languages_with_the_same_places() -> None:
    for table, rows in load_texts().items():
        for key, text in rows.items():
            assert text.zh, (table, key)
            assert text.en, (table, key)
            zh, en = (sorted(set(re.findall(r"{\w+}", one))) for one in (text.zh, text.en))
            assert zh == en, (table, key)


def test_every_reason_why_decisions_are_left_out_has_words() -> None:
    folder = Path(__file__).resolve().parents[3] / "training" / "data"
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("decisions*.py"))
    codes = set(re.findall(r'"unknown", "(\w+)"', text))
    codes |= set(re.findall(r'left_out\[sha256\] = "(\w+)"', text))
    codes |= set(re.findall(r'LOOKS_LIKE_HELD_OUT = "(\w+)"', text))
    assert codes
    assert codes <= set(load_texts()["left_out"])
