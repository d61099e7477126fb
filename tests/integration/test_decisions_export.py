"""Decisions, corrections, disputes and drawings leave the service as what they say, no more."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import select

from detection.domain.hazard import HazardClass
from hazardlens import cli
from serving.accounts.roles import Role
from serving.db.tables import AuditEventRow, FlightRow
from serving.jobs.context import WorkerContext
from serving.learning.decisions.collect import collect_export
from serving.learning.decisions.errors import FolderInUseError, NothingDecidedError
from serving.learning.decisions.files import each_file, write_folder
from serving.learning.decisions.rows import DecisionsExport
from serving.settings import ServingSettings
from tests.integration.seen_covers import see_covers
from tests.second_looks import decide, draw_always, undo
from training.data.annotation import AnnotatedPhoto
from training.data.decided import read_decisions
from training.data.decisions import DecisionRules, build_decisions
from training.data.decisions_sides import Shares

FlightOf = Callable[[int], FlightRow]
SignIn = Callable[[str, Role], TestClient]
AT = datetime(2026, 3, 1, tzinfo=UTC)
PLACES = {1: HazardClass.FACADE_CRACK, 3: HazardClass.MANHOLE_OK}


@pytest.fixture
def ids(worker_context: WorkerContext, flight_of: FlightOf) -> list[int]:
    """Candidates 0 (cover missing), 1 (crack), 2 (cover missing), each in two photos."""
    return see_covers(worker_context, flight_of(2).id, places=4, classes=PLACES)


def export_of(context: WorkerContext) -> DecisionsExport:
    with context.sessions() as session:
        return collect_export(session)


def said_of(export: DecisionsExport) -> set[tuple[str, str]]:
    return {(label.hazard_class, label.verdict) for label in export.labels}


def test_what_was_decided_leaves_with_its_event_and_the_rest_is_undecided(
    reviewer: TestClient, ids: list[int], worker_context: WorkerContext
) -> None:
    confirmed = decide(reviewer, ids[0], "confirm").json()["id"]
    rejected = decide(reviewer, ids[1], "reject").json()["id"]
    decide(reviewer, ids[2], "unsure")
    export = export_of(worker_context)
    told = {(label.hazard_class, label.verdict, label.event_ids) for label in export.labels}
    assert told == {
        ("manhole_missing", "confirmed", (confirmed,)),
        ("facade_crack", "rejected", (rejected,)),
    }
    assert len(export.labels) == 4, "each of two photos shows each of two things"
    # The whole cover never was in the queue: nobody said that it is one.
    assert {(box.hazard_class, box.why) for box in export.undecided} == {
        ("manhole_missing", "unsure"),
        ("manhole_ok", "not_reviewed"),
    }


def test_an_undone_decision_says_nothing(
    reviewer: TestClient, ids: list[int], worker_context: WorkerContext
) -> None:
    undo(reviewer, decide(reviewer, ids[0], "confirm"))
    decide(reviewer, ids[1], "reject")
    export = export_of(worker_context)
    assert said_of(export) == {("facade_crack", "rejected")}
    assert ("manhole_missing", "pending") in {
        (box.hazard_class, box.why) for box in export.undecided
    }


def test_a_blind_opinion_changes_nothing_and_a_dispute_teaches_nothing(
    sign_in: SignIn,
    ids: list[int],
    worker_context: WorkerContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw_always(monkeypatch, 0.0)
    first, second = sign_in("first", Role.REVIEWER), sign_in("second", Role.REVIEWER)
    decision = decide(first, ids[0], "confirm").json()["id"]
    decide(first, ids[1], "reject")
    decide(second, ids[1], "reject")
    export = export_of(worker_context)
    assert said_of(export) == {("manhole_missing", "confirmed"), ("facade_crack", "rejected")}
    decide(second, ids[0], "reject")
    export = export_of(worker_context)
    assert said_of(export) == {("facade_crack", "rejected")}
    assert "disputed" in {box.why for box in export.undecided}
    arbiter = sign_in("arbiter", Role.ARBITER)
    settled = decide(arbiter, ids[0], "confirm", expected_state="confirmed").json()["id"]
    events = {label.event_ids for label in export_of(worker_context).labels}
    assert (settled,) in events
    assert (decision,) not in events


def test_corrections_lie_over_what_the_model_said(
    reviewer: TestClient, ids: list[int], worker_context: WorkerContext
) -> None:
    first, second = reviewer.get(f"/candidates/{ids[0]}").json()["sightings"]
    box = {"detection_id": first["detection_id"], "bbox_xyxy": [10.0, 50.0, 60.0, 90.0]}
    moved = reviewer.post(f"/candidates/{ids[0]}/corrections", json=box).json()["id"]
    harmless = {"detection_id": second["detection_id"], "hazard_class": "manhole_ok"}
    reviewer.post(f"/candidates/{ids[0]}/corrections", json=harmless)
    decide(reviewer, ids[0], "reject")
    labels = {label.hazard_class: label for label in export_of(worker_context).labels}
    assert labels["manhole_missing"].bbox_xyxy == (10.0, 50.0, 60.0, 90.0)
    assert labels["manhole_missing"].correction_event_ids == (moved,)
    assert labels["manhole_missing"].verdict == "rejected"
    # Somebody said that this one is a whole cover: that it is, though the hazard was rejected.
    assert labels["manhole_ok"].verdict == "confirmed"
    assert labels["manhole_ok"].model_class == "manhole_missing"


def test_only_photos_on_which_something_was_said_since_then(
    reviewer: TestClient, ids: list[int], worker_context: WorkerContext
) -> None:
    decide(reviewer, ids[0], "confirm")
    with worker_context.sessions() as session:
        before = collect_export(session, since=AT)
        flight_id = before.photos[0].flight.id
        assert len(before.photos) == len(collect_export(session, flight_ids=[flight_id]).photos)
        with pytest.raises(Exception, match="Nothing was confirmed") as caught:
            collect_export(session, since=datetime(2100, 1, 1, tzinfo=UTC))
    assert getattr(caught.value, "code", "") == "no_decisions"


def test_the_archive_is_what_training_reads_and_is_written_down(
    reviewer: TestClient,
    engineer: TestClient,
    ids: list[int],
    worker_context: WorkerContext,
    tmp_path: Path,
) -> None:
    confirmed = decide(reviewer, ids[0], "confirm").json()["id"]
    decide(reviewer, ids[1], "reject")
    for path in ("summary", "export"):
        assert reviewer.get(f"/decisions/{path}").status_code == 403
    summary = engineer.get("/decisions/summary").json()
    assert (summary["photos"], summary["confirmed"], summary["rejected"]) == (2, 1, 1)
    answer = engineer.get("/decisions/export")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist()[-1] == "decisions.json", "a cut archive must not look whole"
        archive.extractall(tmp_path / "out")
    photos = read_decisions([tmp_path / "out"])
    assert [len(photo.labels) for photo in photos] == [2, 2]
    with Image.open(photos[0].path) as image:
        assert not image.getexif(), "no metadata leaves"
        assert "xmp" not in image.info
    built = build_decisions(
        [tmp_path / "out"],
        tmp_path / "store",
        DecisionRules("loop", views=1, crop_px=128, shares=Shares(0, 0)),
    )
    shown = [item for item in built.photos if _shows(item)]
    assert len(shown) == 2
    assert str(confirmed) in (built.folder / "provenance.csv").read_text()
    with worker_context.sessions() as session:
        (entry,) = session.scalars(
            select(AuditEventRow).where(AuditEventRow.act == "export_decisions")
        )
        assert (entry.username, (entry.after or {})["photos"]) == ("engineer", 2)


def test_a_folder_is_written_anew_and_nothing_else_is_touched(
    reviewer: TestClient, ids: list[int], worker_context: WorkerContext, tmp_path: Path
) -> None:
    decide(reviewer, ids[0], "confirm")
    export, out = export_of(worker_context), tmp_path / "out"
    first = write_folder(each_file(export, worker_context.store, AT), out)
    (out / "photos" / ("0" * 64 + ".jpg")).write_bytes(b"of an earlier export")
    second = write_folder(each_file(export, worker_context.store, AT), out)
    assert first == second == json.loads((out / "decisions.json").read_text())
    assert len(list((out / "photos").iterdir())) == len(export.photos)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(FolderInUseError):
        write_folder(each_file(export, worker_context.store, AT), tmp_path / "mine")


def test_a_photo_that_is_gone_is_left_out_by_name(
    reviewer: TestClient, ids: list[int], worker_context: WorkerContext, tmp_path: Path
) -> None:
    decide(reviewer, ids[0], "confirm")
    export = export_of(worker_context)
    lost = export.photos[0].sha256
    worker_context.store.path_of(lost).unlink()
    document = write_folder(each_file(export, worker_context.store, AT), tmp_path / "out")
    assert [row["photo_sha256"] for row in document["left_out_photos"]] == [lost]
    assert lost not in {row["photo_sha256"] for row in document["labels"]}
    assert len(read_decisions([tmp_path / "out"])) == 1


def test_the_command_writes_the_folder_and_ends_with_the_counts(
    reviewer: TestClient,
    ids: list[int],
    settings: ServingSettings,
    tmp_path: Path,
) -> None:
    environment = {
        "HAZARDLENS_DATABASE_URL": settings.database_url,
        "HAZARDLENS_DATA_DIR": str(settings.data_dir),
    }

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, ["decisions", "export", *words], env=environment)

    nothing = run("--out", str(tmp_path / "out"))
    assert isinstance(nothing.exception, NothingDecidedError)
    assert not (tmp_path / "out").exists()
    decide(reviewer, ids[0], "confirm")
    done = run("--out", str(tmp_path / "out"), "--since", "2026-01-01")
    assert done.exit_code == 0, done.output
    counts = json.loads(done.stdout.splitlines()[-1])
    assert (counts["photos"], counts["confirmed"], counts["left_out"]) == (2, 2, 0)
    assert len(read_decisions([tmp_path / "out"])) == 2


def _shows(item: AnnotatedPhoto) -> bool:
    return any(label.hazard_class is HazardClass.MANHOLE_MISSING for label in item.annotations)
