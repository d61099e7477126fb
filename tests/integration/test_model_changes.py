"""A worker takes a promoted model up without restart, and shadows never reach the queue."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from detection.detectors.manifest import list_versions, select_manifests
from detection.detectors.manifest_file import compute_version
from serving.db.tables import (
    CandidateRow,
    DetectionRow,
    FlightRow,
    PhotoRow,
    ShadowResultRow,
)
from serving.jobs import chunk, shadow
from serving.jobs.context import WorkerContext
from serving.jobs.flights import submit_flight
from tests.job_runner import run_jobs
from tests.tiny_model import write_tiny_model

FlightOf = Callable[[int], FlightRow]


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "models").parent


@pytest.fixture
def context(worker_context: WorkerContext, models_dir: Path) -> WorkerContext:
    settings = worker_context.settings.model_copy(update={"models_dir": models_dir, "shadow": True})
    return WorkerContext(settings, worker_context.sessions, worker_context.store)


def change_threshold(models_dir: Path, threshold: float) -> str:
    """Put a version with another threshold in force, as a promotion does; return its version."""
    path = models_dir / "manhole.yaml"
    document = yaml.safe_load(path.read_text())
    document["thresholds"] = dict.fromkeys(document["classes"], threshold)
    part = models_dir / ".part"
    part.write_text(yaml.safe_dump(document))
    part.replace(path)
    return compute_version(document)


def add_version(models_dir: Path, status: str) -> str:
    """Put a second version beside the one in force."""
    document = yaml.safe_load((models_dir / "manhole.yaml").read_text())
    document |= {"status": status, "score_floor": 0.01}
    version = compute_version(document)
    path = models_dir / "versions" / "manhole" / f"{version}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document))
    return version


def photos_of(context: WorkerContext, flight_id: int) -> list[int]:
    with context.sessions.begin() as session:
        session.get_one(FlightRow, flight_id).state = "processing"
        ids = select(PhotoRow.id).where(PhotoRow.flight_id == flight_id)
        return list(session.scalars(ids.order_by(PhotoRow.id)))


def count(session: Session, table: type[DetectionRow | CandidateRow | ShadowResultRow]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_promoted_model_looks_at_the_next_chunk(
    context: WorkerContext, flight_of: FlightOf, models_dir: Path
) -> None:
    flight_id = flight_of(2).id
    first, second = photos_of(context, flight_id)
    chunk.detect_chunk(context, flight_id, [first])
    before = context.models()
    change_threshold(models_dir, 0.5)
    chunk.detect_chunk(context, flight_id, [second])
    with context.sessions() as session:
        rows = {row.photo_id: row for row in session.scalars(select(DetectionRow))}
    assert rows[first].threshold == pytest.approx(0.3)
    assert rows[second].threshold == pytest.approx(0.5)
    assert rows[first].config_hash != rows[second].config_hash
    assert before.run.config_hash == rows[first].config_hash, "a held set does not change"


def test_what_did_not_change_is_not_loaded_again(context: WorkerContext, models_dir: Path) -> None:
    before = context.models()
    assert context.models() is before
    path = models_dir / "manhole.yaml"
    os.utime(path, ns=(1, 1))
    after = context.models()
    assert after is not before
    assert after.detectors[0] is before.detectors[0]
    assert after.run == before.run


def test_a_broken_change_is_not_taken(context: WorkerContext, models_dir: Path) -> None:
    before = context.models()
    path = models_dir / "manhole.yaml"
    good = path.read_text()
    path.write_text(good.replace(before.detectors[0].manifest.weights_sha256, "0" * 64))
    assert context.models() is before
    path.write_text("no: manifest")
    assert context.models() is before
    path.write_text(good)
    assert context.models().run == before.run


def test_a_shadow_model_is_stored_apart_once_and_nobody_is_shown_it(
    context: WorkerContext, flight_of: FlightOf, models_dir: Path
) -> None:
    add_version(models_dir, "candidate")  # a candidate looks at nothing
    with context.sessions.begin() as session:
        flight_id = flight_of(2).id
        submit_flight(session, flight_id)
    run_jobs(context)
    with context.sessions() as session:
        assert count(session, ShadowResultRow) == 0
        seen = count(session, DetectionRow), count(session, CandidateRow)
        ids = list(session.scalars(select(PhotoRow.id).order_by(PhotoRow.id)))
    version = add_version(models_dir, "shadow")
    context.models()
    for _ in range(2):
        shadow.look_beside(context, flight_id, ids)
    with context.sessions() as session:
        rows = list(session.scalars(select(ShadowResultRow).order_by(ShadowResultRow.photo_id)))
        assert [row.photo_id for row in rows] == ids
        assert {(row.model_name, row.version) for row in rows} == {("manhole", version)}
        assert [len(row.boxes) for row in rows] == [1, 1]
        assert rows[0].boxes[0]["hazard_class"] == "manhole_missing"
        assert (count(session, DetectionRow), count(session, CandidateRow)) == seen


def test_a_shadow_model_that_cannot_be_loaded_stops_nothing(
    context: WorkerContext, flight_of: FlightOf, models_dir: Path
) -> None:
    add_version(models_dir, "shadow")
    (path,) = (models_dir / "versions" / "manhole").iterdir()
    path.write_text(path.read_text().replace("weights: manhole.onnx", "weights: absent.onnx"))
    flight_id = flight_of(1).id
    chunk.detect_chunk(context, flight_id, photos_of(context, flight_id))
    assert context.shadows() == []
    with context.sessions() as session:
        assert count(session, DetectionRow) == 1


def test_shadows_are_off_by_default(worker_context: WorkerContext, models_dir: Path) -> None:
    add_version(models_dir, "shadow")
    settings = worker_context.settings.model_copy(update={"models_dir": models_dir})
    context = WorkerContext(settings, worker_context.sessions, worker_context.store)
    context.models()
    assert context.shadows() == []


def test_engineers_see_every_version_and_what_shadows_said(
    worker_context: WorkerContext,
    flight_of: FlightOf,
    engineer: TestClient,
    operator: TestClient,
) -> None:
    models_dir = worker_context.settings.models_dir
    before = {path: path.read_bytes() for path in models_dir.rglob("*") if path.is_file()}
    version = add_version(models_dir, "shadow")
    flight_id = flight_of(1).id
    settings = worker_context.settings.model_copy(update={"shadow": True})
    context = WorkerContext(settings, worker_context.sessions, worker_context.store)
    ids = photos_of(context, flight_id)
    chunk.detect_chunk(context, flight_id, ids)
    shadow.look_beside(context, flight_id, ids)
    try:
        answer = engineer.get("/models")
    finally:
        for path in models_dir.rglob("*.yaml"):
            if path not in before:
                path.unlink()
    assert answer.status_code == 200
    active, waiting = answer.json()["items"]
    manifest = select_manifests(("manhole",), models_dir)[0]
    assert (active["name"], active["status"]) == ("manhole", "active")
    assert (
        active["weights_sha256"] == hashlib.sha256(manifest.weights_path.read_bytes()).hexdigest()
    )
    assert active["shadow"] is None
    assert (waiting["version"], waiting["status"]) == (version, "shadow")
    assert waiting["shadow"] == {"photos": 1, "boxes": {"manhole_missing": 1}}
    assert answer.json()["shadow_runs"] is False
    assert operator.get("/models").status_code == 403
    assert list_versions(models_dir) == []
