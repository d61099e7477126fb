"""A flight is processed anew: current boxes replace old ones photo by photo, decisions stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from detection.domain.camera import CameraIntrinsics
from detection.domain.finding import (
    AreaMembership,
    BuildingPart,
    CrackMeasure,
    GroundPoint,
    OnBuilding,
)
from detection.domain.hazard import HazardClass
from detection.domain.photo import IngestFailure
from serving.db.finding_columns import columns_from_building
from serving.db.tables import CandidateRow, DetectionRow, FlightRow, PhotoRow
from serving.flights.catalogue import Progress, count_progress
from serving.flights.photo_rows import photo_from_row, values_from_photo
from serving.flights.results import list_geo_detections, store_failure
from serving.jobs import grouping
from serving.jobs.context import WorkerContext
from serving.jobs.flights import cancel_flight, reprocess_flight, submit_flight
from tests.integration.seen_covers import LON, list_shown, see_covers
from tests.job_runner import run_jobs

FlightOf = Callable[[int], FlightRow]


def look(client: TestClient, candidate_id: int) -> dict[str, Any]:
    return dict(client.get(f"/candidates/{candidate_id}").json())


def decide(client: TestClient, candidate_id: int, verdict: str) -> None:
    answer = client.post(f"/candidates/{candidate_id}/decisions", json={"verdict": verdict})
    assert answer.status_code == 201


def test_flight_processed_anew_keeps_candidates_and_decisions(
    reviewer: TestClient, worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(4).id
    with worker_context.sessions.begin() as session:
        submit_flight(session, flight_id)
    run_jobs(worker_context)
    before = list_shown(worker_context, flight_id)
    decide(reviewer, before[0], "confirm")
    decide(reviewer, before[1], "reject")
    answer = reviewer.post(f"/flights/{flight_id}/reprocess")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert list_shown(worker_context, flight_id) == before, "the queue stays while it works"
    assert reviewer.post(f"/flights/{flight_id}/reprocess").json()["code"] == "flight_state"
    run_jobs(worker_context)
    assert list_shown(worker_context, flight_id) == before
    states = [look(reviewer, each)["state"] for each in before]
    assert states == ["confirmed", "rejected", "pending", "pending"]
    with worker_context.sessions() as session:
        assert count_progress(session, [flight_id])[flight_id] == Progress(4, 4, 0, 4)
        assert len(session.scalars(select(DetectionRow)).all()) == 8, "old boxes are not deleted"
        assert {row.run for row in session.scalars(select(PhotoRow))} == {2}
        assert len(list_geo_detections(session, flight_id)) == 4


def test_draft_cannot_be_processed_anew_and_engineers_may_not(
    reviewer: TestClient, engineer: TestClient, flight_of: FlightOf
) -> None:
    flight_id = flight_of(1).id
    answer = reviewer.post(f"/flights/{flight_id}/reprocess")
    assert (answer.status_code, answer.json()["code"]) == (409, "flight_state")
    assert engineer.post(f"/flights/{flight_id}/reprocess").status_code == 403
    assert reviewer.post("/flights/999/reprocess").status_code == 404


def test_half_a_new_run_mixes_nothing_and_loses_nothing(
    reviewer: TestClient, worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(3).id
    covers = see_covers(worker_context, flight_id)
    decide(reviewer, covers[0], "confirm")
    with worker_context.sessions.begin() as session:
        reprocess_flight(session, flight_id)
        first, second, third = session.scalars(select(PhotoRow.id).order_by(PhotoRow.id))
        failure = IngestFailure("x", "processing_crashed", "It broke off.", "Try again.")
        store_failure(session, second, failure)
        cancel_flight(session, flight_id)
        session.execute(text("update photos set state = 'done' where id = :id"), {"id": third})
    # Only the first photo still waits: what is stored now is the new run's for that one alone.
    see_covers(worker_context, flight_id, shift_px=3.0, config_hash="d" * 64)
    with worker_context.sessions() as session:
        runs = {row.id: row.run for row in session.scalars(select(PhotoRow))}
        assert runs == {first: 2, second: 1, third: 1}
        current = list_geo_detections(session, flight_id)
        assert len(current) == 9
    assert list_shown(worker_context, flight_id) == covers
    seen = look(reviewer, covers[0])
    assert (seen["state"], len(seen["sightings"])) == ("confirmed", 3)
    assert all(each["is_current"] for each in seen["sightings"])
    for _ in range(2):  # again is harmless
        with worker_context.sessions.begin() as session:
            grouping.regroup(session, worker_context.store, flight_id)
        assert look(reviewer, covers[0])["sightings"] == seen["sightings"]
        assert look(reviewer, covers[0])["revision"] == seen["revision"]


def test_same_place_on_another_flight_shows_the_earlier_candidate(
    reviewer: TestClient, worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    spring = see_covers(worker_context, flight_of(2).id, places=2)
    decide(reviewer, spring[0], "confirm")
    autumn_id = flight_of(2).id
    autumn = see_covers(worker_context, autumn_id, places=3)
    now = look(reviewer, autumn[0])
    assert now["place_key"] == look(reviewer, spring[0])["place_key"]
    (before,) = now["same_place"]
    assert (before["id"], before["state"]) == (spring[0], "confirmed")
    assert before["seen_on"] == "2026-03-01"
    assert look(reviewer, autumn[2])["same_place"] == []
    keys = [look(reviewer, each)["place_key"] for each in autumn]
    assert len(set(keys)) == 3
    with worker_context.sessions.begin() as session:
        reprocess_flight(session, autumn_id)
    see_covers(worker_context, autumn_id, places=3, shift_px=2.0, config_hash="d" * 64)
    assert [look(reviewer, each)["place_key"] for each in autumn] == keys


def test_building_size_and_votes_reach_the_reviewer(
    reviewer: TestClient, worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    wall = OnBuilding("B-17", BuildingPart.FACADE, 12.4, 0.6, 0.93)
    size = CrackMeasure(240.0, 3.2, 5.5, 1.8, width_measurable=False, reason="no_altitude")
    classes = {0: HazardClass.FACADE_CRACK}
    (crack,) = see_covers(
        worker_context,
        flight_of(2).id,
        places=1,
        classes=classes,
        on_building=wall,
        measure=size,
    )
    with worker_context.sessions.begin() as session:
        row = session.get_one(CandidateRow, crack)
        # As a later release might have stored it.
        row.on_building = columns_from_building(wall) | {"a_later_field": 1}  # type: ignore[operator]
        row.votes = {"counts": [["facade_crack", 2]], "covering": 3}
        stored = list(list_geo_detections(session, row.flight_id).values())
        assert {found.on_building for found in stored} == {wall}
        assert {found.measure for found in stored} == {size}
    seen = look(reviewer, crack)
    assert seen["on_building"]["height_m"] == pytest.approx(12.4)
    assert seen["on_building"]["part"] == "facade"
    assert seen["measure"]["max_width_px"] == pytest.approx(5.5)
    assert seen["measure"]["reason"] == "no_altitude"
    assert seen["votes"] == {
        "counts": [{"hazard_class": "facade_crack", "photos": 2}], "views": 2, "covering": 3
    }  # fmt: skip


def test_areas_of_a_layer_are_stored_with_the_candidate(
    reviewer: TestClient,
    worker_context: WorkerContext,
    flight_of: FlightOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lies_in(ground: GroundPoint) -> tuple[AreaMembership, ...]:
        near = ground.lon > LON - 5.2e-5  # 5 m
        return (AreaMembership("street", "510107001", "桂溪街道", near),)

    load_scene = grouping.load_scene
    monkeypatch.setattr(
        grouping, "load_scene", lambda *args: replace(load_scene(*args), find_areas=lies_in)
    )
    covers = see_covers(worker_context, flight_of(2).id, places=2)
    areas = [look(reviewer, each)["areas"] for each in covers]
    assert [each["near_border"] for (each,) in areas] == [False, True]
    assert {each["name"] for (each,) in areas} == {"桂溪街道"}


def test_lens_of_a_photo_is_kept(worker_context: WorkerContext, flight_of: FlightOf) -> None:
    flight_of(1)
    lens = CameraIntrinsics(
        320, 240, 300.0, 160.0, 120.0, "xmp", focal_std_px=1.5, distortion=(0.1, -0.2, 0.0, 1e-4, 0)
    )
    with worker_context.sessions.begin() as session:
        row = session.scalars(select(PhotoRow)).one()
        path = worker_context.store.path_of(row.sha256)
        photo = replace(photo_from_row(row, path), intrinsics=lens)
        for name, value in values_from_photo(photo).items():
            setattr(row, name, value)
        session.flush()
        session.expire(row)
        assert photo_from_row(row, path).intrinsics == lens
