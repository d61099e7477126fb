"""Shares and areas as people read them; nothing is called whole while a part is missing."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.api.layer_schemas import AreaItem, CoverageSummary, TargetTally
from serving.web import coverage_card
from serving.web.coverage_card import explain_no_shares, list_notes, list_shares, percent
from serving.web.rendering import Words


def make_summary(**changes: object) -> CoverageSummary:
    values: dict[str, object] = {
        "photos": 10,
        "placed": 9,
        "refused": {"no_attitude": 1},
        "flags": {"photo_blurred": 2},
        "gsd_m": 0.012,
        "covered_m2": 100.0,
        "buildings": None,
        "covers": None,
        "needs": [],
        "areas": [],
        "unseen": [],
        "unseen_total": 0,
        "refly": 0,
        "warnings": [],
    }
    return CoverageSummary.model_validate(values | changes)


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(coverage_card).failed == 0


@given(st.floats(min_value=0.0, max_value=1.0))
def test_only_a_whole_share_reads_as_whole_and_only_nothing_as_nothing(share: float) -> None:
    assert (percent(share) == "100%") == (share == 1.0)
    assert (percent(share) == "0%") == (share == 0.0)


def test_shares_come_in_the_order_area_buildings_covers_and_say_what_falls_short() -> None:
    tally = TargetTally(total=4, seen=4, share=1.0, states={"seen": 4})
    short = TargetTally(total=4, seen=3, share=0.75, states={"seen": 3, "not_seen": 1})
    areas = [
        AreaItem(area_id="a", name="", area_m2=30_000.0, share=1.0, gaps=0),
        AreaItem(area_id="b", name="", area_m2=10_000.0, share=0.5, gaps=1),
    ]
    figures = list_shares(make_summary(buildings=tally, covers=short, areas=areas), Words("en"))
    assert [(one.title, one.share, one.counted, one.is_short) for one in figures] == [
        ("Area to be flown", "87.5%", "3.5 / 4.0 ha", True),
        ("Buildings", "100%", "4 / 4", False),
        ("Manhole covers", "75%", "3 / 4", True),
    ]
    assert list_shares(make_summary(), Words("en")) == []


@pytest.mark.parametrize(
    ("covered_m2", "has_layers", "told"),
    [
        (100.0, False, "No buildings"),
        (0.0, False, "No buildings"),
        (0.0, True, "No photo is fine"),
        (100.0, True, "none lies"),
    ],
)
def test_layers_that_are_there_are_not_called_missing(
    covered_m2: float,
    has_layers: bool,  # noqa: FBT001 - a case of the table above
    told: str,
) -> None:
    summary = make_summary(covered_m2=covered_m2)
    assert told in explain_no_shares(summary, Words("en"), has_layers=has_layers)


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_faults_of_photos_are_told_in_words(language: str) -> None:
    notes = list_notes(make_summary(), Words(language))
    assert [note.count for note in notes] == [1, 2]
    assert all(note.message and note.remedy for note in notes)
    assert all((not note.message.isascii()) == (language == "zh_CN") for note in notes)
