"""Corrected boxes and classes: kept beside what the model said, undoable, kept on reprocessing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from detection.domain.hazard import HazardClass
from serving.accounts.roles import Role
from serving.db.tables import (
    AuditEventRow,
    CandidateRow,
    CorrectionEventRow,
    DetectionRow,
    FlightRow,
    PhotoRow,
)
from serving.jobs.context import WorkerContext
from tests.integration.seen_covers import see_covers

FlightOf = Callable[[int], FlightRow]
BOX = [10.0, 50.0, 60.5, 90.0]


@pytest.fixture
def candidate_id(worker_context: WorkerContext, flight_of: FlightOf) -> int:
    return see_covers(worker_context, flight_of(2).id, places=2)[0]


def _read(client: TestClient, candidate_id: int) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"/candidates/{candidate_id}").json()
    return answer


def _correct(
    client: TestClient, candidate_id: int, *, key: str | None = None, **body: object
) -> dict[str, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    response = client.post(f"/candidates/{candidate_id}/corrections", json=body, headers=headers)
    answer: dict[str, Any] = response.json()
    return answer | {"status_code": response.status_code}


def _undo(client: TestClient, correction_id: int) -> dict[str, Any]:
    response = client.post(f"/corrections/{correction_id}/undo")
    answer: dict[str, Any] = response.json()
    return answer | {"status_code": response.status_code}


def test_a_corrected_box_lies_over_the_models_and_comes_off_again(
    reviewer: TestClient, candidate_id: int, worker_context: WorkerContext
) -> None:
    first = _read(reviewer, candidate_id)["sightings"][0]
    detection_id, drawn = first["detection_id"], first["bbox_xyxy"]
    done = _correct(reviewer, candidate_id, detection_id=detection_id, bbox_xyxy=BOX)
    assert done["status_code"] == 201
    shown = _read(reviewer, candidate_id)
    sighting = shown["sightings"][0]
    assert (sighting["bbox_xyxy"], sighting["model_bbox_xyxy"]) == (BOX, drawn)
    assert sighting["box_correction"]["made_by"] == "reviewer"
    assert [each["bbox_after"] for each in shown["corrections"]] == [BOX]
    with worker_context.sessions() as session:
        row = session.get_one(DetectionRow, detection_id)
        assert [row.x_min, row.y_min, row.x_max, row.y_max] == drawn, "a detection is never edited"
    assert _undo(reviewer, done["id"])["status_code"] == 200
    shown = _read(reviewer, candidate_id)
    assert shown["sightings"][0]["bbox_xyxy"] == drawn
    assert shown["sightings"][0]["box_correction"] is None
    assert [each["undone"] for each in shown["corrections"]] == [True]


def test_a_corrected_class_is_that_of_the_queue_and_ends_with_undo(
    reviewer: TestClient, candidate_id: int, worker_context: WorkerContext
) -> None:
    done = _correct(reviewer, candidate_id, hazard_class="manhole_broken")
    shown = _read(reviewer, candidate_id)
    assert (shown["hazard_class"], shown["model_class"]) == ("manhole_broken", "manhole_missing")
    broken = reviewer.get("/candidates", params={"hazard_class": "manhole_broken"}).json()
    assert [item["id"] for item in broken["items"]] == [candidate_id]
    with worker_context.sessions() as session:
        assert session.get_one(CandidateRow, candidate_id).rank == 2
    _undo(reviewer, done["id"])
    shown = _read(reviewer, candidate_id)
    assert (shown["hazard_class"], shown["model_class"]) == ("manhole_missing", None)
    with worker_context.sessions() as session:
        assert session.get_one(CandidateRow, candidate_id).rank == 1


def test_one_sighting_may_show_something_else(reviewer: TestClient, candidate_id: int) -> None:
    first, second = _read(reviewer, candidate_id)["sightings"]
    _correct(reviewer, candidate_id, detection_id=first["detection_id"], hazard_class="manhole_ok")
    shown = _read(reviewer, candidate_id)
    assert shown["hazard_class"] == "manhole_missing"
    assert [each["hazard_class"] for each in shown["sightings"]] == [
        "manhole_ok",
        second["hazard_class"],
    ]


def test_the_last_correction_stands_and_is_taken_back_first(
    reviewer: TestClient, candidate_id: int
) -> None:
    detection_id = _read(reviewer, candidate_id)["sightings"][0]["detection_id"]
    one = _correct(reviewer, candidate_id, detection_id=detection_id, bbox_xyxy=BOX)
    wider = [0.0, *BOX[1:]]
    blind = _correct(reviewer, candidate_id, detection_id=detection_id, bbox_xyxy=wider)
    assert (blind["status_code"], blind["code"]) == (409, "correction_changed")
    two = _correct(
        reviewer,
        candidate_id,
        detection_id=detection_id,
        bbox_xyxy=wider,
        expected_correction=one["id"],
    )
    assert _undo(reviewer, one["id"])["code"] == "correction_superseded"
    _undo(reviewer, two["id"])
    assert _read(reviewer, candidate_id)["sightings"][0]["bbox_xyxy"] == BOX
    assert _undo(reviewer, two["id"])["code"] == "already_undone"
    assert _undo(reviewer, 999_999)["code"] == "correction_not_found"


def test_the_same_key_corrects_once(reviewer: TestClient, candidate_id: int) -> None:
    one = _correct(reviewer, candidate_id, key="k1", hazard_class="manhole_broken")
    again = _correct(reviewer, candidate_id, key="k1", hazard_class="manhole_broken")
    assert one == again
    detection_id = _read(reviewer, candidate_id)["sightings"][0]["detection_id"]
    other = _correct(reviewer, candidate_id, key="k1", detection_id=detection_id, bbox_xyxy=BOX)
    assert other["code"] == "idempotency_key_reused"
    assert len(_read(reviewer, candidate_id)["corrections"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"bbox_xyxy": BOX},
        {"hazard_class": "manhole_ok"},
        {"hazard_class": "manhole_missing"},
    ],
)
def test_what_cannot_be_is_refused_by_name(
    reviewer: TestClient, candidate_id: int, body: dict[str, object]
) -> None:
    refused = reviewer.post(f"/candidates/{candidate_id}/corrections", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_correction")


@pytest.mark.parametrize("box", [[60, 50, 10, 90], [5, 5, 6, 6], [9000, 9000, 9100, 9100]])
def test_boxes_lie_in_the_photo(reviewer: TestClient, candidate_id: int, box: list[float]) -> None:
    detection_id = _read(reviewer, candidate_id)["sightings"][0]["detection_id"]
    refused = _correct(reviewer, candidate_id, detection_id=detection_id, bbox_xyxy=box)
    assert refused["code"] == "invalid_correction"
    clipped = _correct(
        reviewer, candidate_id, detection_id=detection_id, bbox_xyxy=[-50, 10, 40, 60]
    )
    assert clipped["status_code"] == 201
    assert _read(reviewer, candidate_id)["sightings"][0]["bbox_xyxy"] == [0, 10, 40, 60]


def test_corrections_hold_for_the_boxes_of_another_model(
    reviewer: TestClient, worker_context: WorkerContext, candidate_id: int
) -> None:
    detection_id = _read(reviewer, candidate_id)["sightings"][0]["detection_id"]
    photo_id = _read(reviewer, candidate_id)["sightings"][0]["photo_id"]
    _correct(reviewer, candidate_id, detection_id=detection_id, bbox_xyxy=BOX)
    _correct(reviewer, candidate_id, hazard_class="manhole_broken")
    flight_id = _read(reviewer, candidate_id)["flight_id"]
    _begin_next_run(worker_context, flight_id)
    see_covers(worker_context, flight_id, places=2, shift_px=3.0, config_hash="d" * 64)
    shown = _read(reviewer, candidate_id)
    by_photo = {each["photo_id"]: each for each in shown["sightings"]}
    assert by_photo[photo_id]["detection_id"] != detection_id
    assert by_photo[photo_id]["bbox_xyxy"] == BOX
    assert shown["hazard_class"] == "manhole_broken"
    # What the new model says is known again as soon as the correction is taken back.
    _undo(reviewer, shown["class_correction"]["id"])
    assert _read(reviewer, candidate_id)["hazard_class"] == "manhole_missing"


def test_a_corrected_candidate_stays_when_it_is_not_found_again(
    reviewer: TestClient, worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(2).id
    kept, untouched = see_covers(worker_context, flight_id, places=2)
    _correct(reviewer, kept, hazard_class="manhole_broken")
    _begin_next_run(worker_context, flight_id)
    see_covers(worker_context, flight_id, places=0, config_hash="d" * 64)
    assert _read(reviewer, kept)["hazard_class"] == "manhole_broken"
    assert reviewer.get(f"/candidates/{untouched}").status_code == 404


def test_only_reviewers_correct_and_only_their_own_is_taken_back(
    reviewer: TestClient,
    engineer: TestClient,
    admin: TestClient,
    sign_in: Callable[[str, Role], TestClient],
    candidate_id: int,
) -> None:
    assert _correct(engineer, candidate_id, hazard_class="manhole_broken")["status_code"] == 403
    done = _correct(reviewer, candidate_id, hazard_class="manhole_broken")
    colleague = sign_in("colleague", Role.REVIEWER)
    assert _undo(colleague, done["id"])["code"] == "not_your_decision"
    assert _undo(admin, done["id"])["status_code"] == 200


def test_corrections_cannot_be_changed_and_are_in_the_audit_log(
    reviewer: TestClient, candidate_id: int, worker_context: WorkerContext
) -> None:
    done = _correct(reviewer, candidate_id, hazard_class="manhole_broken")
    _undo(reviewer, done["id"])
    with worker_context.sessions() as session:
        acts = select(AuditEventRow.act).where(AuditEventRow.subject_kind == "candidate")
        assert list(session.scalars(acts.order_by(AuditEventRow.sequence))) == [
            "correct_class",
            "undo_correction",
        ]
    for change in (
        update(CorrectionEventRow).values(note="x"),
        text("delete from correction_events"),
    ):
        with (
            pytest.raises(DBAPIError, match="append-only"),
            worker_context.sessions.begin() as session,
        ):
            session.execute(change)


def test_the_crop_shows_the_corrected_box(reviewer: TestClient, candidate_id: int) -> None:
    before = reviewer.get(f"/candidates/{candidate_id}/crop.jpg").content
    shown = _read(reviewer, candidate_id)
    for sighting in shown["sightings"]:
        detection_id = sighting["detection_id"]
        _correct(reviewer, candidate_id, detection_id=detection_id, bbox_xyxy=BOX)
    assert reviewer.get(f"/candidates/{candidate_id}/crop.jpg").content != before


def test_merging_goes_by_what_the_models_say(
    reviewer: TestClient, worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    one, other = see_covers(worker_context, flight_of(2).id, places=2)
    _correct(reviewer, other, hazard_class=HazardClass.FACADE_CRACK.value)
    body = {"revision": 1, "others": [{"id": other, "revision": 1}]}
    merged = reviewer.post(f"/candidates/{one}/merge", json=body)
    assert merged.status_code == 201, "both are manholes to the models, and group as such"
    assert _read(reviewer, one)["hazard_class"] == "manhole_missing"
    assert reviewer.post(f"/groupings/{merged.json()['id']}/undo").status_code == 200
    assert _read(reviewer, other)["hazard_class"] == "facade_crack"


def _begin_next_run(context: WorkerContext, flight_id: int) -> None:
    """Have every photo of a flight looked at anew."""
    with context.sessions.begin() as session:
        flight = session.get_one(FlightRow, flight_id)
        flight.run += 1
        flight.state = "processing"
        session.execute(
            update(PhotoRow).where(PhotoRow.flight_id == flight_id).values(state="queued")
        )
