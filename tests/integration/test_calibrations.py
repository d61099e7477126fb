"""A camera is calibrated: boxes looked for, labelled, fitted; thresholds applied, used, undone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import yaml
from fastapi.testclient import TestClient
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from detection.calibration import read_calibrations
from serving.accounts.roles import Role
from serving.audit.log import Actor
from serving.db.tables import (
    AuditEventRow,
    CalibrationBoxRow,
    CalibrationLabelRow,
    CalibrationRow,
    DetectionRow,
    FlightRow,
    PhotoRow,
    UserRow,
)
from serving.jobs import calibration
from serving.jobs.context import WorkerContext
from serving.jobs.flights import reprocess_flight
from serving.jobs.queue import CALIBRATION_QUEUE, QUEUE
from serving.learning.calibration_labels import Answer, Labeller, label_box
from tests.job_runner import run_jobs
from tests.tiny_model import write_tiny_model

FlightOf = Callable[[int], FlightRow]
CAMERA = "FC6310"
THRESHOLD = 0.3
SCORES = [round(0.05 * step, 2) for step in range(1, 20)]
HITS = [30, 29, 28, 27, 26, 25, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 1]
FOUND = [90, 75, 62, 52, 44, 38, 33, 29, 25, 22, 19, 16, 13, 11, 9, 6, 4, 2, 1]
CURVE = {"scores": SCORES, "hits": HITS, "found": FOUND}


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, with a curve of its own val in its manifest."""
    path = write_tiny_model(tmp_path_factory.mktemp("models"))
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    classes = {key: {"score_curve": CURVE} for key in document["classes"]}
    document["evaluation"] = {"val_deployed": {"classes": classes}}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path.parent


@pytest.fixture
def done_flight(worker_context: WorkerContext, flight_of: FlightOf) -> int:
    """A flight that was processed, as far as a calibration asks."""
    flight_id = flight_of(2).id
    with worker_context.sessions.begin() as session:
        session.execute(update(FlightRow).values(state="done", submitted_at=func.now()))
        session.execute(update(PhotoRow).values(state="done"))
    return flight_id


@pytest.fixture
def started(operator: TestClient, worker_context: WorkerContext, done_flight: int) -> int:
    """The number of a calibration whose boxes can be labelled."""
    camera = operator.get(f"/flights/{done_flight}/calibrations").json()["cameras"][0]["camera"]
    answer = operator.post(f"/flights/{done_flight}/calibrations", json={"camera": camera})
    assert answer.status_code == 202, answer.text
    run_jobs(worker_context, [CALIBRATION_QUEUE])
    return int(answer.json()["id"])


def add_boxes(
    context: WorkerContext,
    calibration_id: int,
    hazard_class: str,
    count: int,
    *,
    model: str = "manhole",
    first_turn: int = 1000,
) -> None:
    """Put boxes of many scores beside what the tiny model always says."""
    scores = np.linspace(0.06, 0.94, count)
    with context.sessions.begin() as session:
        photo_id = session.scalars(select(PhotoRow.id).order_by(PhotoRow.id)).first()
        rows = [
            {
                "calibration_id": calibration_id,
                "photo_id": photo_id,
                "model_name": model,
                "hazard_class": hazard_class,
                "score": float(score),
                "x_min": 10.0,
                "y_min": 10.0,
                "x_max": 60.0,
                "y_max": 50.0,
                "place": "",
                "ordinal": first_turn + index,
            }
            for index, score in enumerate(scores)
        ]
        session.execute(insert(CalibrationBoxRow), rows)


def label_all(context: WorkerContext, hazard_class: str, is_true: Callable[[float], bool]) -> None:
    """Say of all added boxes of a class whether they are true, in one transaction."""
    with context.sessions.begin() as session:
        operator = session.scalars(select(UserRow).where(UserRow.username == "operator")).one()
        wanted = select(CalibrationBoxRow).where(
            CalibrationBoxRow.hazard_class == hazard_class, CalibrationBoxRow.ordinal >= 1000
        )
        for box in session.scalars(wanted).all():
            label_box(
                session,
                Labeller(Actor(operator.id, operator.username, operator.role)),
                box.calibration_id,
                box.id,
                Answer.YES if is_true(box.score) else Answer.NO,
            )


def class_of(client: TestClient, calibration_id: int, hazard_class: str) -> dict[str, Any]:
    classes = client.get(f"/calibrations/{calibration_id}").json()["classes"]
    return next(dict(one) for one in classes if one["hazard_class"] == hazard_class)


def test_new_camera_is_told_and_looked_at_once(
    operator: TestClient, worker_context: WorkerContext, done_flight: int, started: int
) -> None:
    seen = operator.get(f"/flights/{done_flight}/calibrations").json()
    (camera,) = seen["cameras"]
    assert camera["is_new"]
    assert camera["photos"] == 2
    assert camera["camera"].startswith(CAMERA)
    (item,) = seen["items"]
    assert (item["state"], item["done"], item["photos"]) == ("labelling", 2, 2)
    again = operator.post(f"/flights/{done_flight}/calibrations", json={"camera": camera["camera"]})
    assert again.json()["id"] == started, "asked again, what is there is returned"
    calibration.look_for_calibration(worker_context, started)  # the job may run twice
    boxes = operator.get(f"/calibrations/{started}/boxes").json()["items"]
    assert 1 <= len(boxes) <= 20
    assert "score" not in boxes[0], "the score would lead whoever looks"
    picture = operator.get(boxes[0]["crop_url"].removeprefix("/api/v1"))
    assert picture.headers["content-type"] == "image/jpeg"


def test_camera_that_was_flown_before_is_not_new(
    operator: TestClient, done_flight: int, flight_of: FlightOf
) -> None:
    del done_flight
    later = flight_of(1).id
    (camera,) = operator.get(f"/flights/{later}/calibrations").json()["cameras"]
    assert not camera["is_new"]


def test_too_few_labels_give_no_figure_but_say_how_many_are_missing(
    operator: TestClient, worker_context: WorkerContext, started: int
) -> None:
    add_boxes(worker_context, started, "manhole_broken", 8)
    label_all(worker_context, "manhole_broken", lambda score: score > 0.5)
    found = class_of(operator, started, "manhole_broken")
    assert (found["labelled"], found["fit"], found["more"]) == (8, None, None)
    add_boxes_again = 6
    with worker_context.sessions.begin() as session:
        session.execute(text("update calibration_boxes set ordinal = null"))
    add_boxes(worker_context, started, "manhole_broken", add_boxes_again)
    assert class_of(operator, started, "manhole_broken")["more"] == 2


def test_threshold_is_applied_used_named_and_taken_back(
    engineer: TestClient,
    operator: TestClient,
    worker_context: WorkerContext,
    started: int,
    tmp_path: Path,
) -> None:
    done_flight = operator.get(f"/calibrations/{started}").json()["flight_id"]
    _look_again(worker_context, done_flight)
    before = _read_detections(worker_context, done_flight)
    assert {(row.threshold, row.calibration_id) for row in before} == {(THRESHOLD, None)}
    add_boxes(worker_context, started, "manhole_broken", 40)
    label_all(worker_context, "manhole_broken", lambda score: score > 0.8)
    found = class_of(operator, started, "manhole_broken")
    assert found["fit"]["verdict"] == "change"
    score = found["fit"]["proposed"]["threshold"]
    assert THRESHOLD < score < 0.93
    assert found["fit"]["alarms_change"]["high"] < 0
    body = {"thresholds": {"manhole_broken": score}}
    assert operator.post(f"/calibrations/{started}/application", json=body).status_code == 403
    proposed = operator.post(f"/calibrations/{started}/proposals", json=body)
    assert (proposed.status_code, proposed.json()["kind"]) == (201, "propose")
    key = {"Idempotency-Key": "once"}
    first = engineer.post(f"/calibrations/{started}/application", json=body, headers=key)
    again = engineer.post(f"/calibrations/{started}/application", json=body, headers=key)
    assert (first.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert operator.get(f"/calibrations/{started}").json()["is_applied"]

    stored = operator.get(f"/calibrations/{started}/file")
    file = tmp_path / "camera.json"
    file.write_bytes(stored.content)
    (one,) = read_calibrations([file]).calibrations
    assert (one.name, one.thresholds[0].threshold) == (str(started), score)

    _look_again(worker_context, done_flight)
    held = _read_detections(worker_context, done_flight)
    assert {row.calibration_id for row in held} == {None}, "of another class nothing changed"
    assert {row.config_hash for row in held}.isdisjoint({row.config_hash for row in before})

    back = engineer.post(f"/calibrations/{started}/withdrawal", json={"note": "wrong lens"})
    assert back.json()["undoes"] == first.json()["id"]
    assert not operator.get(f"/calibrations/{started}").json()["is_applied"]
    answer = engineer.post(f"/calibrations/{started}/withdrawal")
    assert (answer.status_code, answer.json()["code"]) == (409, "calibration_not_applied")
    _look_again(worker_context, done_flight)
    assert {row.config_hash for row in _read_detections(worker_context, done_flight)} == {
        row.config_hash for row in before
    }
    with worker_context.sessions() as session:
        acts = set(session.scalars(select(AuditEventRow.act)))
    assert {
        "order_calibration",
        "label_calibration_box",
        "propose_calibration",
        "apply_calibration",
        "withdraw_calibration",
    } <= acts


def test_missing_covers_are_never_hidden_without_an_engineers_word(
    engineer: TestClient,
    operator: TestClient,
    worker_context: WorkerContext,
    done_flight: int,
    started: int,
) -> None:
    add_boxes(worker_context, started, "manhole_missing", 60)
    label_all(worker_context, "manhole_missing", lambda score: score > 0.85)
    found = class_of(operator, started, "manhole_missing")
    assert found["is_guarded"]
    assert found["fit"]["proposed"]["threshold"] <= THRESHOLD
    raised = found["raised"]
    assert raised["verdict"] == "change"
    score = raised["proposed"]["threshold"]
    assert score > THRESHOLD
    body: dict[str, Any] = {"thresholds": {"manhole_missing": score}}
    refused = engineer.post(f"/calibrations/{started}/application", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "calibration_guarded")
    body["confirm_raise"] = ["manhole_missing"]
    proposed = operator.post(f"/calibrations/{started}/proposals", json=body)
    assert proposed.json()["code"] == "calibration_guarded", "an operator cannot confirm it"
    applied = engineer.post(f"/calibrations/{started}/application", json=body)
    assert (applied.status_code, applied.json()["raised"]) == (201, ["manhole_missing"])
    (part,) = operator.get(f"/calibrations/{started}/file").json()["thresholds"]
    assert part["raise_confirmed"], "else the command line refuses the file"
    _look_again(worker_context, done_flight)
    held = _read_detections(worker_context, done_flight)
    assert {(row.threshold, row.calibration_id) for row in held} == {(score, started)}


def test_models_that_seek_the_same_class_are_calibrated_each_by_itself(
    engineer: TestClient, operator: TestClient, worker_context: WorkerContext, started: int
) -> None:
    with worker_context.sessions.begin() as session:
        row = session.get_one(CalibrationRow, started)
        row.models = [*row.models, row.models[0] | {"name": "manhole_far"}]
    add_boxes(worker_context, started, "manhole_broken", 40)
    add_boxes(worker_context, started, "manhole_broken", 5, model="manhole_far", first_turn=2000)
    label_all(worker_context, "manhole_broken", lambda score: score > 0.8)
    classes = operator.get(f"/calibrations/{started}").json()["classes"]
    labelled = {
        one["model"]: one["labelled"] for one in classes if one["hazard_class"] == "manhole_broken"
    }
    assert labelled == {"manhole": 40, "manhole_far": 5}
    score = class_of(operator, started, "manhole_broken")["fit"]["proposed"]["threshold"]
    body: dict[str, Any] = {"thresholds": {"manhole_broken": score}}
    path = f"/calibrations/{started}/application"
    refused = engineer.post(path, json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "calibration_model")
    other = engineer.post(path, json=body | {"model": "manhole_far"})
    assert other.status_code == 409, "five labels bear nothing out"
    (part,) = engineer.post(path, json=body | {"model": "manhole"}).json()["thresholds"]
    assert (part["model"], part["threshold"]) == ("manhole", score)


def test_figures_that_changed_meanwhile_are_not_applied(
    engineer: TestClient, operator: TestClient, worker_context: WorkerContext, started: int
) -> None:
    add_boxes(worker_context, started, "manhole_broken", 40)
    label_all(worker_context, "manhole_broken", lambda score: score > 0.8)
    body = {"thresholds": {"manhole_broken": 0.11}}
    answer = engineer.post(f"/calibrations/{started}/application", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "calibration_changed")
    undecided = {"thresholds": {"manhole_ok": 0.4}}
    answer = engineer.post(f"/calibrations/{started}/application", json=undecided)
    assert answer.json()["code"] == "calibration_undecided"
    unsited = {"thresholds": {"manhole_broken": _proposed(operator, started)}, "only_site": True}
    answer = engineer.post(f"/calibrations/{started}/application", json=unsited)
    assert answer.json()["code"] == "calibration_no_site"
    with worker_context.sessions.begin() as session:
        session.execute(update(FlightRow).values(site="East bank"))
    assert engineer.post(f"/calibrations/{started}/application", json=unsited).status_code == 201
    (part,) = operator.get(f"/calibrations/{started}/file").json()["thresholds"]
    assert part["site"] == "East bank", "the command line cannot know where a folder was flown"


def test_label_is_taken_back_once_and_kept_for_ever(
    operator: TestClient, worker_context: WorkerContext, started: int
) -> None:
    box_id = operator.get(f"/calibrations/{started}/boxes").json()["items"][0]["id"]
    path = f"/calibrations/{started}/boxes/{box_id}/labels"
    other = operator.post(path, json={"answer": "yes", "hazard_class": "manhole_ok"}).json()
    assert (other["answer"], other["hazard_class"]) == ("no", "manhole_ok"), "it is another class"
    label = operator.post(path, json={"answer": "unsure"}, headers={"Idempotency-Key": "a"}).json()
    twice = operator.post(path, json={"answer": "unsure"}, headers={"Idempotency-Key": "a"}).json()
    assert twice["id"] == label["id"]
    undo = f"/calibrations/{started}/labels/{label['id']}/undo"
    reused = operator.post(undo, headers={"Idempotency-Key": "a"})
    assert reused.json()["code"] == "idempotency_key_reused", "it would look taken back"
    assert operator.post(undo).status_code == 200
    assert operator.post(undo).json()["code"] == "calibration_label_superseded"
    shown = operator.get(f"/calibrations/{started}/boxes").json()["items"][0]
    assert shown["label_id"] == other["id"], "what was said before stands again"
    with worker_context.sessions() as session, pytest.raises(DBAPIError) as caught:
        session.execute(text("update calibration_labels set answer = 'yes'"))
    assert isinstance(caught.value.orig, psycopg.errors.RestrictViolation)
    with worker_context.sessions() as session:
        assert len(session.scalars(select(CalibrationLabelRow)).all()) == 3


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.AUDITOR])
def test_roles(sign_in: Callable[[str, Role], TestClient], started: int, role: Role) -> None:
    client = sign_in(f"other-{role.value}", role)
    assert client.get(f"/calibrations/{started}").status_code == 200
    body = {"thresholds": {"manhole_ok": 0.4}}
    assert client.post(f"/calibrations/{started}/application", json=body).status_code == 403
    wanted = 403 if role is Role.AUDITOR else 404
    label = client.post(f"/calibrations/{started}/boxes/999999/labels", json={"answer": "no"})
    assert label.status_code == wanted


def test_photos_without_a_camera_cannot_be_calibrated(
    operator: TestClient, done_flight: int
) -> None:
    answer = operator.post(f"/flights/{done_flight}/calibrations", json={"camera": "Another 1x1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "calibration_no_camera")


def _proposed(client: TestClient, calibration_id: int) -> float:
    found = class_of(client, calibration_id, "manhole_broken")
    return float(found["fit"]["proposed"]["threshold"])


def _look_again(context: WorkerContext, flight_id: int) -> None:
    with context.sessions.begin() as session:
        reprocess_flight(session, flight_id)
    run_jobs(context, [QUEUE])


def _read_detections(context: WorkerContext, flight_id: int) -> list[DetectionRow]:
    with context.sessions() as session:
        run = session.scalars(select(FlightRow.run).where(FlightRow.id == flight_id)).one()
        wanted = select(DetectionRow).where(
            DetectionRow.flight_id == flight_id, DetectionRow.run == run
        )
        return list(session.scalars(wanted))
