"""A comparison in words: trouble with its figures, numbers with their errors, nobody accused."""

from __future__ import annotations

import re

import pytest

from detection.change import errors
from detection.domain.building_change import ChangeVerdict
from serving.api.change_schemas import FindingItem, FindingPictures, ShownPhotos
from serving.api.schemas import FlightFailure
from serving.web.change_card import explain_failure
from serving.web.change_labels import FIGURES, FINDING_KINDS
from serving.web.finding_view import list_kinds, list_reasons, view_finding_row
from serving.web.problem_texts import PROBLEMS
from serving.web.rendering import Words

TROUBLES = (
    (errors.TooFewPhotosError("春", 2, 30), ("2", "30")),
    (errors.NotJoinedError("春", 7, 35), ("7", "35")),
    (errors.TooFewPointsError("春", 12), ("12",)),
    (errors.NoOverlapError(12_345.0), ("12,345",)),
    (errors.SmallOverlapError(0.41, 0.6), ("41%", "60%")),
    (errors.LayerMovedError(-3.1, 2.0), ("3.1", "西", "2.0", "北")),
)


def finding(verdict: ChangeVerdict | None, **figures: object) -> FindingItem:
    return FindingItem(
        id=1,
        run_id=1,
        layer_id=1,
        building_id="B1",
        name=None,
        verdict=verdict,
        reason=None,
        candidate_id=None,
        probability=None,
        figures=figures,
        pictures=FindingPictures(before=None, after="a.jpg", difference=None),
        picture_m_per_px=None,
        photos=ShownPhotos(before=[], after=[]),
        geometry={},
        part=None,
    )


@pytest.mark.parametrize(("error", "figures"), TROUBLES, ids=lambda each: type(each).__name__)
def test_trouble_is_told_in_chinese_with_the_figures_of_the_message(
    error: errors.ChangeError, figures: tuple[str, ...]
) -> None:
    stored = FlightFailure(code=error.code, message=error.message, remedy=error.remedy)
    message, remedy = explain_failure(Words("zh_CN"), stored)
    assert all(figure in message for figure in figures), message
    assert not re.search(r"[a-z]{4}", message + remedy), (message, remedy)


def test_every_trouble_of_a_comparison_has_words_and_one_without_figures_still_speaks() -> None:
    found = [each for each in vars(errors).values() if isinstance(each, type)]
    kinds = [each for each in found if issubclass(each, errors.ChangeError)]
    assert len(kinds) > len(FIGURES)
    assert {each.code for each in kinds} <= PROBLEMS.keys()
    assert FIGURES.keys() <= PROBLEMS.keys()
    failure = FlightFailure(code="change_small_overlap", message="other words", remedy="")
    assert explain_failure(Words("en"), failure)[0] == PROBLEMS["change_small_overlap"][0]


def test_numbers_carry_their_error_and_what_is_not_known_is_left_out() -> None:
    words = Words("en")
    risen = finding(
        ChangeVerdict.RISE,
        height_change_m=3.04,
        height_change_std_m=0.001,
        area_m2=64.4,
        roof_height_m=12.1,
        roof_height_std_m=0.3,
        storeys=4.12,
        storeys_std=0.4,
        permitted_storeys=3,
        is_excess=True,
    )
    row = view_finding_row(words, risen)
    assert (row.gained, row.area) == ("+3.0 ± 0.1 m", "64 m²")  # no error is shown as none
    assert (row.roof, row.storeys, row.permitted) == ("12.1 ± 0.6 m", "4.1 ± 0.8", 3)
    assert [picture.url for picture in row.pictures] == ["a.jpg"]
    bare = view_finding_row(words, finding(None))
    assert (bare.gained, bare.area, bare.roof, bare.storeys, bare.permitted) == (
        "", "", "", "", None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "is_excess", "kinds"),
    [
        (ChangeVerdict.RISE, True, ["rise", "excess"]),
        (ChangeVerdict.FALL, False, ["fall"]),
        (ChangeVerdict.UNCHANGED, True, ["excess"]),
        (ChangeVerdict.UNCHANGED, False, ["unchanged"]),
        (ChangeVerdict.CANNOT_TELL, True, ["cannot_tell", "excess"]),
        (None, False, ["cannot_tell"]),
        (None, True, ["excess"]),
    ],
)
def test_building_is_listed_under_all_that_was_found(
    verdict: ChangeVerdict | None,
    is_excess: bool,  # noqa: FBT001 - a case of the table above
    kinds: list[str],
) -> None:
    assert list_kinds(finding(verdict, is_excess=is_excess)) == kinds


def test_roof_that_was_measured_alone_is_listed_as_measured() -> None:
    assert list_kinds(finding(None, roof_height_m=9.0)) == ["surveyed"]


@pytest.mark.parametrize("kind", ["rise", "fall", "excess"])
def test_what_is_proposed_is_to_be_verified(kind: str) -> None:
    assert Words("zh_CN").label(FINDING_KINDS, kind).endswith("待核实")


def test_commonest_reason_comes_first() -> None:
    told = list_reasons(Words("en"), {"too_far": 1, "gsd_too_coarse": 3})
    assert [count for count, _ in told] == [3, 1]
