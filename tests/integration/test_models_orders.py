"""Versions of models are promoted and brought back by order; the open queue follows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from fastapi.testclient import TestClient
from sqlalchemy import select

from detection.detectors.history import read_history
from detection.detectors.manifest import select_manifests
from detection.detectors.manifest_file import compute_version
from serving.db.tables import CandidateRow, FlightRow, PhotoRow
from serving.jobs.context import WorkerContext
from serving.jobs.flights import submit_flight
from serving.jobs.queue import QUEUES, TRAINING_QUEUE
from serving.jobs.training_orders import RESCORE_QUEUE
from tests.integration.seen_covers import list_shown
from tests.job_runner import run_jobs
from tests.tiny_model import write_tiny_model

FlightOf = Callable[[int], FlightRow]


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """A model with a second version that waits."""
    path = write_tiny_model(tmp_path / "models")
    document = yaml.safe_load(path.read_text()) | {"status": "candidate", "score_floor": 0.01}
    version = compute_version(document)
    waiting = path.parent / "versions" / "manhole" / f"{version}.yaml"
    waiting.parent.mkdir(parents=True)
    waiting.write_text(yaml.safe_dump(document))
    return path.parent


@pytest.fixture
def waiting(models_dir: Path) -> str:
    return select_manifests(("manhole@candidate",), models_dir)[0].version


@pytest.mark.soak
def test_candidate_becomes_a_shadow_with_person_and_reason(
    engineer: TestClient, worker_context: WorkerContext, models_dir: Path, waiting: str
) -> None:
    body = {"version": waiting, "to": "shadow", "reason": "look beside first"}
    ordered = engineer.post("/models/manhole/promote", json=body)
    assert ordered.status_code == 202, ordered.text
    run_jobs(worker_context, [TRAINING_QUEUE])
    done = engineer.get(f"/training/orders/{ordered.json()['id']}").json()
    assert (done["state"], done["result"]) == ("done", {"version": waiting, "status": "shadow"})
    latest = read_history(models_dir)[-1]
    assert (latest["by"], latest["reason"]) == ("engineer", "look beside first")
    again = engineer.post("/models/manhole/promote", json=body)
    assert (again.status_code, again.json()["code"]) == (409, "training_nothing_to_do")


def test_damaged_version_is_not_ordered(
    engineer: TestClient, models_dir: Path, waiting: str
) -> None:
    (models_dir / "versions" / "manhole" / f"{waiting}.yaml").write_text("status: [")
    refused = engineer.post(
        "/models/manhole/promote", json={"version": waiting, "to": "shadow", "reason": "why not"}
    )
    assert refused.json()["code"] == "model_error"


@pytest.mark.soak
def test_promotion_of_what_is_gone_fails_and_nothing_changes(
    engineer: TestClient, worker_context: WorkerContext, models_dir: Path, waiting: str
) -> None:
    body = {"version": waiting, "to": "shadow", "reason": "why not"}
    number = engineer.post("/models/manhole/promote", json=body).json()["id"]
    (models_dir / "versions" / "manhole" / f"{waiting}.yaml").unlink()
    run_jobs(worker_context, [TRAINING_QUEUE])
    failed = engineer.get(f"/training/orders/{number}").json()
    assert (failed["state"], failed["error"]["code"]) == ("failed", "training_command_failed")
    assert f"no model named manhole@{waiting}" in failed["error"]["message"]
    assert read_history(models_dir) == []


def test_roll_back_needs_no_training_worker(
    engineer: TestClient, worker_context: WorkerContext, models_dir: Path, waiting: str
) -> None:
    before = select_manifests(("manhole",), models_dir)[0].version
    nothing = engineer.post("/models/manhole/rollback", json={"reason": "too many alarms"})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "training_nothing_to_do")
    body = {"version": waiting, "reason": "too many alarms"}
    key = {"Idempotency-Key": "once"}
    number = engineer.post("/models/manhole/rollback", json=body, headers=key).json()["id"]
    run_jobs(worker_context, QUEUES)
    done = engineer.get(f"/training/orders/{number}").json()
    assert (done["state"], done["result"]) == ("done", {"version": waiting, "status": "active"})
    assert select_manifests(("manhole",), models_dir)[0].version == waiting
    again = engineer.post("/models/manhole/rollback", json=body, headers=key)
    assert (again.status_code, again.json()["id"]) == (202, number), "sent again, not done again"
    assert engineer.post("/models/manhole/rollback", json=body).json()["code"] == (
        "training_nothing_to_do"
    )
    unknown = engineer.post("/models/no_such/rollback", json={"reason": "too many alarms"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "training_unknown_model")
    assert before != waiting


def test_reason_is_asked_for(engineer: TestClient, waiting: str) -> None:
    body = {"version": waiting, "to": "shadow", "reason": "  "}
    assert engineer.post("/models/manhole/promote", json=body).status_code == 422


def _mark_as_old(context: WorkerContext, flight_id: int, seen_by: str) -> None:
    with context.sessions.begin() as session:
        wanted = select(CandidateRow).where(CandidateRow.flight_id == flight_id)
        for row in session.scalars(wanted):
            row.models = [seen_by]


def test_open_queue_is_looked_at_anew_and_decisions_stay(
    engineer: TestClient,
    reviewer: TestClient,
    worker_context: WorkerContext,
    flight_of: FlightOf,
) -> None:
    flights = [flight_of(2).id, flight_of(2).id]
    with worker_context.sessions.begin() as session:
        for flight_id in flights:
            submit_flight(session, flight_id)
    run_jobs(worker_context)
    assert engineer.get("/models/rescoring").json() == {"candidates": 0, "flights": 0}
    nothing = engineer.post("/models/rescoring", json={})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "training_nothing_to_do")
    first = list_shown(worker_context, flights[0])
    reviewer.post(f"/candidates/{first[0]}/decisions", json={"verdict": "confirm"})
    for flight_id in flights:
        _mark_as_old(worker_context, flight_id, "manhole@0123456789ab")
    _mark_as_old(worker_context, flights[1], "another_model@0123456789ab")
    assert engineer.get("/models/rescoring").json() == {"candidates": 1, "flights": 1}
    ordered = engineer.post("/models/rescoring", json={"reason": "new version"}).json()
    assert (ordered["kind"], ordered["total"]) == ("rescore", 1)
    _run_to_the_end(engineer, worker_context, ordered["id"])
    done = engineer.get(f"/training/orders/{ordered['id']}").json()
    assert (done["state"], done["done"], done["total"]) == ("done", 1, 1)
    assert list_shown(worker_context, flights[0]) == first
    assert reviewer.get(f"/candidates/{first[0]}").json()["state"] == "confirmed"
    assert engineer.get("/models/rescoring").json() == {"candidates": 0, "flights": 0}
    with worker_context.sessions() as session:
        runs = select(PhotoRow.run).where(PhotoRow.flight_id == flights[0]).distinct()
        assert session.scalars(runs).all() == [2]
        assert session.get_one(FlightRow, flights[1]).run == 1, "the other flight is left alone"


def _run_to_the_end(engineer: TestClient, context: WorkerContext, order_id: int) -> None:
    """Work off the queue until the order is over; what waits some seconds is brought forward."""
    for _ in range(20):
        run_jobs(context)
        if engineer.get(f"/training/orders/{order_id}").json()["state"] == "done":
            return
        with context.sessions.begin() as session:
            session.connection().exec_driver_sql(
                "update procrastinate_jobs set scheduled_at = now() where task_name = %s",
                (RESCORE_QUEUE,),
            )
    pytest.fail("the order does not end")
