"""What strangers, floods, races and a failing database may not do to the service."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from sqlalchemy import event, select, text, update
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.photo import Photo
from serving.accounts.roles import Role
from serving.accounts.users import create_user
from serving.app import create_app
from serving.db.tables import CandidateRow, DetectionRow, FlightRow
from serving.flights import intake
from serving.flights.intake import DECODED_AT_ONCE
from serving.jobs import grouping
from serving.jobs.context import WorkerContext
from serving.jobs.flights import submit_flight
from serving.ledger.hazards import list_hazards
from serving.review.decision import CandidateState, Verdict
from serving.review.decisions import Reviewer, decide, undo
from serving.review.errors import InvalidDuplicateError
from serving.settings import ServingSettings
from tests.job_runner import run_jobs

CHUNK = b"x" * 500_000


@pytest.fixture
def candidates(flight_of: Callable[[int], FlightRow], worker_context: WorkerContext) -> list[int]:
    """Three candidates of one flight, oldest first."""
    flight = flight_of(3)
    with worker_context.sessions.begin() as session:
        submit_flight(session, flight.id)
    run_jobs(worker_context)
    with worker_context.sessions() as session:
        return list(session.scalars(select(CandidateRow.id).order_by(CandidateRow.id)))


@pytest.fixture
def somebody(sessions: sessionmaker[Session]) -> Reviewer:
    with sessions.begin() as session:
        row = create_user(session, "somebody", "a good password", Role.REVIEWER)
        return Reviewer(row.id, row.username, row.role, may_undo_others=False)


def send_pieces(count: int) -> Iterator[bytes]:
    """A form without an announced length."""
    yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="b.jpg"\r\n\r\n'
    for _ in range(count):
        yield CHUNK


def test_name_that_the_database_cannot_store_is_a_wrong_name(anonymous: TestClient) -> None:
    answer = anonymous.post("/auth/token", data={"username": "a\x00b", "password": "x"})
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_password")


def test_upload_of_unknown_length_above_the_limit_is_told_so(operator: TestClient) -> None:
    flight_id = operator.post("/flights", json={"name": "a", "kind": "drone"}).json()["id"]
    answer = operator.post(
        f"/flights/{flight_id}/photos",
        content=send_pieces(20),
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/flights", "application/json"),
        ("/auth/token", "application/x-www-form-urlencoded"),
        ("/candidates/1/decisions", "application/json"),
    ],
)
def test_only_photos_may_be_large(path: str, kind: str, anonymous: TestClient) -> None:
    pieces = (CHUNK for _ in range(4))
    answer = anonymous.post(path, content=pieces, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nowhere"),
        ("DELETE", "/flights"),
        ("POST", "/decisions/7/undo"),
        ("GET", "/flights/0"),
    ],
)
def test_errors_say_what_to_do(method: str, path: str, admin: TestClient) -> None:
    assert admin.request(method, path).json()["remedy"]


def test_no_free_connection_is_a_busy_database_and_no_bug(settings: ServingSettings) -> None:
    def wait_in_vain() -> None:
        raise PoolTimeoutError

    own = create_app(settings)
    own.add_api_route("/api/v1/busy", wait_in_vain)
    answer = TestClient(own, raise_server_exceptions=False).get("/api/v1/busy")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert "retry-after" in answer.headers


def test_many_uploads_at_once_are_decoded_a_few_at_a_time(
    operator: TestClient, draw_jpeg: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = 0
    most = 0
    lock = threading.Lock()
    full = threading.Event()

    def count(photo: Photo) -> NDArray[np.uint8]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running > DECODED_AT_ONCE:
                full.set()
        full.wait(0.3)
        with lock:
            running -= 1
        return np.zeros((photo.height_px, photo.width_px, 3), dtype=np.uint8)

    monkeypatch.setattr(intake, "decode_photo", count)
    flight_id = operator.post("/flights", json={"name": "a", "kind": "drone"}).json()["id"]
    files = [draw_jpeg(number) for number in range(8)]

    def send(data: bytes) -> int:
        answer = operator.post(f"/flights/{flight_id}/photos", files={"file": ("a.jpg", data)})
        return int(answer.status_code)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, files)) == {201}
    assert most == DECODED_AT_ONCE


def test_two_candidates_never_become_duplicates_of_each_other(
    sessions: sessionmaker[Session], candidates: list[int], somebody: Reviewer
) -> None:
    first, second = candidates[:2]

    def decide_the_other_way() -> None:
        with sessions.begin() as session:
            decide(session, somebody, second, Verdict.DUPLICATE, duplicate_of=first)

    with ThreadPoolExecutor(1) as pool:
        with sessions.begin() as session:
            decide(session, somebody, first, Verdict.DUPLICATE, duplicate_of=second)
            late = pool.submit(decide_the_other_way)
            with pytest.raises(TimeoutError):
                late.result(timeout=0.5)  # it waits for the first to be committed
        with pytest.raises(InvalidDuplicateError):
            late.result(timeout=10)


def test_undo_does_not_close_a_circle_of_duplicates(
    sessions: sessionmaker[Session], candidates: list[int], somebody: Reviewer
) -> None:
    first, second = candidates[:2]
    with sessions.begin() as session:
        decide(session, somebody, first, Verdict.DUPLICATE, duplicate_of=second)
        confirmed = decide(
            session, somebody, first, Verdict.CONFIRM, expected_state=CandidateState.DUPLICATE
        )
        decide(session, somebody, second, Verdict.DUPLICATE, duplicate_of=first)
    with pytest.raises(InvalidDuplicateError), sessions.begin() as session:
        undo(session, somebody, confirmed.id)
    with sessions() as session:
        states = session.scalars(select(CandidateRow.state).order_by(CandidateRow.id)).all()
    assert states[:2] == ["confirmed", "duplicate"]


def test_undo_meanwhile_does_not_shorten_a_page_of_hazards(
    sessions: sessionmaker[Session], candidates: list[int], somebody: Reviewer
) -> None:
    with sessions.begin() as session:
        events = [decide(session, somebody, row, Verdict.CONFIRM) for row in candidates]
    with sessions() as session:
        waiting = [events[0].id]

        def undo_meanwhile(*_: object) -> None:
            if waiting:
                with sessions.begin() as other:
                    undo(other, somebody, waiting.pop())

        event.listen(session.connection(), "after_cursor_execute", undo_meanwhile)
        page = list_hazards(session, limit=3)
    assert len(page) == 3, "a page that is not full reads as the last one"


def test_what_was_decided_keeps_the_class_it_was_said_of(
    worker_context: WorkerContext, candidates: list[int], somebody: Reviewer
) -> None:
    with worker_context.sessions.begin() as session:
        decide(session, somebody, candidates[0], Verdict.CONFIRM)
        session.execute(update(DetectionRow).values(hazard_class="manhole_broken"))
        flight_id = session.scalar(text("select id from flights"))
        grouping.regroup(session, worker_context.store, int(flight_id))
    with worker_context.sessions() as session:
        rows = session.execute(
            select(CandidateRow.state, CandidateRow.hazard_class).order_by(CandidateRow.id)
        ).all()
    assert [tuple(row) for row in rows] == [
        ("confirmed", "manhole_missing"),
        ("pending", "manhole_broken"),
        ("pending", "manhole_broken"),
    ]
