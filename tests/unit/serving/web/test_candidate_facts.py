"""What the review panel says of votes, sizes, buildings and merges, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from detection.domain.finding import BuildingPart
from detection.domain.hazard import HazardClass
from serving.accounts.roles import Role
from serving.accounts.users import Person
from serving.api.review_schemas import (
    AreaAnswer,
    CandidateAnswer,
    GroupingItem,
    MeasureAnswer,
    OnBuildingAnswer,
    VoteItem,
    VotesAnswer,
)
from serving.review.decision import CandidateState
from serving.web.candidate_facts import (
    describe_building,
    describe_size,
    list_areas,
    list_groupings,
    list_votes,
)
from serving.web.rendering import Words

ZH, EN = Words("zh_CN"), Words("en")
RENA = Person(2, "rena", Role.REVIEWER)
PIXELS = {"length_px": 412.3, "mean_width_px": 3.14, "max_width_px": 6.4, "gsd_mm": 2.1}
UNKNOWN = dict.fromkeys(
    ("length_mm", "length_std_mm", "mean_width_mm", "max_width_mm", "width_std_mm")
)


def _candidate(**changes: object) -> CandidateAnswer:
    plain = CandidateAnswer(
        id=5,
        flight_id=3,
        hazard_class=HazardClass.MANHOLE_MISSING,
        score=0.8,
        state=CandidateState.PENDING,
        lon=None,
        lat=None,
        error_m=None,
        crop_url="/crop.jpg",
        sightings=[],
        key="k",
        duplicate_of=None,
        method=None,
        ellipse=None,
        unplaced_reason="no_position",
        config_hash="c" * 64,
        model_names=[],
        history=[],
    )
    return plain.model_copy(update=changes)


def _act(event_id: int, kind: str, by: str = "rena", **changes: object) -> GroupingItem:
    values = {
        "id": event_id,
        "kind": kind,
        "candidate_id": 5,
        "others": [6],
        "sightings": 3,
        "note": None,
        "undoes": None,
        "undone": False,
        "is_last": False,
        "made_by": by,
        "made_at": datetime(2026, 3, 1, tzinfo=UTC),
    }
    return GroupingItem.model_validate(values | changes)


def test_votes_name_the_own_class_first_with_all_views() -> None:
    counts = [
        VoteItem(hazard_class=HazardClass.MANHOLE_OK, photos=8),
        VoteItem(hazard_class=HazardClass.MANHOLE_MISSING, photos=7),
    ]
    votes = VotesAnswer(counts=counts, views=15, covering=16)
    views = list_votes(_candidate(votes=votes), ZH)
    assert [(each.label, each.photos, each.views) for each in views] == [
        ("井盖缺失", 7, 15), ("井盖完好", 8, 15)
    ]  # fmt: skip
    assert list_votes(_candidate(), ZH) == []


def test_size_is_in_millimetres_only_where_it_can_be_known() -> None:
    known = {"length_mm": 115.4, "length_std_mm": 1.0, "mean_width_mm": 0.9, "max_width_mm": 1.8}
    fine = MeasureAnswer(**PIXELS, width_measurable=True, reason=None, **UNKNOWN | known)  # type: ignore[arg-type]
    size = describe_size(fine, EN)
    assert size is not None
    assert size.figures == (
        ("Length", "115.4 ± 2.0 mm"), ("Mean width", "0.9 mm"), ("Largest width", "1.8 mm")
    )  # fmt: skip
    assert size.reason == ""


def test_size_in_pixels_says_why() -> None:
    coarse = MeasureAnswer(**PIXELS, width_measurable=False, reason="no_altitude", **UNKNOWN)  # type: ignore[arg-type]
    size = describe_size(coarse, ZH)
    assert size is not None
    assert [value for _, value in size.figures] == ["412 px", "3.1 px", "6.4 px"]
    assert size.reason == ZH.explain("no_altitude")[0]
    assert describe_size(None, ZH) is None


def test_building_height_has_its_95_percent_error() -> None:
    wall = OnBuildingAnswer(
        building_id="B17",
        name=None,
        part=BuildingPart.FACADE,
        height_m=12.4,
        height_std_m=0.5,
        probability=0.93,
    )
    shown = describe_building(_candidate(on_building=wall), ZH)
    assert shown is not None
    assert (shown["name"], shown["part"], shown["height"]) == ("B17", "外墙", "12.4 ± 1.0 m")
    assert describe_building(_candidate(), ZH) is None


def test_area_without_a_name_shows_its_number() -> None:
    areas = [
        AreaAnswer(level="street", area_id="510", name="桂溪街道", near_border=False),
        AreaAnswer(level="grid", area_id="G02", name="", near_border=True),
    ]
    shown = list_areas(_candidate(areas=areas), ZH)
    assert [(each.level, each.name, each.near_border) for each in shown] == [
        ("街道", "桂溪街道", False), ("网格", "G02", True)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("person", "can_undo"),
    [
        (RENA, [False, False]),
        (Person(1, "root", Role.ADMIN), [True, False]),
        (Person(9, "lin", Role.REVIEWER), [True, False]),
        (Person(8, "enno", Role.ENGINEER), [False, False]),
    ],
)
def test_last_act_can_be_undone_by_who_did_it(person: Person, can_undo: list[bool]) -> None:
    acts = [_act(1, "merge"), _act(2, "undo", undoes=1), _act(3, "split", "lin", is_last=True)]
    views = list_groupings(acts, person, EN)
    assert [(each.id, each.label) for each in views] == [(3, "Split"), (1, "Merged")]
    assert [each.can_undo for each in views] == can_undo
