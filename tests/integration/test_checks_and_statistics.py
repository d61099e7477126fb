"""Checks come back hidden and touch nothing; the statistics say what the events say."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from serving.accounts.roles import Role
from serving.db.tables import BlindTaskRow, CandidateRow
from serving.review.blind import said
from serving.review.rules import load_rules
from serving.settings import ServingSettings
from serving.web.vendor import list_missing
from tests.e2e.seed import seed_candidates
from tests.second_looks import decide, draw_always, state_of, undo

SignIn = Callable[[str, Role], TestClient]


@pytest.fixture
def ids(settings: ServingSettings, tmp_path: Path, sessions: sessionmaker[Session]) -> list[int]:
    """Four candidates, all of the urgent tier."""
    ids = seed_candidates(settings.database_url, settings.data_dir, tmp_path / "seeded")
    with sessions.begin() as session:
        for row in session.scalars(select(CandidateRow)):
            row.tier = "urgent"
    return ids


@pytest.fixture
def pair(sign_in: SignIn) -> tuple[TestClient, TestClient]:
    """Two reviewers."""
    return sign_in("anna", Role.REVIEWER), sign_in("bo", Role.REVIEWER)


def checks_of(sessions: sessionmaker[Session]) -> list[tuple[int, str, str]]:
    with sessions() as session:
        rows = session.scalars(select(BlindTaskRow).where(BlindTaskRow.kind == "check"))
        return [(row.candidate_id, str(row.truth), row.state) for row in rows]


def test_what_two_agreed_on_comes_back_hidden_to_a_third_and_is_not_touched(
    ids: list[int],
    pair: tuple[TestClient, TestClient],
    sign_in: SignIn,
    sessions: sessionmaker[Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for client in pair:
        decide(client, ids[0], "confirm")
    third = sign_in("cai", Role.REVIEWER)
    assert state_of(third, ids[0]) == "confirmed"
    draw_always(monkeypatch, 0.0)
    decide(third, ids[1], "reject")
    assert checks_of(sessions) == [(ids[0], "confirm", "open")]
    assert (state_of(third, ids[0]), state_of(pair[0], ids[0])) == ("pending", "confirmed")
    pending = third.get("/candidates?state=pending").json()["items"]
    assert ids[0] in [item["id"] for item in pending]

    missed = decide(third, ids[0], "reject")
    assert (missed.status_code, missed.json()["state"]) == (201, "rejected")
    assert state_of(third, ids[0]) == "confirmed"
    assert checks_of(sessions) == [(ids[0], "confirm", "answered")]
    own = third.get("/statistics/mine").json()
    assert (own["recall"]["hits"], own["recall"]["count"]) == (0, 1)
    assert own["recall"]["high"] == pytest.approx(0.7935, abs=1e-4)
    assert undo(third, missed).json()["state"] == "pending"
    assert third.get("/statistics/mine").json()["recall"]["count"] == 0
    decide(third, ids[0], "confirm")
    own = third.get("/statistics/mine").json()
    assert (own["recall"]["hits"], own["recall"]["count"]) == (1, 1)
    for client in pair:
        history = client.get(f"/candidates/{ids[0]}").json()["history"]
        assert "cai" not in [event["made_by"] for event in history]


def test_a_check_asks_no_more_once_its_truth_is_in_doubt(
    ids: list[int],
    sign_in: SignIn,
    pair: tuple[TestClient, TestClient],
    sessions: sessionmaker[Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arbiter, third = sign_in("arbiter", Role.ARBITER), sign_in("cai", Role.REVIEWER)
    for client in pair:
        decide(client, ids[0], "confirm")
    draw_always(monkeypatch, 0.0)
    decide(third, ids[1], "reject")
    assert decide(arbiter, ids[0], "reject", expected_state="confirmed").status_code == 201
    assert checks_of(sessions) == [(ids[0], "confirm", "cancelled")]
    assert state_of(third, ids[0]) == "rejected"


def test_engineers_and_arbiters_mark_what_is_certain(
    ids: list[int],
    engineer: TestClient,
    sign_in: SignIn,
    sessions: sessionmaker[Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arbiter, reviewer = sign_in("arbiter", Role.ARBITER), sign_in("cai", Role.REVIEWER)
    path = f"/candidates/{ids[0]}/check-mark"
    refused = engineer.post(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_certain")
    with sessions.begin() as session:
        for row in session.scalars(select(CandidateRow)):
            row.tier = "normal"
    decide(arbiter, ids[0], "reject")
    assert engineer.post(path).json() == {"candidate_id": ids[0], "truth": "reject"}
    assert engineer.post(path).status_code == 201
    assert engineer.delete(path).status_code == 204
    assert engineer.delete(path).status_code == 204
    draw_always(monkeypatch, 0.01)
    decide(reviewer, ids[1], "reject")
    assert checks_of(sessions) == []
    assert engineer.post(path).status_code == 201
    decide(reviewer, ids[2], "reject")
    assert checks_of(sessions) == [(ids[0], "reject", "open")]
    decide(reviewer, ids[0], "confirm")
    own = reviewer.get("/statistics/mine").json()
    assert (own["false_confirms"]["hits"], own["false_confirms"]["count"]) == (1, 1)


def test_statistics_count_agreement_by_class_person_and_pair(
    ids: list[int], pair: tuple[TestClient, TestClient], admin: TestClient
) -> None:
    anna, bo = pair
    for number, (first, second) in enumerate(
        [("confirm", "confirm"), ("reject", "reject"), ("confirm", "reject"), ("reject", "reject")]
    ):
        early, late = (anna, bo) if number < 3 else (bo, anna)
        decide(early, ids[number], first)
        decide(late, ids[number], second)
    team = admin.get("/statistics").json()
    # p_o = 3/4; anna says confirm 2 of 4, bo 1 of 4: p_e = 1/2*1/4 + 1/2*3/4 = 1/2.
    (found,) = team["pairs"]
    assert found["usernames"] == ["anna", "bo"]
    assert (found["agreement"]["count"], found["agreement"]["agreed"]) == (4, 3)
    assert found["agreement"]["kappa"] == pytest.approx(0.5)
    assert sum(each["count"] for each in team["classes"].values()) == 4
    assert [each["username"] for each in team["people"]] == ["anna", "bo"]
    assert [each["agreement"]["kappa"] for each in team["people"]] == pytest.approx([0.5, 0.5])
    assert team["waiting"]["disputed"] == 1
    mine = anna.get("/statistics/mine").json()
    assert mine["load"]["verdicts"] == {"confirm": 2, "reject": 2}
    assert sum(mine["load"]["per_day"].values()) == 4
    assert mine["load"]["timed"] <= 3


def test_a_slip_does_not_count_and_a_change_of_mind_does(
    ids: list[int], pair: tuple[TestClient, TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, bo = pair
    decide(anna, ids[0], "confirm")
    undo(bo, decide(bo, ids[0], "reject"))
    decide(bo, ids[0], "confirm")
    counted = bo.get("/statistics/mine").json()["agreement"]
    assert (counted["count"], counted["agreed"]) == (1, 1)
    rules = load_rules()
    slow = rules.second_review.model_copy(update={"slip_s": 0.0})
    changed = rules.model_copy(update={"second_review": slow})
    monkeypatch.setattr(said, "load_rules", lambda: changed)
    counted = bo.get("/statistics/mine").json()["agreement"]
    assert (counted["count"], counted["agreed"]) == (1, 0)


def test_what_was_asked_for_is_no_measure_of_people(
    ids: list[int], pair: tuple[TestClient, TestClient], sessions: sessionmaker[Session]
) -> None:
    with sessions.begin() as session:
        session.get_one(CandidateRow, ids[0]).tier = "normal"
    anna, bo = pair
    decide(anna, ids[0], "confirm")
    anna.post(f"/candidates/{ids[0]}/second-opinion", json={})
    decide(bo, ids[0], "reject")
    assert bo.get("/statistics/mine").json()["agreement"]["count"] == 0


@pytest.mark.skipif(bool(list_missing()), reason="the third-party scripts are not set up")
def test_pages_show_the_two_verdicts_without_names_and_hazards_as_under_review(
    ids: list[int], pair: tuple[TestClient, TestClient], sign_in: SignIn
) -> None:
    anna, bo = pair
    arbiter = sign_in("arbiter", Role.ARBITER)
    site = "http://testserver"
    empty = arbiter.get(f"{site}/disputes")
    assert (empty.status_code, "data-dispute" in empty.text) == (200, False)
    decide(anna, ids[0], "confirm", note="open lid")
    decide(bo, ids[0], "reject", note="a shadow")
    (item,) = arbiter.get("/disputes").json()["items"]
    assert [side["username"] for side in item["sides"]] == [None, None]
    for path in ("/disputes", "/hazards", f"/review/{ids[0]}", f"/disputes/{item['id']}/panel"):
        text = arbiter.get(site + path).text
        assert "anna" not in text, path
        assert not re.search(r">\s*bo\b", text), path
    page = arbiter.get(f"{site}/disputes").text
    assert "open lid" in page
    assert "a shadow" in page
    assert arbiter.get("/hazards").json()["items"][0]["in_dispute"] is True
    decide(arbiter, ids[0], "confirm", expected_state="confirmed")
    named = arbiter.get(f"{site}/disputes/{item['id']}/panel").text
    assert "anna" in named
    assert arbiter.get("/hazards").json()["items"][0]["in_dispute"] is False
    assert [arbiter.get(f"{site}/statistics?days={days}").status_code for days in (7, 366)] == [
        200,
        200,
    ]
