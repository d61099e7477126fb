from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest

from detection.domain.hazard import HazardClass
from detection.taxonomy import load_taxonomy
from serving.accounts.roles import Role
from serving.accounts.users import Person
from serving.api.review_schemas import CandidateAnswer, EventItem, SightingDetail
from serving.flights.pace import extrapolate
from serving.review.decision import CandidateState, Verdict
from serving.web.candidate_case import (
    describe_for_scripts,
    list_decisions,
    list_models,
)
from serving.web.class_guide import choose_guide
from serving.web.queue_query import QueueQuery, read_query
from serving.web.rendering import Words

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
RENA = Person(2, "rena", Role.REVIEWER)


def _sighting(hazard_class: HazardClass, threshold: float | None) -> SightingDetail:
    return SightingDetail(
        photo_id=7,
        bbox_xyxy=(10, 20, 110, 140),
        score=0.8,
        polygons=[],
        hazard_class=hazard_class,
        model_name="manhole",
        weights_sha256="a" * 64,
        threshold=threshold,
        photo_name="DCIM/DJI_0001.JPG",
        photo_url="/api/v1/photos/7",
        thumbnail_url="/api/v1/photos/7/thumbnail",
        width_px=4000,
        height_px=3000,
        lon=None,
        lat=None,
        yaw_deg=None,
        captured_at=None,
        unplaced_reason="no_position",
    )


def _candidate(*sightings: SightingDetail) -> CandidateAnswer:
    return CandidateAnswer(
        id=5,
        flight_id=3,
        hazard_class=HazardClass.MANHOLE_BROKEN,
        score=0.8,
        state=CandidateState.PENDING,
        lon=None,
        lat=None,
        error_m=None,
        crop_url="/api/v1/candidates/5/crop.jpg",
        sightings=list(sightings),
        key="k",
        duplicate_of=None,
        method=None,
        ellipse=None,
        unplaced_reason="no_position",
        config_hash="c" * 64,
        model_names=["manhole"],
        history=[],
    )


def _decision(event_id: int, verdict: Verdict, by: str, *, undone: bool = False) -> EventItem:
    return EventItem(
        id=event_id,
        kind="decision",
        verdict=verdict,
        state_before=CandidateState.PENDING,
        state_after=CandidateState.CONFIRMED,
        note=None,
        duplicate_of=None,
        undoes=None,
        undone=undone,
        made_by=by,
        made_at=NOW,
    )


def test_models_are_named_once_each_with_the_threshold_of_the_class() -> None:
    sha256 = "0123456789abcdef" * 4
    own = _sighting(HazardClass.MANHOLE_BROKEN, 0.4)
    other_class = _sighting(HazardClass.MANHOLE_MISSING, 0.2).model_copy(update={"score": 0.99})
    newer = own.model_copy(update={"weights_sha256": sha256, "threshold": 0.5, "score": 0.7})
    models = list_models(_candidate(other_class, newer, own, own))
    assert [(each.name, each.threshold) for each in models] == [("manhole", 0.4), ("manhole", 0.5)]
    assert [each.weights_prefix for each in models] == ["a" * 12, "0123456789ab"]


def test_scripts_get_the_outline_in_photo_pixels() -> None:
    ring = [(10.0, 20.0), (110.0, 20.0), (60.0, 140.0)]
    outlined = _sighting(HazardClass.MANHOLE_BROKEN, 0.4).model_copy(update={"polygons": [ring]})
    data = describe_for_scripts(
        _candidate(outlined, _sighting(HazardClass.MANHOLE_OK, None)), Words("en")
    )
    sightings = data["sightings"]
    assert isinstance(sightings, list)
    assert [each["polygons"] for each in sightings] == [[ring], []]


def test_scripts_get_tiles_and_title_in_the_language() -> None:
    candidate = _candidate(_sighting(HazardClass.MANHOLE_BROKEN, 0.4))
    data = describe_for_scripts(candidate, Words("zh_CN"))
    assert data["title"] == "井盖破损 #5"
    assert data["has_map"] is False
    sightings = data["sightings"]
    assert isinstance(sightings, list)
    photo = sightings[0]["photo"]
    assert photo["tiles_url"] == "/api/v1/photos/7/tiles/{level}/{x}_{y}.jpg"
    assert photo["max_level"] == 12


def test_sightings_of_the_candidates_class_come_first() -> None:
    other = _sighting(HazardClass.MANHOLE_OK, 0.2).model_copy(update={"score": 0.99})
    weak = _sighting(HazardClass.MANHOLE_BROKEN, 0.4).model_copy(update={"score": 0.5})
    best = _sighting(HazardClass.MANHOLE_BROKEN, 0.4)
    data = describe_for_scripts(_candidate(other, weak, best), Words("en"))
    sightings = data["sightings"]
    assert isinstance(sightings, list)
    assert [each["score"] for each in sightings] == [0.8, 0.5, 0.99]
    assert sightings[2]["class_name"] == "Intact manhole cover"


def test_guide_follows_the_language() -> None:
    entry = load_taxonomy()[HazardClass.FACADE_CRACK]
    assert choose_guide(entry, "en").definition == entry.definition_en
    texts = tuple(each.text for each in choose_guide(entry, "zh_CN").exclude)
    assert texts == entry.exclude_zh


def test_only_the_last_standing_decision_of_ones_own_can_be_undone() -> None:
    history = [
        _decision(1, Verdict.CONFIRM, "rena"),
        _decision(2, Verdict.REJECT, "rena"),
        _decision(3, Verdict.UNSURE, "rena", undone=True),
    ]
    views = list_decisions(history, RENA, Words("en"))
    assert [(view.id, view.can_undo) for view in views] == [(3, False), (2, True), (1, False)]
    assert views[0].is_undone


@pytest.mark.parametrize(
    ("person", "can_undo"),
    [
        (RENA, False),
        (Person(1, "root", Role.ADMIN), True),
        (Person(9, "enno", Role.ENGINEER), False),
    ],
)
def test_undoing_others_decisions_is_for_administrators(person: Person, *, can_undo: bool) -> None:
    views = list_decisions([_decision(1, Verdict.CONFIRM, "somebody")], person, Words("en"))
    assert [view.can_undo for view in views] == [can_undo]


def test_time_left_follows_the_pace() -> None:
    assert extrapolate(20, 60.0, 20) == pytest.approx(60)
    assert extrapolate(2, 60.0, 38) is None
    assert extrapolate(0, 60.0, 38) is None


def test_queue_query_leaves_out_what_is_not_set() -> None:
    query = QueueQuery(CandidateState.UNSURE, flight_id=4)
    assert query.encode() == "state=unsure&flight_id=4"
    assert query.encode(state="pending") == "state=pending&flight_id=4"
    assert QueueQuery(mine=True, ambiguous=False).encode() == (
        "state=pending&ambiguous=false&mine=true"
    )


def test_queue_query_reads_what_it_wrote() -> None:
    query = read_query(
        state=CandidateState.UNSURE,
        tier="urgent",
        flight_id="4",
        hazard_class="facade_crack",
        area="grid:G 7",
        min_score="0.5",
        ambiguous="false",
        mine="true",
    )
    assert dict(parse_qsl(query.encode())) == {
        "state": "unsure",
        "tier": "urgent",
        "hazard_class": "facade_crack",
        "flight_id": "4",
        "area": "grid:G 7",
        "min_score": "0.5",
        "ambiguous": "false",
        "mine": "true",
    }
    assert read_query() == QueueQuery()
    assert read_query(tier="red", hazard_class="no_such_class", min_score="nan") == QueueQuery()
