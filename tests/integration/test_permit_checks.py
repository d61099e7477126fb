"""The checklist of permits: answered one by one, kept for ever, taken back, never spoken over."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.hazard import HazardClass
from serving.accounts.roles import Role
from serving.audit.cross_check import cross_check
from serving.db.tables import AuditEventRow, FlightRow, PermitEventRow, PhotoRow
from serving.jobs.context import WorkerContext
from tests.integration.seen_covers import see_covers
from tests.second_looks import decide, draw_always

FlightOf = Callable[[int], FlightRow]
SignIn = Callable[[str, Role], TestClient]
STOREYS = dict.fromkeys(range(3), HazardClass.ADDED_STOREY)


@pytest.fixture
def ids(worker_context: WorkerContext, flight_of: FlightOf) -> list[int]:
    """Candidates for an added storey."""
    return see_covers(worker_context, flight_of(2).id, classes=STOREYS, is_placed=False)


@pytest.fixture
def colleague(sign_in: SignIn) -> TestClient:
    return sign_in("colleague", Role.REVIEWER)


def _answer(
    client: TestClient, candidate_id: int, permit: str, answer: str, key: str = "", **more: object
) -> dict[str, Any]:
    response = client.post(
        f"/candidates/{candidate_id}/permit-checks",
        json={"permit": permit, "answer": answer} | more,
        headers={"Idempotency-Key": key} if key else {},
    )
    said: dict[str, Any] = response.json()
    return said | {"status_code": response.status_code}


def _undo(client: TestClient, check_id: int) -> dict[str, Any]:
    response = client.post(f"/permit-checks/{check_id}/undo")
    said: dict[str, Any] = response.json()
    return said | {"status_code": response.status_code}


def _read(client: TestClient, candidate_id: int) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"/candidates/{candidate_id}/permit-checks").json()
    return answer


def _standing(client: TestClient, candidate_id: int) -> dict[str, str]:
    states = _read(client, candidate_id)["permits"]
    return {each["permit"]: each["standing"]["answer"] for each in states if each["standing"]}


def test_each_permit_is_answered_with_who_when_and_why(
    reviewer: TestClient, ids: list[int]
) -> None:
    empty = _read(reviewer, ids[0])
    assert empty["is_asked"] is True
    assert [each["permit"] for each in empty["permits"]] == ["land", "planning", "construction"]
    assert _standing(reviewer, ids[0]) == {}, "nobody has said anything, not even 'to check'"
    assert _answer(reviewer, ids[0], "planning", "no", note="2019 批三层")["status_code"] == 201
    _answer(reviewer, ids[0], "land", "yes")
    planning = _read(reviewer, ids[0])["permits"][1]["standing"]
    assert (planning["answer"], planning["note"]) == ("no", "2019 批三层")
    assert planning["made_by"] == "reviewer"
    assert _standing(reviewer, ids[0]) == {"planning": "no", "land": "yes"}
    assert _standing(reviewer, ids[1]) == {}


def test_the_last_answer_holds_until_it_is_taken_back(reviewer: TestClient, ids: list[int]) -> None:
    one = _answer(reviewer, ids[0], "land", "to_check")
    two = _answer(reviewer, ids[0], "land", "no", expected_check=one["id"])
    assert _undo(reviewer, one["id"])["code"] == "permit_superseded"
    undone = _undo(reviewer, two["id"])
    assert (undone["kind"], undone["answer"]) == ("undo", "to_check"), "what holds again"
    assert _standing(reviewer, ids[0]) == {"land": "to_check"}
    assert _undo(reviewer, two["id"])["code"] == "already_undone"
    assert _undo(reviewer, undone["id"])["code"] == "permit_check_not_found"
    assert _undo(reviewer, one["id"])["answer"] is None
    history = _read(reviewer, ids[0])["history"]
    assert [(each["answer"], each["undone"]) for each in history] == [
        ("to_check", True),
        ("no", True),
    ]


def test_nobody_speaks_over_what_a_colleague_said_unseen(
    reviewer: TestClient, colleague: TestClient, ids: list[int]
) -> None:
    first = _answer(reviewer, ids[0], "planning", "no")
    blind = _answer(colleague, ids[0], "planning", "yes")
    assert (blind["status_code"], blind["code"]) == (409, "permit_changed")
    assert _answer(colleague, ids[0], "land", "yes")["status_code"] == 201, "another permit"
    seen = _answer(colleague, ids[0], "planning", "yes", expected_check=first["id"])
    assert seen["status_code"] == 201
    assert _standing(reviewer, ids[0])["planning"] == "yes"
    assert [each["answer"] for each in _read(reviewer, ids[0])["history"]] == ["no", "yes", "yes"]


def test_ones_own_answer_is_changed_without_looking_again(
    reviewer: TestClient, ids: list[int]
) -> None:
    """Two acts of one person that travel together: the second cannot know the first's number."""
    for answer in ("to_check", "no", "yes"):
        assert _answer(reviewer, ids[0], "land", answer)["status_code"] == 201
    assert _standing(reviewer, ids[0]) == {"land": "yes"}


def test_the_same_key_answers_once(reviewer: TestClient, ids: list[int]) -> None:
    one = _answer(reviewer, ids[0], "land", "no", key="k1")
    assert _answer(reviewer, ids[0], "land", "no", key="k1") == one
    assert _answer(reviewer, ids[0], "land", "yes", key="k1")["code"] == "idempotency_key_reused"
    assert _answer(reviewer, ids[1], "land", "no", key="k1")["code"] == "idempotency_key_reused"
    assert len(_read(reviewer, ids[0])["history"]) == 1


def test_only_reviewers_answer(
    reviewer: TestClient, engineer: TestClient, operator: TestClient, ids: list[int]
) -> None:
    assert _answer(engineer, ids[0], "land", "no")["status_code"] == 403
    assert operator.get(f"/candidates/{ids[0]}/permit-checks").status_code == 403
    _answer(reviewer, ids[0], "land", "no")
    assert _standing(engineer, ids[0]) == {"land": "no"}


def test_only_ones_own_answer_is_taken_back(
    reviewer: TestClient, colleague: TestClient, admin: TestClient, ids: list[int]
) -> None:
    done = _answer(reviewer, ids[0], "land", "no")
    assert _undo(colleague, done["id"])["code"] == "not_your_decision"
    assert _undo(admin, done["id"])["status_code"] == 200


def test_other_classes_have_no_permits_but_lose_none(reviewer: TestClient, ids: list[int]) -> None:
    _answer(reviewer, ids[0], "land", "no")
    reviewer.post(f"/candidates/{ids[0]}/corrections", json={"hazard_class": "facade_crack"})
    shown = _read(reviewer, ids[0])
    assert (shown["is_asked"], len(shown["history"])) == (False, 1)
    assert _answer(reviewer, ids[0], "planning", "no")["code"] == "no_permits"
    assert _answer(reviewer, ids[0], "sewage", "no")["status_code"] == 422
    assert _answer(reviewer, 999_999, "land", "no")["code"] == "candidate_not_found"


def test_answers_are_on_the_stack_of_what_can_be_undone(
    reviewer: TestClient, colleague: TestClient, ids: list[int]
) -> None:
    first = _answer(reviewer, ids[0], "land", "no")
    decide(reviewer, ids[1], "reject")
    second = _answer(reviewer, ids[0], "planning", "no")
    acts = reviewer.get("/me/acts").json()["items"]
    assert [each["kind"] for each in acts] == ["permit", "decision", "permit"]
    assert acts[0]["undo_path"] == f"/permit-checks/{second['id']}/undo"
    assert reviewer.post(acts[0]["undo_path"]).status_code == 200
    _answer(colleague, ids[0], "land", "yes", expected_check=first["id"])
    left = reviewer.get("/me/acts").json()["items"]
    assert [each["kind"] for each in left] == ["decision"], "a colleague has spoken since"


def test_answers_go_along_when_candidates_are_merged_and_come_back(
    reviewer: TestClient, ids: list[int]
) -> None:
    one, other = ids[:2]
    said = _answer(reviewer, other, "planning", "no")
    body = {"revision": 1, "others": [{"id": other, "revision": 1}]}
    merged = reviewer.post(f"/candidates/{one}/merge", json=body)
    assert merged.status_code == 201
    assert _standing(reviewer, one) == {"planning": "no"}
    assert _answer(reviewer, other, "land", "no")["code"] == "candidate_merged"
    later = _answer(reviewer, one, "planning", "yes", expected_check=said["id"])
    assert _undo(reviewer, said["id"])["code"] == "permit_superseded"
    _undo(reviewer, later["id"])
    assert _undo(reviewer, said["id"])["status_code"] == 200
    again = _answer(reviewer, one, "planning", "yes")
    assert again["status_code"] == 201
    reviewer.post(f"/groupings/{merged.json()['id']}/undo")
    assert (_standing(reviewer, one), _standing(reviewer, other)) == ({"planning": "yes"}, {})


def test_a_candidate_with_answers_stays_when_it_is_not_found_again(
    reviewer: TestClient, worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(2).id
    kept, gone, *_ = see_covers(worker_context, flight_id, classes=STOREYS, is_placed=False)
    _answer(reviewer, kept, "land", "to_check")
    with worker_context.sessions.begin() as session:
        session.get_one(FlightRow, flight_id).run += 1
        session.execute(update(PhotoRow).values(state="queued"))
    see_covers(worker_context, flight_id, places=0, config_hash="d" * 64)
    assert _standing(reviewer, kept) == {"land": "to_check"}
    assert reviewer.get(f"/candidates/{gone}").status_code == 404


def test_who_reviews_blind_sees_and_says_their_own_alone(
    reviewer: TestClient,
    colleague: TestClient,
    ids: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw_always(monkeypatch, 0.0)  # every decision is looked at twice
    before = colleague.get(f"/candidates/{ids[0]}/permit-checks").text
    _answer(reviewer, ids[0], "land", "no", note="查无批准书")
    decide(reviewer, ids[0], "confirm")
    assert colleague.get(f"/candidates/{ids[0]}/permit-checks").text == before
    assert _answer(colleague, ids[0], "land", "yes")["status_code"] == 201
    assert _standing(colleague, ids[0]) == {"land": "yes"}
    assert _standing(reviewer, ids[0]) == {"land": "no"}
    decide(colleague, ids[0], "reject")
    disputed = _read(colleague, ids[0])
    assert [each["made_by"] for each in disputed["history"]] == [""], "two disagree: no names"
    assert _read(reviewer, ids[0])["history"][0]["made_by"] == "reviewer", "but for one's own"


def test_events_cannot_be_changed_and_the_log_tells_of_them(
    reviewer: TestClient, ids: list[int], sessions: sessionmaker[Session]
) -> None:
    done = _answer(reviewer, ids[0], "land", "no", note="n")
    _undo(reviewer, done["id"])
    with sessions() as session:
        told = session.scalars(
            select(AuditEventRow)
            .where(AuditEventRow.subject_kind == "candidate")
            .order_by(AuditEventRow.sequence)
        ).all()
        assert [each.act for each in told] == ["check_permit", "undo_permit"]
        assert told[0].after is not None
        assert (told[0].after["permit"], told[0].after["answer"]) == ("land", "no")
        assert told[1].before == {"answer": "no", "note": "n"}
        assert list(cross_check(session)) == []
    for change in (update(PermitEventRow).values(note="x"), text("truncate permit_events")):
        with pytest.raises(DBAPIError, match="append-only"), sessions.begin() as session:
            session.execute(change)
    with sessions.begin() as session:
        session.execute(text("alter table permit_events disable trigger all"))
        session.execute(text("update permit_events set answer = 'yes' where kind = 'answer'"))
        assert [each.code for each in cross_check(session)] == ["event_without_entry"]


def test_the_ledger_says_which_permits_were_found(reviewer: TestClient, ids: list[int]) -> None:
    _answer(reviewer, ids[0], "land", "yes")
    _answer(reviewer, ids[0], "planning", "no", note="只批三层")
    for candidate_id in ids[:2]:
        decide(reviewer, candidate_id, "confirm")
    table = reviewer.get("/export/hazards.csv").content.decode("utf-8-sig")
    rows = {int(row["id"]): row for row in csv.DictReader(io.StringIO(table))}
    checked = rows[ids[0]]
    names = ("land_permit", "planning_permit", "construction_permit", "permit_notes")
    assert [checked[name] for name in names] == ["yes", "no", "", "planning: 只批三层"]
    assert checked["permits_checked_by"] == "reviewer"
    assert [rows[ids[1]][name] for name in names] == ["", "", "", ""]
    listed = {each["id"]: each["permits"] for each in reviewer.get("/hazards").json()["items"]}
    assert [(each["permit"], each["answer"]) for each in listed[ids[0]]] == [
        ("land", "yes"),
        ("planning", "no"),
    ]
    assert listed[ids[1]] == []
    features = reviewer.get("/export/hazards.geojson").json()["features"]
    (found,) = (each["properties"] for each in features if each["id"] == ids[0])
    assert (found["planning_permit"], found["construction_permit"]) == ("no", "")
