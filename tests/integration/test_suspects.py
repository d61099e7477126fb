"""Suspected labels: taken in once, answered by key, taken back, given out as corrections."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from serving.accounts.roles import Role
from serving.audit.log import SERVICE
from serving.cli.suspects_commands import suspects
from serving.db.tables import (
    AuditEventRow,
    CandidateRow,
    FlightRow,
    LabelSuspectRow,
    ReviewEventRow,
    SuspectEventRow,
    TrainingOrderRow,
)
from serving.jobs.context import WorkerContext
from serving.jobs.label_error_orders import plan_label_errors, take_in_suspects
from serving.jobs.training_steps import Assignment
from serving.learning.suspect_errors import SuspectsFileError
from serving.learning.suspect_import import ImportResult, import_suspects
from serving.storage.objects import ObjectStore
from tests.integration.seen_covers import see_covers
from tests.second_looks import decide
from tests.suspect_lists import make_suspects, write_list
from training.data.corrections import apply_corrections, read_corrections
from training.data.label_sources import LabelSource

FlightOf = Callable[[int], FlightRow]
SignIn = Callable[[str, Role], TestClient]
Import = Callable[..., ImportResult]


@pytest.fixture
def engineer(sign_in: SignIn) -> TestClient:
    return sign_in("enno", Role.ENGINEER)


@pytest.fixture
def take_in(sessions: sessionmaker[Session], worker_context: WorkerContext) -> Import:
    """Return a function that takes a folder in, as the command does."""
    store: ObjectStore = worker_context.store

    def take(folder: Path) -> ImportResult:
        with sessions.begin() as session:
            return import_suspects(session, store, folder, SERVICE)

    return take


@pytest.fixture
def confirmed(reviewer: TestClient, worker_context: WorkerContext, flight_of: FlightOf) -> int:
    """A candidate that somebody confirmed."""
    candidate_id = see_covers(worker_context, flight_of(2).id)[0]
    decide(reviewer, candidate_id, "confirm")
    return candidate_id


def listed(client: TestClient, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/suspects", params=query).json()["items"]
    return found


def answer(client: TestClient, number: int, said: str, key: str = "", note: str = "") -> Any:  # noqa: ANN401  # JSON
    body = {"answer": said} | ({"note": note} if note else {})
    headers = {"Idempotency-Key": key} if key else {}
    response = client.post(f"/suspects/{number}/answers", json=body, headers=headers)
    return response.json() | {"status": response.status_code}


def test_a_list_is_taken_in_once_the_most_suspicious_first(
    engineer: TestClient, take_in: Import, tmp_path: Path
) -> None:
    folder = write_list(tmp_path)
    assert take_in(folder) == ImportResult("covers", new=4, renewed=0, answered=0)
    assert take_in(folder) == ImportResult("covers", new=0, renewed=4, answered=0)
    found = listed(engineer)
    kinds = ["wrong_class", "missing_label", "bad_box", "no_object"]
    assert [each["kind"] for each in found] == kinds
    assert {each["state"] for each in found} == {"open"}
    crop = engineer.get(f"/suspects/{found[0]['id']}/crop.jpg")
    assert (crop.status_code, crop.headers["content-type"]) == (200, "image/jpeg")
    assert [each["kind"] for each in listed(engineer, kind="bad_box")] == ["bad_box"]
    page = engineer.get("/suspects", params={"limit": 3}).json()
    rest = engineer.get("/suspects", params={"limit": 3, "cursor": page["next_cursor"]}).json()
    assert [each["kind"] for each in page["items"] + rest["items"]] == kinds


def test_only_a_list_that_says_something_else_is_written_down(
    take_in: Import, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    folder = write_list(tmp_path)
    take_in(folder)
    take_in(folder)
    path = folder / "suspects.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["suspects"][0]["suspicion"] = 0.5
    path.write_text(json.dumps(document), encoding="utf-8")
    take_in(folder)
    with sessions() as session:
        entries = select(AuditEventRow).where(AuditEventRow.act == "import_suspects")
        rows = list(session.scalars(entries.order_by(AuditEventRow.sequence)))
    written = [row.after or {} for row in rows]
    assert [(each["rows"], each["renewed"]) for each in written] == [(4, 0), (0, 4)]


def test_two_who_take_in_one_list_at_once_do_not_collide(take_in: Import, tmp_path: Path) -> None:
    folder = write_list(tmp_path)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(take_in, [folder, folder]))
    assert sorted((each.new, each.renewed) for each in results) == [(0, 4), (4, 0)]


def test_of_a_damaged_list_nothing_is_taken_in(
    engineer: TestClient, take_in: Import, tmp_path: Path
) -> None:
    folder = write_list(tmp_path)
    next((folder / "crops").iterdir()).unlink()
    with pytest.raises(SuspectsFileError, match="is missing"):
        take_in(folder)
    assert listed(engineer) == []


def test_answers_become_corrections_that_the_training_side_reads(
    engineer: TestClient, take_in: Import, tmp_path: Path
) -> None:
    take_in(write_list(tmp_path))
    by_kind = {each["kind"]: each["id"] for each in listed(engineer)}
    assert answer(engineer, by_kind["wrong_class"], "fix", note="盖板缺失")["status"] == 201
    assert answer(engineer, by_kind["missing_label"], "fix")["status"] == 201
    assert answer(engineer, by_kind["bad_box"], "fix")["status"] == 201
    assert answer(engineer, by_kind["no_object"], "fix")["status"] == 201
    out = tmp_path / "corrections.csv"
    out.write_text(engineer.get("/suspects/corrections.csv").text, encoding="utf-8")
    suspects = make_suspects(tmp_path / "photos")
    corrected = {
        photo.name: photo.annotations
        for photo in apply_corrections([one.photo for one in suspects], read_corrections(out))
    }
    assert [a.hazard_class.value for a in corrected["wrong_class.png"]] == ["manhole_missing"]
    assert [a.hazard_class.value for a in corrected["missing_label.png"]] == [
        "manhole_ok",
        "manhole_missing",
    ]
    assert corrected["missing_label.png"][1].box.xyxy == (290, 290, 350, 350)
    assert corrected["bad_box.png"][0].box.xyxy == (150, 150, 260, 250)
    assert corrected["no_object.png"] == ()
    rows = {row["photo"]: row for row in csv.DictReader(io.StringIO(out.read_text("utf-8")))}
    assert "盖板缺失" in rows["wrong_class.png"]["why"]
    assert "enno, 20" in rows["wrong_class.png"]["why"]


def test_what_is_right_or_not_certain_changes_no_label(
    engineer: TestClient, take_in: Import, tmp_path: Path
) -> None:
    take_in(write_list(tmp_path))
    ids = [each["id"] for each in listed(engineer)]
    answer(engineer, ids[0], "accept")
    answer(engineer, ids[1], "unsure")
    answer(engineer, ids[2], "drop")
    assert answer(engineer, ids[3], "drop")["code"] == "suspect_answer_unfit", "its fix is that"
    rows = list(csv.DictReader(io.StringIO(engineer.get("/suspects/corrections.csv").text)))
    assert [(row["photo"], row["what"]) for row in rows] == [
        ("bad_box.png", "drop_label"),
        ("missing_label.png", "doubtful"),
    ]


def test_of_a_held_out_photo_the_row_only_says_doubtful(
    engineer: TestClient, take_in: Import, tmp_path: Path
) -> None:
    take_in(write_list(tmp_path, split="val"))
    answer(engineer, listed(engineer)[0]["id"], "fix")
    (row,) = csv.DictReader(io.StringIO(engineer.get("/suspects/corrections.csv").text))
    assert (row["what"], row["to"]) == ("doubtful", "")
    assert "val" in row["why"]


def test_an_answer_is_written_once_taken_back_and_kept(
    engineer: TestClient, take_in: Import, tmp_path: Path, sessions: sessionmaker[Session]
) -> None:
    take_in(write_list(tmp_path))
    number = listed(engineer)[0]["id"]
    first = answer(engineer, number, "fix", key="k1")
    assert answer(engineer, number, "fix", key="k1")["id"] == first["id"]
    assert answer(engineer, number, "accept", key="k1")["code"] == "idempotency_key_reused"
    assert answer(engineer, number, "accept", key="k2")["code"] == "suspect_answered"
    undone = engineer.post(f"/suspect-answers/{first['id']}/undo")
    assert undone.json()["kind"] == "undo"
    assert engineer.post(f"/suspect-answers/{first['id']}/undo").json()["code"] == "already_undone"
    assert listed(engineer)[0]["state"] == "open"
    answer(engineer, number, "accept")
    assert take_in(tmp_path).answered == 1, "an answered one keeps everything"
    with sessions() as session:
        kinds = session.scalars(select(SuspectEventRow.kind).order_by(SuspectEventRow.id))
        assert list(kinds) == ["answer", "undo", "answer"]
        acts = list(session.scalars(select(AuditEventRow.act).order_by(AuditEventRow.sequence)))
        assert acts[-4:] == [
            "import_suspects",
            "answer_suspect",
            "undo_suspect",
            "answer_suspect",
        ]
    for statement in ("delete from suspect_events", "update suspect_events set note = 'x'"):
        with pytest.raises(DBAPIError, match="append-only"), sessions.begin() as session:
            session.execute(text(statement))


def test_what_somebody_decided_here_is_only_put_right_in_review(
    engineer: TestClient,
    confirmed: int,
    take_in: Import,
    tmp_path: Path,
    sessions: sessionmaker[Session],
) -> None:
    candidate = confirmed
    with sessions() as session:
        event = session.scalars(select(ReviewEventRow.id)).one()
        key = session.get_one(CandidateRow, candidate).key
    take_in(write_list(tmp_path / "own", name="own", decided=LabelSource((event,), (), key)))
    take_in(write_list(tmp_path / "far", name="far", decided=LabelSource((event,), (), "other")))
    with sessions() as session:
        rows = {
            row.set_name: row
            for row in session.scalars(
                select(LabelSuspectRow).where(LabelSuspectRow.kind == "wrong_class")
            )
        }
    assert rows["own"].candidate_id == candidate
    assert rows["far"].candidate_id is None, "a number of another installation"
    assert answer(engineer, rows["own"].id, "fix")["code"] == "suspect_answer_unfit"
    assert answer(engineer, rows["far"].id, "return")["code"] == "suspect_answer_unfit"
    assert answer(engineer, rows["own"].id, "return")["status"] == 201
    assert engineer.get("/suspects/corrections.csv").text.count("\n") == 1, "the header alone"
    with sessions() as session:
        assert session.get_one(CandidateRow, candidate).state == "confirmed"


def test_who_may_look_and_who_may_answer(
    reviewer: TestClient, sign_in: SignIn, take_in: Import, tmp_path: Path
) -> None:
    take_in(write_list(tmp_path))
    auditor = sign_in("auda", Role.AUDITOR)
    number = listed(auditor)[0]["id"]
    assert answer(auditor, number, "accept")["code"] == "forbidden"
    assert reviewer.get("/suspects").status_code == 403
    assert reviewer.get(f"/suspects/{number}/crop.jpg").status_code == 403
    assert answer(reviewer, number, "accept")["code"] == "forbidden"


def test_a_search_is_ordered_once_of_the_training_lane(
    engineer: TestClient, reviewer: TestClient, worker_context: WorkerContext, tmp_path: Path
) -> None:
    body = {"data": "abcdef123456", "model": "manhole"}
    assert reviewer.post("/suspects/orders", json=body).status_code == 403
    bad = {"data": "--store", "model": "manhole"}
    assert engineer.post("/suspects/orders", json=bad).status_code == 422
    order = engineer.post("/suspects/orders", json=body)
    assert (order.status_code, order.json()["kind"]) == (202, "label_errors")
    assert engineer.post("/suspects/orders", json=body).json()["code"] == "training_running"
    settings = worker_context.settings
    given = Assignment(1, "abcdef123456", {"model": "manhole"}, "", "enno", tmp_path, settings)
    (step,) = plan_label_errors(given)
    assert list(step.arguments[:3]) == ["data", "label-errors", "abcdef123456"]
    write_list(tmp_path / "suspects", name="abcdef123456")
    with worker_context.sessions() as session:
        row = session.get_one(TrainingOrderRow, order.json()["id"])
    result = take_in_suspects(worker_context, row, tmp_path)
    assert result == {"set_name": "abcdef123456", "new": 4, "answered": 0}
    assert take_in_suspects(worker_context, row, tmp_path)["new"] == 0, "twice is once"


def test_the_commands_take_in_and_give_out(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAZARDLENS_DATABASE_URL", database_url)
    monkeypatch.setenv("HAZARDLENS_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    folder, out = write_list(tmp_path / "list"), tmp_path / "corrections.csv"
    runner = CliRunner()
    taken = runner.invoke(suspects, ["import", str(folder)], catch_exceptions=False)
    assert "covers: 4 new, 0 open ones renewed, 0 answered" in taken.output
    given = runner.invoke(suspects, ["export", "--out", str(out)], catch_exceptions=False)
    assert "0 corrections" in given.output
    assert read_corrections(out) == ()
    with pytest.raises(SuspectsFileError, match="cannot be read"):
        runner.invoke(suspects, ["import", str(tmp_path / "data")], catch_exceptions=False)
