"""The queue, decisions, undo, hazards and their export, over HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.finding import Detection, GeoDetection
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from serving.accounts.roles import Role
from serving.db.tables import CandidateRow, FlightRow, PhotoRow
from serving.flights.results import RunIdentity, store_detections
from serving.jobs.context import WorkerContext
from serving.jobs.flights import submit_flight
from serving.jobs.grouping import regroup
from tests.job_runner import run_jobs


@pytest.fixture
def candidates(flight_of: Callable[[int], FlightRow], worker_context: WorkerContext) -> list[int]:
    """Seven candidates of one flight, oldest first."""
    flight = flight_of(7)
    with worker_context.sessions.begin() as session:
        submit_flight(session, flight.id)
    run_jobs(worker_context)
    with worker_context.sessions() as session:
        return list(session.scalars(text("select id from candidates order by id")))


def decide(client: TestClient, candidate_id: int, verdict: str, **more: object) -> Response:
    answer: Response = client.post(
        f"/candidates/{candidate_id}/decisions", json={"verdict": verdict} | more
    )
    return answer


def state_of(client: TestClient, candidate_id: int) -> str:
    return str(client.get(f"/candidates/{candidate_id}").json()["state"])


def test_queue_pages_hold_each_candidate_once(reviewer: TestClient, candidates: list[int]) -> None:
    seen: list[int] = []
    query: dict[str, object] = {"state": "pending", "limit": 3}
    while True:
        page = reviewer.get("/candidates", params=query).json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert sorted(seen) == candidates


def test_candidate_has_evidence_place_and_model(
    reviewer: TestClient, candidates: list[int]
) -> None:
    listed = reviewer.get("/candidates").json()["items"][0]
    assert listed.keys() >= {
        "id", "flight_id", "hazard_class", "score", "lon", "lat", "error_m", "sightings"
    }  # fmt: skip
    assert listed["sightings"][0].keys() == {"photo_id", "bbox_xyxy", "score"}
    candidate = reviewer.get(f"/candidates/{candidates[0]}").json()
    assert candidate["hazard_class"] == "manhole_missing"
    assert candidate["lat"] == pytest.approx(29.5647, abs=0.01)
    assert candidate["ellipse"]["semi_major_m"] == pytest.approx(candidate["error_m"])
    sighting = candidate["sightings"][0]
    assert sighting["threshold"] == pytest.approx(0.3)
    assert len(sighting["weights_sha256"]) == 64
    assert sighting["polygons"] == []  # the model gives boxes
    assert sighting["photo_name"].startswith("DJI_000")
    crop = reviewer.get(f"/candidates/{candidates[0]}/crop.jpg")
    assert (crop.status_code, crop.content[:2]) == (200, b"\xff\xd8")


def test_candidate_has_the_outline_that_the_model_drew(
    reviewer: TestClient, flight_of: Callable[[int], FlightRow], worker_context: WorkerContext
) -> None:
    flight = flight_of(1)
    ring = ((10.004, 20.0), (60.5, 22.25), (58.0, 90.996))
    with worker_context.sessions.begin() as session:
        photo = session.scalars(select(PhotoRow)).one()
        box = BBox(10.0, 20.0, 60.5, 91.0)
        crack = Detection(
            str(photo.id), HazardClass.FACADE_CRACK, 0.8, box, "facade_crack", "b" * 64, (ring,)
        )
        run = RunIdentity("c" * 64, {("facade_crack", HazardClass.FACADE_CRACK): 0.4})
        store_detections(session, photo.id, [GeoDetection(crack, None, "no_position")], run)
        regroup(session, worker_context.store, flight.id)
    listed = reviewer.get("/candidates").json()["items"][0]
    assert "polygons" not in listed["sightings"][0]  # a page of outlines would be megabytes
    (sighting,) = reviewer.get(f"/candidates/{listed['id']}").json()["sightings"]
    assert sighting["polygons"] == [[[10.0, 20.0], [60.5, 22.25], [58.0, 91.0]]]
    assert sighting["threshold"] == pytest.approx(0.4)


def test_decision_and_undo_move_the_candidate_and_are_kept(
    reviewer: TestClient, candidates: list[int]
) -> None:
    first = candidates[0]
    decision = decide(reviewer, first, "confirm", note="looks open")
    assert (decision.status_code, decision.json()["state"]) == (201, "confirmed")
    undone = reviewer.post(f"/decisions/{decision.json()['id']}/undo")
    assert (undone.status_code, undone.json()["state"]) == (200, "pending")
    again = reviewer.post(f"/decisions/{decision.json()['id']}/undo")
    assert (again.status_code, again.json()["code"]) == (409, "already_undone")
    history = reviewer.get(f"/candidates/{first}").json()["history"]
    assert [(e["kind"], e["verdict"], e["undone"]) for e in history] == [
        ("decision", "confirm", True),
        ("undo", None, False),
    ]
    assert history[0]["made_by"] == "reviewer"
    assert history[0]["note"] == "looks open"


def test_second_reviewer_must_have_seen_the_first_decision(
    reviewer: TestClient, admin: TestClient, candidates: list[int]
) -> None:
    first = candidates[0]
    decide(reviewer, first, "confirm")
    late = decide(admin, first, "reject")
    assert (late.status_code, late.json()["code"]) == (409, "already_decided")
    assert decide(admin, first, "reject", expected_state="unsure").status_code == 409
    overruled = decide(admin, first, "reject", expected_state="confirmed")
    assert overruled.json()["state"] == "rejected"
    own = reviewer.get(f"/candidates/{first}").json()["history"][0]["id"]
    superseded = reviewer.post(f"/decisions/{own}/undo")
    assert (superseded.status_code, superseded.json()["code"]) == (409, "decision_superseded")
    admin.post(f"/decisions/{overruled.json()['id']}/undo")
    assert state_of(reviewer, first) == "confirmed"


def test_only_the_author_or_an_admin_may_undo(
    reviewer: TestClient,
    admin: TestClient,
    sign_in: Callable[[str, Role], TestClient],
    candidates: list[int],
) -> None:
    other = sign_in("colleague", Role.REVIEWER)
    decision = decide(reviewer, candidates[0], "reject").json()["id"]
    refused = other.post(f"/decisions/{decision}/undo")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_decision")
    assert admin.post(f"/decisions/{decision}/undo").status_code == 200


def test_same_key_is_the_same_act(reviewer: TestClient, candidates: list[int]) -> None:
    headers = {"Idempotency-Key": "act-1"}
    path = f"/candidates/{candidates[0]}/decisions"
    one = reviewer.post(path, json={"verdict": "confirm"}, headers=headers)
    two = reviewer.post(path, json={"verdict": "confirm"}, headers=headers)
    assert one.json() == two.json()
    undo_path = f"/decisions/{one.json()['id']}/undo"
    undo_headers = {"Idempotency-Key": "act-2"}
    assert (
        reviewer.post(undo_path, headers=undo_headers).json()
        == reviewer.post(undo_path, headers=undo_headers).json()
    )
    other = reviewer.post(
        f"/candidates/{candidates[1]}/decisions", json={"verdict": "confirm"}, headers=headers
    )
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert len(reviewer.get(f"/candidates/{candidates[0]}").json()["history"]) == 2


def test_duplicate_must_name_another_candidate_that_stands(
    reviewer: TestClient, candidates: list[int]
) -> None:
    first, second, third = candidates[:3]
    for wrong in (first, 999_999):
        answer = decide(reviewer, first, "duplicate", duplicate_of=wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_duplicate")
    assert decide(reviewer, first, "confirm", duplicate_of=second).status_code == 422
    assert decide(reviewer, first, "duplicate", duplicate_of=second).status_code == 201
    assert reviewer.get(f"/candidates/{first}").json()["duplicate_of"] == second
    assert decide(reviewer, third, "duplicate", duplicate_of=first).status_code == 422


def test_of_many_at_once_exactly_one_decides(reviewer: TestClient, candidates: list[int]) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: decide(reviewer, candidates[0], "confirm"), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert len(reviewer.get(f"/candidates/{candidates[0]}").json()["history"]) == 1


def test_counts_follow_the_decisions(reviewer: TestClient, candidates: list[int]) -> None:
    for candidate_id, verdict in zip(candidates, ["confirm", "reject", "unsure"], strict=False):
        decide(reviewer, candidate_id, verdict)
    assert reviewer.get("/candidates/counts").json() == {
        "pending": 4,
        "confirmed": 1,
        "rejected": 1,
        "unsure": 1,
        "duplicate": 0,
        "tiers": {"urgent": 4, "normal": 0, "low": 0},
    }
    assert len(reviewer.get("/candidates", params={"state": "pending"}).json()["items"]) == 4


@pytest.mark.parametrize(
    "statement",
    [
        "update review_events set verdict = 'reject'",
        "delete from review_events",
        "truncate review_events cascade",
    ],
)
def test_the_database_itself_refuses_to_change_events(
    statement: str, reviewer: TestClient, candidates: list[int], sessions: sessionmaker[Session]
) -> None:
    decide(reviewer, candidates[0], "confirm")
    with sessions() as session, pytest.raises(DBAPIError, match="append-only"):
        session.execute(text(statement))


def test_hazards_are_the_confirmed_candidates_with_who_and_when(
    reviewer: TestClient, candidates: list[int]
) -> None:
    for candidate_id in candidates[:3]:
        decide(reviewer, candidate_id, "confirm")
    undone = decide(reviewer, candidates[3], "confirm").json()["id"]
    reviewer.post(f"/decisions/{undone}/undo")
    first = reviewer.get("/hazards", params={"limit": 2}).json()
    rest = reviewer.get("/hazards", params={"cursor": first["next_cursor"]}).json()
    found = first["items"] + rest["items"]
    assert [item["id"] for item in found] == candidates[2::-1]
    assert {item["confirmed_by"] for item in found} == {"reviewer"}


def test_map_has_every_hazard_that_has_a_place(
    reviewer: TestClient,
    candidates: list[int],
    sessions: sessionmaker[Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for candidate_id in candidates[:4]:
        decide(reviewer, candidate_id, "confirm")
    with sessions.begin() as session:
        row = session.get(CandidateRow, candidates[1])
        assert row is not None
        row.lon = row.lat = None
    answer = reviewer.get("/hazards/points").json()
    assert [item["id"] for item in answer["items"]] == [candidates[i] for i in (3, 2, 0)]
    assert answer["items"][0]["lat"] == pytest.approx(29.56, abs=0.02)
    assert answer["is_cut"] is False
    assert answer["unplaced"] == 1
    monkeypatch.setattr("serving.api.hazards.MAX_POINTS", 2)
    cut = reviewer.get("/hazards/points").json()
    assert ([item["id"] for item in cut["items"]], cut["is_cut"]) == (candidates[3:1:-1], True)


def test_geojson_follows_rfc_7946(reviewer: TestClient, candidates: list[int]) -> None:
    decide(reviewer, candidates[0], "confirm")
    answer = reviewer.get("/export/hazards.geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    document = answer.json()
    assert document["type"] == "FeatureCollection"
    assert "crs" not in document
    (feature,) = document["features"]
    lon, lat = feature["geometry"]["coordinates"]
    assert (round(lon), round(lat)) == (107, 30)
    assert all(len(repr(value).partition(".")[2]) <= 7 for value in (lon, lat))
    assert feature["properties"]["confirmed_by"] == "reviewer"
    assert feature["properties"]["models"] == "manhole"
    assert feature["properties"]["threshold"] == pytest.approx(0.3)
    assert feature["properties"]["error_m"] > 0


def test_csv_opens_in_a_spreadsheet_without_running_formulas(
    reviewer: TestClient, candidates: list[int]
) -> None:
    decide(reviewer, candidates[0], "confirm", note='=HYPERLINK("http://evil","x")')
    data = reviewer.get("/export/hazards.csv").content
    assert data.startswith(b"\xef\xbb\xbf")
    (row,) = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    assert row["note"].startswith("'=HYPERLINK")
    assert float(row["lat"]) == pytest.approx(29.56, abs=0.02)
    assert row["confirmed_by"] == "reviewer"


def test_exports_of_nothing_are_valid(reviewer: TestClient) -> None:
    assert reviewer.get("/export/hazards.geojson").json()["features"] == []
    assert reviewer.get("/export/hazards.csv").text.count("\n") == 1
