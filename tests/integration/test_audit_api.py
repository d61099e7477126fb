"""What people do stands in the audit log; auditors read it and change nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from hazardlens import cli
from serving.accounts.attempts import check_attempts, record_failure, record_sign_in
from serving.accounts.errors import TooManyAttemptsError
from serving.accounts.roles import Role
from serving.audit.anchors import note_head, read_heads
from serving.audit.entries import Head, read_head
from serving.audit.log import Actor
from serving.db.tables import FlightRow
from serving.deps import SAFE_METHODS, SESSION_COOKIE
from serving.jobs.anchoring import anchor_head
from serving.jobs.context import WorkerContext
from serving.review import decisions
from serving.review.decision import Verdict
from serving.settings import ServingSettings
from serving.web import pages
from serving.web.vendor import list_missing
from tests.integration.seen_covers import see_covers

SignIn = Callable[[str, Role], TestClient]
SQUARE = {"type": "Polygon", "coordinates": [[[1, 1], [2, 1], [2, 2], [1, 1]]]}

# What may be asked for without being signed in, or for one's own session alone.
OWN = {"/api/v1/auth/token", "/api/v1/auth/session", "/sign-in", "/sign-out"}


@pytest.fixture
def covers(
    worker_context: WorkerContext, flight_of: Callable[[int], FlightRow], reviewer: TestClient
) -> list[int]:
    """Three candidates, each seen in two photos."""
    del reviewer  # the user exists
    return see_covers(worker_context, flight_of(2).id)


def act_on(client: TestClient, covers: list[int]) -> list[str]:
    """Decide, merge, split, correct, undo some of it; returns the acts as the log names them."""
    one, two, three = covers
    decision = client.post(f"/candidates/{one}/decisions", json={"verdict": "confirm"}).json()
    client.post(f"/decisions/{decision['id']}/undo")
    client.post(f"/candidates/{one}/decisions", json={"verdict": "unsure", "note": "看不清 ½"})
    seen = [client.get(f"/candidates/{each}").json() for each in (two, three)]
    others = [{"id": three, "revision": seen[1]["revision"]}]
    merge = client.post(
        f"/candidates/{two}/merge", json={"revision": seen[0]["revision"], "others": others}
    ).json()
    client.post(f"/groupings/{merge['id']}/undo")
    sightings = [client.get(f"/candidates/{two}").json()["sightings"][-1]["detection_id"]]
    revision = client.get(f"/candidates/{two}").json()["revision"]
    body = {"revision": revision, "sightings": sightings}
    assert client.post(f"/candidates/{two}/split", json=body).status_code == 201
    changed = {"hazard_class": "manhole_broken"}
    correction = client.post(f"/candidates/{three}/corrections", json=changed).json()
    assert client.post(f"/corrections/{correction['id']}/undo", json={}).is_success
    reviewed = ["decide", "undo", "decide", "merge", "undo_grouping", "split"]
    return [*reviewed, "correct_class", "undo_correction"]


def list_log(client: TestClient, **query: object) -> list[dict[str, Any]]:
    """Return the entries, oldest first."""
    answer = client.get("/audit", params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    return list(reversed(answer.json()["items"]))


def check(client: TestClient) -> dict[str, Any]:
    return dict(client.get("/audit/check").json())


def test_acts_of_review_are_told_with_state_person_and_evidence(
    reviewer: TestClient, covers: list[int], sign_in: SignIn, sessions: sessionmaker[Session]
) -> None:
    expected = act_on(reviewer, covers)
    auditor = sign_in("auditor", Role.AUDITOR)
    told = list_log(auditor, subject_kind="candidate")
    assert [entry["act"] for entry in told] == expected
    assert {(entry["username"], entry["role"]) for entry in told} == {("reviewer", "reviewer")}
    undone = told[1]
    assert (undone["before"], undone["after"]["state"]) == ({"state": "confirmed"}, "pending")
    assert told[2]["after"]["note"] == "看不清 ½"
    with sessions() as session:
        photos = set(session.scalars(text("select sha256 from photos")))
    assert {entry["evidence_sha256"] for entry in told} <= photos
    answer = check(auditor)
    assert (answer["is_intact"], answer["found"]) == (True, 0)


def test_acts_on_flights_layers_and_accounts_are_told(
    sign_in: SignIn, draw_jpeg: Callable[[int], bytes], anonymous: TestClient
) -> None:
    admin = sign_in("chief", Role.ADMIN)
    flight_id = admin.post("/flights", json={"name": "北街", "kind": "drone", "views": 3}).json()[
        "id"
    ]
    admin.post(f"/flights/{flight_id}/photos", files={"file": ("a.jpg", draw_jpeg(0))})
    for act in ("submit", "cancel", "retry", "cancel", "reprocess"):
        assert admin.post(f"/flights/{flight_id}/{act}").is_success, act
    assert admin.post(f"/flights/{flight_id}/submit").status_code == 409
    files = {"file": ("a.geojson", json.dumps(SQUARE).encode())}
    layer = admin.post("/layers", data={"kind": "buildings", "name": "a"}, files=files).json()
    admin.delete(f"/layers/{layer['id']}")
    anonymous.post("/auth/token", data={"username": "Chief\x07", "password": "guess"})
    told = list_log(admin)
    acts = [entry["act"] for entry in told]
    assert acts == [
        "create_user", "sign_in", "create_flight", "submit_flight", "cancel_flight",
        "retry_flight", "cancel_flight", "reprocess_flight", "import_layer", "delete_layer",
        "sign_in_failed",
    ]  # fmt: skip
    assert told[2]["after"]["views"] == 3
    assert told[3]["before"] == {"state": "draft", "run": 1}
    assert told[3]["after"] == {"state": "queued", "run": 1}
    assert told[7]["after"] == {"state": "queued", "run": 2}
    assert told[8]["evidence_sha256"] == told[9]["evidence_sha256"]
    assert told[-1]["subject_id"] == "chief?"
    assert (told[-1]["user_id"], told[-1]["role"]) == (None, "unknown")


def test_entries_are_filtered_and_paged(
    reviewer: TestClient, covers: list[int], sign_in: SignIn
) -> None:
    act_on(reviewer, covers)
    auditor = sign_in("auditor", Role.AUDITOR)
    assert len(list_log(auditor, act="decide")) == 2
    assert len(list_log(auditor, subject_kind="candidate", subject_id=str(covers[1]))) == 3
    assert list_log(auditor, username="nobody") == []
    assert list_log(auditor, until="2020-01-01T00:00:00Z") == []
    seen: list[int] = []
    query: dict[str, str | int] = {"limit": 3}
    while True:
        page = auditor.get("/audit", params=query).json()
        seen += [entry["sequence"] for entry in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == list(range(len(seen), 0, -1))


FORGED = """
    insert into review_events (candidate_id, kind, verdict, state_before, state_after, user_id,
    username, role) select id, 'decision', 'reject', 'pending', 'rejected', 1, 'x', 'reviewer'
    from candidates order by id limit 1
"""
CHANGED = {
    "delete from review_events where undoes is not null": "entry_without_event",
    "update review_events set verdict = 'reject' where id = 1": "event_without_entry",
    "update grouping_events set candidate_ids = '{1}' where id = 1": "event_without_entry",
    "update correction_events set after = null where id = 1": "event_without_entry",
    "delete from correction_events where undoes is not null": "entry_without_event",
    FORGED: "event_without_entry",
}


@pytest.mark.parametrize("statement", CHANGED)
def test_a_decision_that_was_changed_behind_the_log_is_found(
    statement: str,
    reviewer: TestClient,
    covers: list[int],
    sign_in: SignIn,
    sessions: sessionmaker[Session],
) -> None:
    act_on(reviewer, covers)
    with sessions.begin() as session:
        for table in ("review_events", "grouping_events", "correction_events"):
            session.execute(text(f"alter table {table} disable trigger all"))
        session.execute(text(statement))
    answer = check(sign_in("auditor", Role.AUDITOR))
    assert answer["is_intact"] is False
    assert {each["code"] for each in answer["findings"]} == {CHANGED[statement]}


def test_acts_from_before_the_log_are_counted_not_blamed(
    reviewer: TestClient, covers: list[int], sign_in: SignIn, sessions: sessionmaker[Session]
) -> None:
    act_on(reviewer, covers)
    with sessions.begin() as session:
        session.execute(text("alter table audit_events disable trigger all"))
        session.execute(text("delete from audit_events"))
    answer = check(sign_in("auditor", Role.AUDITOR))
    assert (answer["is_intact"], answer["events_before_log"]) == (True, 8)


def test_auditor_is_refused_every_change(app: FastAPI, sign_in: SignIn) -> None:
    client = sign_in("auditor", Role.AUDITOR)
    client.headers["Sec-Fetch-Site"] = "same-origin"
    client.headers["Tus-Resumable"] = "1.0.0"  # else uploads say 412 to everybody
    token = client.headers["Authorization"].removeprefix("Bearer ")
    client.cookies.set(SESSION_COOKIE, token)
    answers = {
        (method, path): client.request(
            method, "http://testserver" + re.sub(r"\{[^}]+\}", "1", path)
        ).status_code
        for path, method in list_changes(app)
        if path not in OWN
    }
    assert len(answers) > 10
    assert {route: status for route, status in answers.items() if status != 403} == {}


def list_changes(app: FastAPI) -> list[tuple[str, str]]:
    """Return path and method of every route that may change something, pages too."""
    parts = [getattr(part, "router", None) for part in vars(pages).values()]
    routes = [route for part in parts if isinstance(part, APIRouter) for route in part.routes]
    found = {
        (route.path, method)
        for route in routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    for path, operations in app.openapi()["paths"].items():
        found |= {(path, method.upper()) for method in operations}
    return sorted((path, method) for path, method in found if method not in SAFE_METHODS)


def test_same_key_at_the_same_moment_is_asked_to_come_again(
    reviewer: TestClient, covers: list[int], sessions: sessionmaker[Session]
) -> None:
    person = reviewer.get("/me").json()
    me = decisions.Reviewer(person["id"], "reviewer", "reviewer", may_undo_others=False)

    def send() -> Any:  # noqa: ANN401 - an answer of the test client
        return reviewer.post(
            f"/candidates/{covers[1]}/decisions",
            json={"verdict": "confirm"},
            headers={"Idempotency-Key": "same"},
        )

    with ThreadPoolExecutor(1) as pool, sessions.begin() as session:
        decisions.decide(session, me, covers[0], Verdict.CONFIRM, idempotency_key="same")
        second = pool.submit(send)
        wait_until_blocked(sessions)
        session.commit()
        answer = second.result(timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (503, "act_underway")
    assert int(answer.headers["retry-after"]) > 0
    again = send()
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_key_reused")


def wait_until_blocked(sessions: sessionmaker[Session]) -> None:
    blocked = text(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
        " and datname = current_database()"
    )
    for _ in range(1000):
        with sessions() as session:
            if session.scalar(blocked):
                return
            session.execute(text("select pg_sleep(0.01)"))
    pytest.fail("nobody waits")


def test_failed_sign_ins_are_counted_in_the_log_and_cleared_by_success(
    sessions: sessionmaker[Session],
) -> None:
    """Nothing is kept in the process, so a restart forgets none."""

    def is_refused(username: str = "li", address: str = "10.0.0.1", window_s: float = 60) -> bool:
        try:
            with sessions() as session:
                check_attempts(session, username, address, limit=3, window_s=window_s)
        except TooManyAttemptsError as error:
            return 0 < error.wait_s <= window_s
        return False

    def fail(times: int) -> None:
        for _ in range(times):
            with sessions.begin() as session:
                record_failure(session, " Li ", "10.0.0.1")

    fail(2)
    with sessions.begin() as session:
        record_sign_in(session, Actor(1, "LI", "reviewer"), "10.0.0.1")
    fail(2)
    assert not is_refused()
    fail(1)
    assert is_refused()
    assert not is_refused(address="10.0.0.2")
    assert not is_refused(username="wang")
    assert not is_refused(window_s=1e-6)


@pytest.mark.skipif(bool(list_missing()), reason="the third-party scripts are not set up")
def test_page_shows_the_log_to_auditors_only(
    reviewer: TestClient, covers: list[int], sign_in: SignIn
) -> None:
    act_on(reviewer, covers)
    auditor = sign_in("auditor", Role.AUDITOR)
    page = auditor.get("http://testserver/audit").text
    assert "看不清 ½" in page
    assert f'href="/review/{covers[0]}"' in page
    assert auditor.get("http://testserver/audit/check/panel").text.count("notice-ok") == 1
    query = "http://testserver/audit?username=reviewer&act=decide&first_day=2020-01-01&last_day="
    assert auditor.get(query).text.count("audit-number") == 2
    assert "audit-number" not in auditor.get("http://testserver/audit/rows?before=1").text
    for path in ("/audit", "/audit/rows?before=9", "/audit/check/panel"):
        assert reviewer.get(f"http://testserver{path}").status_code == 403
    for client, is_shown in ((auditor, True), (reviewer, False)):
        assert ('href="/audit"' in client.get("http://testserver/layers").text) == is_shown


def test_command_verifies_exports_and_finds_what_was_cut(
    reviewer: TestClient,
    covers: list[int],
    settings: ServingSettings,
    sessions: sessionmaker[Session],
    tmp_path: Path,
) -> None:
    act_on(reviewer, covers)
    environment = {"HAZARDLENS_DATABASE_URL": settings.database_url}
    data_dir = ["--data-dir", str(settings.data_dir)]

    def run(*words: str) -> Any:  # noqa: ANN401 - click's own result
        return CliRunner().invoke(cli, ["audit", *words], env=environment)

    head = run("head", *data_dir).output.strip()
    sequence = int(head.partition(":")[0])
    assert f"intact: {sequence} entries, head {head}" in run("verify", *data_dir).output
    export = tmp_path / "audit.jsonl"
    assert run("export", str(export), *data_dir).exit_code == 0
    downloaded = reviewer  # a reviewer may not take it away
    assert downloaded.get("/audit/export.jsonl").status_code == 403
    assert "intact" in run("verify", "--file", str(export), "--head", head).output
    lines = export.read_text("utf-8").splitlines(keepends=True)
    export.write_text("".join(lines[:-2]), "utf-8")
    assert "intact" in run("verify", "--file", str(export)).output
    cut = run("verify", "--file", str(export), "--head", head)
    assert (cut.exit_code, "cut_off" in cut.output) == (1, True)
    assert cut.exception.exit_code == 12
    export.write_text("".join([*lines[:2], "{not json\n", *lines[3:]]), "utf-8")
    damaged = run("verify", "--file", str(export))
    assert {"incomplete", "gap"} <= set(re.findall(r"\t(\w+)\t", damaged.output))
    assert run("verify", "--head", "nonsense", *data_dir).exception.exit_code == 2
    with sessions.begin() as session:
        note_head(settings.resolved_data_dir, read_head(session))
        session.execute(text("alter table audit_events disable trigger all"))
        session.execute(text("delete from audit_events where sequence = :last"), {"last": sequence})
    assert "cut_off" in run("verify", *data_dir).output


def test_worker_notes_the_head_once_and_mends_a_torn_line(
    worker_context: WorkerContext, reviewer: TestClient
) -> None:
    del reviewer  # creating and signing in are two entries
    folder = worker_context.settings.resolved_data_dir
    anchor_head(worker_context)
    anchor_head(worker_context)
    with worker_context.sessions() as session:
        head = read_head(session)
    assert read_heads(folder) == [head]
    path = next(folder.glob("audit-heads*"))
    with path.open("a", encoding="utf-8") as stream:
        stream.write('{"sequence": 9')
    later = Head(10, "f" * 64)
    assert note_head(folder, later)
    assert read_heads(folder) == [head, later]
