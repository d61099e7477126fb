"""Orders for the training lane: worked off by commands, resumed, cancelled, told of, audited."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from serving.db.tables import AuditEventRow, TrainingOrderRow
from serving.jobs import training
from serving.jobs.chunk import StoppingError
from serving.jobs.context import WorkerContext
from serving.jobs.queue import TRAINING_QUEUE
from serving.jobs.training_orders import WORK_OFF
from serving.jobs.training_process import CommandEndedError
from serving.learning.orders import folder_of
from serving.learning.training_workers import forget_worker, show_life
from tests.job_runner import run_jobs
from tests.training_reports import make_report

STAND_IN = """#!{python}
import json, os, pathlib, signal, sys, time
arguments = sys.argv[3:]  # after -m hazardlens
if "--estimate" in arguments:
    print(json.dumps({{"schema": 1, "enough": True, "seconds": {{"all": 90}}}}))
    sys.exit()
if arguments[0] != "retrain":
    print("hazardlens: The gate says no. Train on.", file=sys.stderr)
    sys.exit(4)
option = "--resume" if "--resume" in arguments else "--run"
run = pathlib.Path(arguments[arguments.index(option) + 1])
run.mkdir(exist_ok=True)
beginnings = run / "beginnings"
beginnings.write_text(beginnings.read_text() + "x" if beginnings.exists() else "x")
(run / "secret").write_text(os.environ.get("HAZARDLENS_SECRET_KEY", "none"))
told = {{"stage": "train", "done": 2, "total": 3, "seconds_left": 40}}
(run / "retrain.json").write_text(json.dumps(told))
mode = pathlib.Path(__file__).with_name("mode").read_text()
if mode == "killed" and len(beginnings.read_text()) == 1:
    os.kill(os.getpid(), signal.SIGKILL)
if mode == "slow":
    time.sleep(600)
if mode == "silent":
    sys.exit()
if mode == "refusing":
    print("hazardlens: Too few decisions. Decide more.", file=sys.stderr)
    sys.exit(2)
(run / "report.json").write_text(pathlib.Path(__file__).with_name("report").read_text())
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A Python that knows the commands of training by name only."""
    import sys  # noqa: PLC0415 - only its path is wanted

    python = tmp_path / "python"
    python.write_text(STAND_IN.format(python=sys.executable))
    python.chmod(0o755)
    (tmp_path / "mode").write_text("good")
    (tmp_path / "report").write_text(json.dumps(make_report()))
    return python


@pytest.fixture
def trainer(worker_context: WorkerContext, stand_in: Path) -> WorkerContext:
    settings = worker_context.settings.model_copy(update={"training_python": stand_in})
    return WorkerContext(settings, worker_context.sessions, worker_context.store)


@pytest.fixture
def order(engineer: TestClient, trainer: WorkerContext) -> Callable[..., dict[str, Any]]:
    """Return a function that orders a training whose decisions are exported already."""

    def order_training(**more: object) -> dict[str, Any]:
        body = {"model": "manhole", "minutes": 5, **more}
        answer = engineer.post("/training/orders", json=body)
        assert answer.status_code == 202, answer.text
        decisions = folder_of(trainer.settings.resolved_data_dir, answer.json()["id"]) / "decisions"
        decisions.mkdir(parents=True)
        (decisions / "decisions.json").write_text("{}")
        return dict(answer.json())

    return order_training


def read(client: TestClient, order_id: int) -> dict[str, Any]:
    return dict(client.get(f"/training/orders/{order_id}").json())


def test_training_is_worked_off_and_its_report_read(
    order: Callable[..., dict[str, Any]], engineer: TestClient, trainer: WorkerContext
) -> None:
    ordered = order(reason="after the storm")
    assert (ordered["state"], ordered["kind"], ordered["subject"]) == (
        "queued",
        "retrain",
        "manhole",
    )
    run_jobs(trainer)
    assert read(engineer, ordered["id"])["state"] == "queued", "other lanes leave it alone"
    run_jobs(trainer, [TRAINING_QUEUE])
    done = read(engineer, ordered["id"])
    assert (done["state"], done["error"]) == ("done", None)
    assert done["result"]["version"] == "0123456789ab"
    assert done["result"]["verdict"] == "better"
    log = engineer.get(done["log_url"].removeprefix("/api/v1")).text
    assert "retrain manhole" in log
    assert "--minutes 5" in log
    assert engineer.get(done["report_url"].removeprefix("/api/v1")).json() == make_report()
    missing = engineer.get(f"/training/orders/{ordered['id']}/report.html")
    assert (missing.status_code, missing.json()["code"]) == (404, "training_report_not_found")
    with trainer.sessions() as session:
        acts = select(AuditEventRow.act, AuditEventRow.username).where(
            AuditEventRow.subject_kind == "training_order"
        )
        assert session.execute(acts.order_by(AuditEventRow.sequence)).all() == [
            ("order_training", "engineer"),
            ("end_training", "hazardlens"),
        ]


def test_training_gets_no_secret_of_the_service(
    order: Callable[..., dict[str, Any]], trainer: WorkerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAZARDLENS_SECRET_KEY", "k" * 40)
    ordered = order()
    run_jobs(trainer, [TRAINING_QUEUE])
    folder = folder_of(trainer.settings.resolved_data_dir, ordered["id"])
    assert (folder / "run" / "secret").read_text() == "none"


def test_killed_command_is_gone_on_with(
    order: Callable[..., dict[str, Any]],
    engineer: TestClient,
    trainer: WorkerContext,
    stand_in: Path,
) -> None:
    stand_in.with_name("mode").write_text("killed")
    ordered = order()
    with pytest.raises(CommandEndedError):
        training.work_off(trainer, ordered["id"])
    assert read(engineer, ordered["id"])["state"] == "running"
    run_jobs(trainer, [TRAINING_QUEUE])
    assert read(engineer, ordered["id"])["state"] == "done"
    folder = folder_of(trainer.settings.resolved_data_dir, ordered["id"])
    assert (folder / "run" / "beginnings").read_text() == "xx"


def test_worker_killed_again_and_again_is_given_up_and_gone_on_with(
    order: Callable[..., dict[str, Any]], engineer: TestClient, trainer: WorkerContext
) -> None:
    ordered = order()
    with trainer.sessions.begin() as session:  # as three workers that were killed leave it
        row = session.get_one(TrainingOrderRow, ordered["id"])
        row.state, row.attempts = "running", 3
    run_jobs(trainer, [TRAINING_QUEUE])
    failed = read(engineer, ordered["id"])
    assert (failed["state"], failed["error"]["code"]) == ("failed", "training_broke_off")
    assert failed["can_resume"] is True
    assert engineer.post(f"/training/orders/{ordered['id']}/resume").status_code == 202
    run_jobs(trainer, [TRAINING_QUEUE])
    assert read(engineer, ordered["id"])["state"] == "done"
    again = engineer.post(f"/training/orders/{ordered['id']}/resume")
    assert (again.status_code, again.json()["code"]) == (409, "training_not_resumable")


def _work_aside(trainer: WorkerContext, order_id: int) -> tuple[threading.Thread, list[Exception]]:
    raised: list[Exception] = []

    def work() -> None:
        try:
            training.work_off(trainer, order_id)
        except StoppingError as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, raised


def _wait_for_stage(engineer: TestClient, order_id: int) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = read(engineer, order_id)
        if found["stage"] == "train":
            return found
        time.sleep(0.05)
    pytest.fail("the command never said how far it is")


def test_progress_is_shown_and_cancelled_command_ends(
    order: Callable[..., dict[str, Any]],
    engineer: TestClient,
    trainer: WorkerContext,
    stand_in: Path,
) -> None:
    stand_in.with_name("mode").write_text("slow")
    ordered = order()
    thread, raised = _work_aside(trainer, ordered["id"])
    told = _wait_for_stage(engineer, ordered["id"])
    assert (told["done"], told["total"], told["seconds_left"]) == (2, 3, 40.0)
    assert engineer.post(f"/training/orders/{ordered['id']}/cancel").status_code == 200
    thread.join(30)
    assert not thread.is_alive(), "whoever works on it notices"
    assert raised == []
    assert read(engineer, ordered["id"])["state"] == "cancelled"
    assert engineer.post(f"/training/orders/{ordered['id']}/cancel").json()["state"] == "cancelled"


def test_order_gone_on_with_before_the_worker_let_go_is_not_lost(
    order: Callable[..., dict[str, Any]],
    engineer: TestClient,
    trainer: WorkerContext,
    stand_in: Path,
) -> None:
    stand_in.with_name("mode").write_text("slow")
    ordered = order()
    thread, raised = _work_aside(trainer, ordered["id"])
    _wait_for_stage(engineer, ordered["id"])
    engineer.post(f"/training/orders/{ordered['id']}/cancel")
    engineer.post(f"/training/orders/{ordered['id']}/resume")
    training.work_off(
        trainer, ordered["id"]
    )  # another worker takes the new job, and finds the order held
    thread.join(30)
    assert raised == []
    with trainer.sessions() as session:
        waiting = session.scalar(
            text(
                "select count(*) from procrastinate_jobs where task_name = :name"
                " and status = 'todo' and args @> jsonb_build_object('order_id', :id)"
            ),
            {"name": WORK_OFF, "id": ordered["id"]},
        )
    assert waiting == 3, "two ordered by hand, and the one of whoever let go"


def test_stopping_worker_leaves_the_order_to_the_next(
    order: Callable[..., dict[str, Any]],
    engineer: TestClient,
    trainer: WorkerContext,
    stand_in: Path,
) -> None:
    stand_in.with_name("mode").write_text("slow")
    ordered = order()
    thread, raised = _work_aside(trainer, ordered["id"])
    _wait_for_stage(engineer, ordered["id"])
    trainer.stopping.set()
    thread.join(30)
    assert len(raised) == 1
    with trainer.sessions() as session:
        row = session.get_one(TrainingOrderRow, ordered["id"])
        assert (row.state, row.attempts) == ("running", 0), "it costs no attempt"


def test_command_goes_when_its_parent_is_killed(
    order: Callable[..., dict[str, Any]], trainer: WorkerContext, stand_in: Path
) -> None:
    """What a worker started does not train on alone: its standard input closes."""
    import subprocess  # noqa: PLC0415 - only here
    import sys  # noqa: PLC0415

    del order, trainer
    stand_in.with_name("mode").write_text("slow")
    run = stand_in.with_name("alone")
    command = [str(stand_in), "-m", "hazardlens", "retrain", "--run", str(run)]
    child = subprocess.Popen(
        [sys.executable, "-m", "serving.jobs.training_child", *command],
        stdin=subprocess.PIPE,
        start_new_session=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    deadline = time.monotonic() + 30
    while not (run / "retrain.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert child.stdin is not None
    child.stdin.close()  # as the end of the parent does
    assert child.wait(20) == -signal.SIGKILL
    assert not _has_group(child.pid)


def _has_group(group: int) -> bool:
    """Whether anything of a process group is still there, a moment later."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True


def test_command_that_leaves_nothing_has_failed(
    order: Callable[..., dict[str, Any]],
    engineer: TestClient,
    trainer: WorkerContext,
    stand_in: Path,
) -> None:
    stand_in.with_name("mode").write_text("silent")
    ordered = order()
    run_jobs(trainer, [TRAINING_QUEUE])
    failed = read(engineer, ordered["id"])
    assert (failed["state"], failed["error"]["code"]) == ("failed", "training_command_failed")
    assert "report.json" in failed["error"]["message"]


def test_failed_command_says_why_in_its_own_words(
    order: Callable[..., dict[str, Any]],
    engineer: TestClient,
    trainer: WorkerContext,
    stand_in: Path,
) -> None:
    stand_in.with_name("mode").write_text("refusing")
    ordered = order()
    run_jobs(trainer, [TRAINING_QUEUE])
    error = read(engineer, ordered["id"])["error"]
    assert error["message"] == "Too few decisions. Decide more."


def test_estimate_says_what_the_command_says(
    order: Callable[..., dict[str, Any]], engineer: TestClient, trainer: WorkerContext
) -> None:
    ordered = order(estimate_only=True)
    run_jobs(trainer, [TRAINING_QUEUE])
    done = read(engineer, ordered["id"])
    assert (done["kind"], done["state"]) == ("estimate", "done")
    assert done["result"] == {"schema": 1, "enough": True, "seconds": {"all": 90}}


def test_same_key_orders_once_and_another_order_waits(
    engineer: TestClient, order: Callable[..., dict[str, Any]]
) -> None:
    body = {"model": "manhole"}
    key = {"Idempotency-Key": "abc"}
    first = engineer.post("/training/orders", json=body, headers=key).json()
    again = engineer.post("/training/orders", json=body, headers=key)
    assert (again.status_code, again.json()["id"]) == (202, first["id"])
    estimate = engineer.post("/training/orders", json=body | {"estimate_only": True}, headers=key)
    assert (estimate.status_code, estimate.json()["code"]) == (409, "idempotency_key_reused")
    other = engineer.post("/training/orders", json=body)
    assert (other.status_code, other.json()["code"]) == (409, "training_running")
    unknown = engineer.post("/training/orders", json={"model": "no_such_model"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "training_unknown_model")
    engineer.post(f"/training/orders/{first['id']}/cancel")
    assert order()["id"] != first["id"]
    listed = engineer.get("/training/orders?limit=1").json()
    assert len(listed["items"]) == 1
    assert listed["next_cursor"]


def test_workers_are_told_of_until_they_go(engineer: TestClient, trainer: WorkerContext) -> None:
    assert engineer.get("/training/workers").json() == {
        "items": [],
        "command": "make training-worker",
    }
    with trainer.sessions.begin() as session:
        show_life(session, "here:1", "CPU")
        show_life(session, "here:1", "CPU")
    (worker,) = engineer.get("/training/workers").json()["items"]
    assert (worker["name"], worker["device"]) == ("here:1", "CPU")
    with trainer.sessions.begin() as session:
        forget_worker(session, "here:1")
    assert engineer.get("/training/workers").json()["items"] == []
