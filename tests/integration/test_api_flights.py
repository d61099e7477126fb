"""Upload, submit, follow: what an operator's client sees."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import text

from serving.db.tables import FlightRow
from serving.deps import Services
from serving.jobs.context import WorkerContext
from tests.job_runner import run_jobs

Draw = Callable[[int], bytes]


def create(client: TestClient, **changes: object) -> int:
    body = {"name": "north street", "kind": "drone", "site": "site 1"} | changes
    answer = client.post("/flights", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def upload(client: TestClient, flight_id: int, name: str, data: bytes) -> Response:
    answer: Response = client.post(f"/flights/{flight_id}/photos", files={"file": (name, data)})
    return answer


def check_problem(answer: Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert {"type", "title", "detail"} <= problem.keys()


def test_flight_goes_from_draft_to_done_with_exact_counts(
    operator: TestClient, draw_jpeg: Draw, worker_context: WorkerContext
) -> None:
    flight_id = create(operator)
    for number in range(6):
        answer = upload(operator, flight_id, f"DJI_{number}.JPG", draw_jpeg(number))
        assert answer.status_code == 201
        assert (answer.json()["width_px"], answer.json()["height_px"]) == (320, 240)
        assert answer.json()["lon"] == pytest.approx(106.5507, abs=1e-6)
    draft = operator.get(f"/flights/{flight_id}").json()
    assert draft["state"] == "draft"
    assert draft["progress"]["photos_total"] == 6

    submitted = operator.post(f"/flights/{flight_id}/submit")
    assert (submitted.status_code, submitted.json()["state"]) == (202, "queued")
    run_jobs(worker_context)
    done = operator.get(f"/flights/{flight_id}").json()
    assert done["state"] == "done"
    assert done["failure"] is None
    assert done["failures"] == []
    # The drawn photos are 100 m apart and the tiny model sees one cover in each.
    assert done["progress"] == {
        "photos_total": 6,
        "photos_done": 6,
        "photos_failed": 0,
        "photos_left_out": 0,
        "candidates": 6,
    }


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("notes.jpg", b"this is a text file\n" * 50, "not_an_image"),
        ("empty.jpg", b"", "empty_file"),
    ],
)
def test_bad_file_is_rejected_by_name_and_listed(
    name: str, data: bytes, code: str, operator: TestClient
) -> None:
    flight_id = create(operator)
    answer = upload(operator, flight_id, name, data)
    check_problem(answer, 422, code)
    assert answer.json()["remedy"]
    failures = operator.get(f"/flights/{flight_id}").json()["failures"]
    assert [(row["file_name"], row["code"]) for row in failures] == [(name, code)]
    assert failures[0]["remedy"]


def test_truncated_jpeg_is_named_at_upload(operator: TestClient, draw_jpeg: Draw) -> None:
    flight_id = create(operator)
    whole = draw_jpeg(1)
    check_problem(
        upload(operator, flight_id, "cut.jpg", whole[: len(whole) * 2 // 3]), 422, "truncated_image"
    )
    assert operator.get(f"/flights/{flight_id}").json()["progress"]["photos_total"] == 0


def test_same_file_twice_is_a_named_conflict_and_counts_once(
    operator: TestClient, draw_jpeg: Draw
) -> None:
    flight_id = create(operator)
    assert upload(operator, flight_id, "a.jpg", draw_jpeg(1)).status_code == 201
    check_problem(upload(operator, flight_id, "b.jpg", draw_jpeg(1)), 409, "duplicate_photo")
    flight = operator.get(f"/flights/{flight_id}").json()
    assert flight["progress"]["photos_total"] == 1
    assert [row["file_name"] for row in flight["failures"]] == ["b.jpg"]
    other = create(operator)
    assert upload(operator, other, "a.jpg", draw_jpeg(1)).status_code == 201


def test_file_above_the_limit_is_refused_and_leaves_nothing(
    operator: TestClient, services: Services
) -> None:
    flight_id = create(operator)
    check_problem(upload(operator, flight_id, "big.jpg", bytes(5_500_000)), 413, "file_too_large")
    check_problem(upload(operator, flight_id, "huge.jpg", bytes(7_000_000)), 413, "file_too_large")
    assert list((services.settings.resolved_data_dir / "incoming").iterdir()) == []


def test_hostile_file_name_is_display_only(
    operator: TestClient, draw_jpeg: Draw, services: Services
) -> None:
    flight_id = create(operator)
    answer = upload(operator, flight_id, "..\\..\\etc/../DCIM/照片 1.jpg", draw_jpeg(1))
    assert answer.json()["name"] == "etc/DCIM/照片 1.jpg"
    stored = services.store.path_of(answer.json()["sha256"])
    assert stored.is_file()
    assert stored.is_relative_to(services.settings.resolved_data_dir / "objects")


def test_submit_needs_a_photo_and_closes_the_flight(operator: TestClient, draw_jpeg: Draw) -> None:
    flight_id = create(operator)
    check_problem(operator.post(f"/flights/{flight_id}/submit"), 409, "empty_flight")
    upload(operator, flight_id, "a.jpg", draw_jpeg(1))
    assert operator.post(f"/flights/{flight_id}/submit").status_code == 202
    check_problem(upload(operator, flight_id, "b.jpg", draw_jpeg(2)), 409, "flight_not_open")
    check_problem(operator.post(f"/flights/{flight_id}/submit"), 409, "flight_not_open")


def test_cancelled_flight_goes_on_after_retry(
    operator: TestClient, flight_of: Callable[[int], FlightRow], worker_context: WorkerContext
) -> None:
    flight_id = flight_of(5).id
    check_problem(operator.post(f"/flights/{flight_id}/retry"), 409, "flight_state")
    operator.post(f"/flights/{flight_id}/submit")
    assert operator.post(f"/flights/{flight_id}/cancel").json()["state"] == "cancelled"
    run_jobs(worker_context)
    stopped = operator.get(f"/flights/{flight_id}").json()
    assert (stopped["state"], stopped["progress"]["photos_done"]) == ("cancelled", 0)
    check_problem(operator.post(f"/flights/{flight_id}/cancel"), 409, "flight_state")
    assert operator.post(f"/flights/{flight_id}/retry").json()["state"] == "queued"
    run_jobs(worker_context)
    done = operator.get(f"/flights/{flight_id}").json()
    assert (done["state"], done["progress"]["photos_done"]) == ("done", 5)
    check_problem(operator.post(f"/flights/{flight_id}/retry"), 409, "nothing_to_retry")


def test_photo_pages_hold_each_photo_once_with_position(
    operator: TestClient, flight_of: Callable[[int], FlightRow]
) -> None:
    flight_id = flight_of(5).id
    seen: list[int] = []
    cursor: str | None = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = operator.get(f"/flights/{flight_id}/photos", params=query).json()
        seen += [item["id"] for item in page["items"]]
        assert all(item["lat"] is not None for item in page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 5


def test_flight_list_pages_newest_first(operator: TestClient) -> None:
    made = [create(operator, name=f"flight {number}") for number in range(3)]
    first = operator.get("/flights", params={"limit": 2}).json()
    rest = operator.get("/flights", params={"cursor": first["next_cursor"]}).json()
    found = [item["id"] for item in first["items"] + rest["items"]]
    assert found == sorted(made, reverse=True)
    assert rest["next_cursor"] is None


def test_pictures_of_a_photo_are_served_and_cached(operator: TestClient, draw_jpeg: Draw) -> None:
    flight_id = create(operator)
    photo = upload(operator, flight_id, "a.jpg", draw_jpeg(1)).json()
    facts = operator.get(f"/photos/{photo['id']}").json()
    assert (facts["max_level"], facts["overlap_px"]) == (9, 0)
    original = operator.get(f"/photos/{photo['id']}/original")
    assert original.content == draw_jpeg(1)
    assert "immutable" in original.headers["cache-control"]
    small = operator.get(f"/photos/{photo['id']}/thumbnail", params={"size": 128})
    assert small.headers["content-type"] == "image/jpeg"
    top = operator.get(f"/photos/{photo['id']}/tiles/9/0_0.jpg")
    assert top.content[:2] == b"\xff\xd8"
    check_problem(operator.get(f"/photos/{photo['id']}/tiles/9/1_0.jpg"), 404, "tile_not_found")
    check_problem(operator.get(f"/photos/{photo['id']}/tiles/10/0_0.jpg"), 404, "tile_not_found")


def test_flight_without_a_model_fails_by_name_and_can_be_tried_again(
    operator: TestClient,
    flight_of: Callable[[int], FlightRow],
    worker_context: WorkerContext,
) -> None:
    flight_id = flight_of(2).id
    operator.post(f"/flights/{flight_id}/submit")
    absent = worker_context.settings.model_copy(
        update={"models_dir": worker_context.settings.resolved_data_dir / "absent"}
    )
    run_jobs(WorkerContext(absent, worker_context.sessions, worker_context.store))
    failed = operator.get(f"/flights/{flight_id}").json()
    assert failed["state"] == "failed"
    assert failed["failure"]["code"] == "model_error"
    assert failed["failure"]["remedy"]
    operator.post(f"/flights/{flight_id}/retry")
    run_jobs(worker_context)
    assert operator.get(f"/flights/{flight_id}").json()["state"] == "done"


def test_lost_photo_file_fails_that_photo_alone_and_retry_heals_it(
    operator: TestClient,
    flight_of: Callable[[int], FlightRow],
    worker_context: WorkerContext,
    services: Services,
) -> None:
    flight_id = flight_of(3).id
    with services.sessions() as session:
        statement = text("select sha256 from photos where flight_id = :id order by id limit 1")
        sha256 = str(session.scalar(statement, {"id": flight_id}))
    path = services.store.path_of(sha256)
    data = path.read_bytes()
    path.unlink()
    operator.post(f"/flights/{flight_id}/submit")
    run_jobs(worker_context)
    flight = operator.get(f"/flights/{flight_id}").json()
    assert flight["state"] == "done"
    assert flight["progress"]["photos_done"] == 2
    assert flight["progress"]["photos_failed"] == 1
    assert [row["code"] for row in flight["failures"]] == ["unreadable_file"]
    with services.store.stage(io.BytesIO(data), max_bytes=10**7, suffix=".jpg") as staged:
        services.store.keep(staged)
    operator.post(f"/flights/{flight_id}/retry")
    run_jobs(worker_context)
    healed = operator.get(f"/flights/{flight_id}").json()
    assert healed["progress"] == {
        "photos_total": 3,
        "photos_done": 3,
        "photos_failed": 0,
        "photos_left_out": 0,
        "candidates": 3,
    }
    assert healed["failures"] == []
