"""What the speed bench counts, on boxes and times that are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.bench.speed import Group, Tally, count_matched, tell
from tests.bench.speed_lines import MARK, serve

COVER = ["manhole_missing", 0.9, 10.0, 10.0, 50.0, 50.0]


def test_a_box_is_matched_by_one_of_the_same_thing_that_lies_on_it() -> None:
    other_state = ["manhole_ok", 0.6, 12.0, 10.0, 52.0, 50.0]
    beside = ["manhole_ok", 0.6, 60.0, 10.0, 90.0, 50.0]
    crack = ["facade_crack", 0.9, 10.0, 10.0, 50.0, 50.0]
    reference = {"a": [COVER, beside], "b": [COVER]}
    assert count_matched(reference, {"a": [other_state, crack], "b": [crack]}) == (1, 3)
    assert count_matched(reference, reference) == (3, 3)
    assert count_matched({}, reference) == (0, 0)


def test_ratios_are_those_of_the_seconds_of_all_photos() -> None:
    tally = Tally.empty()
    group = Group("set", Path(), {"a": (4000, 3000), "b": (4000, 3000)})
    seconds = {
        "sahi_default": 12.0,
        "sahi_openvino": 6.0,
        "sahi_fp32": 9.0,
        "exhaustive": 4.0,
        "int8": 3.0,
        "default": 2.0,
        "forward": 3.8,
    }
    for _ in range(2):
        for name, wall_s in seconds.items():
            tally.add(name, group, 0, {"wall_s": wall_s, "cpu_s": 1.0, "peak_mb": 700.0})
        tally.photos += 2
        tally.megapixels += group.megapixels
    told = tell(tally, {"matched": 1.0})
    assert (told["photos"], told["megapixels_per_photo"]) == (4, 12.0)
    assert (told["sahi_default_s"], told["default_s"]) == (6.0, 1.0)
    assert (told["ratio_exhaustive"], told["ratio_default"], told["ratio_int8"]) == (3.0, 6.0, 4.0)
    assert (told["ratio_same_model"], told["ratio_same_model_fp32"]) == (1.5, 2.25)
    assert told["share_of_limit"] == 0.95
    assert told["peak_mb"] == 700


def test_the_share_of_the_limit_is_that_of_the_fastest_turns() -> None:
    tally = Tally.empty()
    sets = [Group(name, Path(), {"a": (4000, 3000)}) for name in ("one", "two")]
    answers = {
        ("one", "forward"): (1.9, 3.0, 2.0),
        ("one", "exhaustive"): (4.0, 2.0, 5.0),
        ("two", "forward"): (8.0, 9.0, 8.5),
        ("two", "exhaustive"): (10.0, 11.0, 30.0),
    }
    for place, group in enumerate(sets):
        for name in ("forward", "exhaustive"):
            for wall_s in answers[group.set_name, name]:
                answer = {"wall_s": wall_s, "cpu_s": wall_s, "peak_mb": 1.0}
                tally.add(name, group, place, answer, 1 / 3)
        for name in ("sahi_default", "sahi_openvino", "sahi_fp32", "int8", "default"):
            tally.add(name, group, place, {"wall_s": 1.0, "peak_mb": 1.0})
    tally.photos, tally.megapixels = 2, 24.0
    told = tell(tally, {})
    assert told["share_of_limit_by_set"] == {"one": 0.95, "two": 0.8}
    assert told["share_of_limit"] == 0.825  # (1.9 + 8) of (2 + 10)
    assert told["share_of_limit_of_means"] == pytest.approx(32.4 / 62, abs=1e-3)
    assert told["share_of_limit_of_processor"] == pytest.approx(32.4 / 62, abs=1e-3)


def test_an_answer_carries_its_times_and_is_told_from_other_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(order: dict[str, Any]) -> dict[str, Any]:
        print("a library says something")  # noqa: T201
        return {"doubled": 2 * order["number"]}

    monkeypatch.setattr("sys.stdin", ['{"number": 21}\n'])
    serve(work)
    said, answer = capsys.readouterr().out.splitlines()
    assert not said.startswith(MARK)
    assert answer.startswith(MARK)
    assert '"doubled": 42' in answer
    assert '"wall_s"' in answer
