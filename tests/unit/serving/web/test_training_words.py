"""What pages say of trainings and gates: every code has words, unknown texts stay as they are."""

from __future__ import annotations

import pytest

from detection.domain.errors import HazardLensError
from serving.jobs.training_kinds import KINDS
from serving.jobs.training_orders import RESCORE
from serving.learning import order_errors
from serving.web import learning_labels_training as words_of
from serving.web.gate_words import name_line, tell_line, view_manifest_gate, view_report_gate
from serving.web.problem_texts import PROBLEMS
from serving.web.rendering import Words
from serving.web.training_report import draw_difference, view_report
from tests.training_reports import make_report

CHINESE = Words("zh_CN")
# As the gate of a promotion writes them into a manifest.
RECALL = (
    "0.530 against 0.497 of 362 boxes at no more than 0.257 false alarms per image: +0.033 "
    "[-0.006, +0.075]; a loss of 0.020 is allowed."
)
SPEED = (
    "11.0 ms per tile against 8.4 ms, in turns: 0.76 times as fast [0.73, 0.79]; 0.50 is the "
    "least allowed."
)


def test_every_kind_of_order_and_every_error_has_words() -> None:
    assert {*KINDS, RESCORE} <= words_of.ORDER_KINDS.keys()
    kinds = [
        each
        for each in vars(order_errors).values()
        if isinstance(each, type) and issubclass(each, HazardLensError)
    ]
    codes = {each.code for each in kinds if each.__module__ == order_errors.__name__}
    assert "training_broke_off" in codes, "the search is broken"
    assert codes - {"training_command_failed"} <= PROBLEMS.keys()
    assert set(words_of.PIPELINE) <= words_of.STAGES.keys()


@pytest.mark.parametrize("text", [RECALL, SPEED])
def test_lines_of_the_gate_are_told_in_chinese_with_all_their_figures(text: str) -> None:
    told = tell_line(CHINESE, text)
    assert "against" not in told
    figures = [
        part.strip("+[],;:.") for part in text.split() if part.strip("+-[],;:.")[:1].isdigit()
    ]
    assert [each for each in figures if each not in told] == []


def test_line_without_an_interval_is_told_without_one() -> None:
    told = tell_line(CHINESE, RECALL.replace(" [-0.006, +0.075]", ""))
    assert "[" not in told
    assert "+0.033" in told


def test_unknown_line_stays_as_it_is() -> None:
    assert tell_line(CHINESE, "Something new: 3 of 4.") == "Something new: 3 of 4."
    assert name_line(CHINESE, "a new check") == "a new check"


def test_gate_of_a_manifest_and_of_a_report() -> None:
    (line,) = view_manifest_gate(CHINESE, {"passed": True, "gate": {"speed": SPEED}})
    assert (line.name, line.state) == ("速度", "")
    assert view_manifest_gate(CHINESE, {}) == []
    states = [each.state for each in view_report_gate(CHINESE, make_report()["gate"]["lines"])]
    assert states == ["not_held", "told"]


def test_report_speaks_the_language_of_the_page() -> None:
    chinese, english = (view_report(Words(each), make_report()) for each in ("zh_CN", "en"))
    assert (chinese.verdict.word, chinese.verdict.sentence) == ("更好", "它找到的更多。")
    assert (english.verdict.word, english.verdict.sentence) == ("Better", "It finds more.")
    assert [each.verdict.code for each in chinese.sets] == ["better", "cannot_tell"]


def test_report_of_another_shape_is_refused() -> None:
    with pytest.raises(KeyError):
        view_report(CHINESE, {"schema": 2})


def test_difference_is_good_only_where_its_interval_leaves_zero_on_the_right_side() -> None:
    def tone(low: float | None, high: float | None, *, small: bool = False) -> str:
        value = None if low is None or high is None else (low + high) / 2
        difference = {"value": value or 0.1, "low": low, "high": high}
        return draw_difference(difference, small_is_good=small).tone

    assert tone(0.01, 0.2) == "good"
    assert tone(-0.01, 0.2) == ""
    assert tone(-0.2, -0.01) == "bad"
    assert tone(-0.2, -0.01, small=True) == "good"
    assert tone(0.01, 0.2, small=True) == "bad"
    assert tone(None, None) == "", "without an interval nobody can tell"
