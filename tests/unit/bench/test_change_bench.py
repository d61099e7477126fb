"""The bench of added storeys counts right; its figures are not asserted here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from detection.domain.building_change import BuildingChange, ChangeVerdict
from tests.bench.change_pairs import PairResult, render_missing, sort_results
from tests.bench.change_tables import describe, say_rendered
from tests.bench.change_tally import (
    Row,
    count_kinds,
    match_truth,
    measure_reliability,
    summarize,
)

QUIET = Row(
    pair="pair_00",
    building_id="B001",
    kind="none",
    rise_m=0.0,
    area_m2=0.0,
    is_well_covered=True,
    verdict=ChangeVerdict.UNCHANGED,
    reason=None,
    found_m=0.05,
    std_m=0.1,
    found_area_m2=None,
)
STOREY = replace(
    QUIET, kind="storey", rise_m=3.0, area_m2=60.0, verdict=ChangeVerdict.RISE, found_m=3.2
)
MISSED = replace(STOREY, verdict=ChangeVerdict.UNCHANGED, found_m=0.1)
UNSURE = replace(QUIET, verdict=ChangeVerdict.CANNOT_TELL, reason="blank", found_m=None, std_m=None)


def test_the_figures_are_those_of_the_issue() -> None:
    false = replace(QUIET, verdict=ChangeVerdict.RISE, found_m=2.4)
    figures = summarize([STOREY, STOREY, MISSED, QUIET, QUIET, false, UNSURE], 1)
    assert figures == {
        "pairs": 1,
        "buildings": 7,
        "recall": round(2 / 3, 4),
        "false_per_200": 50.0,
        "median_height_error_m": 0.2,
        "cannot_tell": round(1 / 7, 4),
    }


@pytest.mark.parametrize(
    "row",
    [
        replace(MISSED, rise_m=2.4),
        replace(MISSED, area_m2=14.9),
        replace(MISSED, is_well_covered=False),
        replace(MISSED, kind="shed"),
    ],
)
def test_only_large_rises_that_both_flights_see_must_be_found(row: Row) -> None:
    assert not row.is_due
    assert MISSED.is_due


def test_a_shed_that_was_claimed_is_false_and_a_house_pulled_down_is_not() -> None:
    fall = replace(QUIET, kind="demolished", rise_m=-9.0, verdict=ChangeVerdict.FALL, found_m=-9.1)
    assert fall.is_found
    assert not fall.is_false
    assert not replace(fall, verdict=ChangeVerdict.RISE).is_found
    assert replace(QUIET, kind="shed", verdict=ChangeVerdict.RISE).is_false


def test_without_houses_of_a_kind_a_share_is_unknown() -> None:
    figures = summarize([UNSURE], 1)
    assert (figures["recall"], figures["median_height_error_m"]) == (None, None)
    assert measure_reliability([UNSURE])["n"] == 0


def test_reliability_says_by_what_the_deviation_is_too_small() -> None:
    rows = [replace(QUIET, found_m=0.2, std_m=0.1), replace(QUIET, found_m=0.05, std_m=0.1)]
    found = measure_reliability(rows)
    assert (found["n"], found["within_1"], found["within_2"]) == (2, 0.5, 1.0)


def test_a_house_that_the_comparison_leaves_out_cannot_be_told(tmp_path: Path) -> None:
    row = {"kind": "none", "rise_m": 0.0, "area_m2": 0.0, "well_covered": True}
    rows = [{"building_id": name, **row} for name in ("B001", "B002")]
    (tmp_path / "truth.json").write_text(json.dumps({"buildings": rows}), encoding="utf-8")
    said = BuildingChange("B002", ChangeVerdict.UNCHANGED, None, 0.1, 0.2)
    first, second = match_truth(tmp_path, [said])
    assert first.verdict is ChangeVerdict.CANNOT_TELL
    assert (second.verdict, second.found_m, second.std_m) == (ChangeVerdict.UNCHANGED, 0.1, 0.2)


def test_tables_name_the_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    result = PairResult("pair_00", (STOREY, MISSED, UNSURE), 61.0, 900, 0.05, None)
    say_rendered([result])
    text = capsys.readouterr().out
    assert text.count("pair_00") == 2
    assert "a pair: 61 s, 900 MB at most" in text
    assert describe(MISSED).startswith("unchanged +0.10")
    assert count_kinds(result.rows)["storey"]["rise"] == 1
    say_rendered([])
    assert "{'n': 0" in capsys.readouterr().out


def test_pairs_are_sorted_and_those_that_are_there_are_not_rendered_again(tmp_path: Path) -> None:
    late, early = (PairResult(name, (), 1.0, 1, None, None) for name in ("pair_02", "pair_01"))
    assert sort_results([late, early]) == [early, late]
    (tmp_path / "pair_00").mkdir()
    render_missing(tmp_path / "pair_00", 0)
    assert list(tmp_path.iterdir()) == [tmp_path / "pair_00"]
