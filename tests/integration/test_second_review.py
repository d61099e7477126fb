"""A second person looks without knowing the first verdict; an arbiter settles; all is undone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from serving.accounts.roles import Role
from serving.accounts.users import disable_user
from serving.db.tables import BlindTaskRow, CandidateRow
from serving.jobs.context import WorkerContext
from serving.jobs.grouping import regroup
from serving.review.blind.tasks import blind_ids
from serving.settings import ServingSettings
from tests.e2e.seed import seed_candidates
from tests.second_looks import decide, draw_always, state_of, undo

SignIn = Callable[[str, Role], TestClient]


@pytest.fixture
def ids(settings: ServingSettings, tmp_path: Path, sessions: sessionmaker[Session]) -> list[int]:
    """Four candidates, of which the first alone is of the urgent tier."""
    ids = seed_candidates(settings.database_url, settings.data_dir, tmp_path / "seeded")
    with sessions.begin() as session:
        for row in session.scalars(select(CandidateRow)):
            row.tier = "urgent" if row.id == ids[0] else "normal"
    return ids


@pytest.fixture
def first(sign_in: SignIn) -> TestClient:
    return sign_in("firstly", Role.REVIEWER)


@pytest.fixture
def second(sign_in: SignIn) -> TestClient:
    return sign_in("secondly", Role.REVIEWER)


@pytest.fixture
def arbiter(sign_in: SignIn) -> TestClient:
    return sign_in("arbiter", Role.ARBITER)


def tasks(sessions: sessionmaker[Session], candidate_id: int) -> list[tuple[str, str]]:
    with sessions() as session:
        rows = session.scalars(
            select(BlindTaskRow)
            .where(BlindTaskRow.candidate_id == candidate_id)
            .order_by(BlindTaskRow.id)
        )
        return [(row.kind, row.state) for row in rows]


def real_state(sessions: sessionmaker[Session], candidate_id: int) -> str:
    with sessions() as session:
        return session.get_one(CandidateRow, candidate_id).state


def test_first_decision_counts_at_once_and_the_second_agrees_blindly(
    ids: list[int], first: TestClient, second: TestClient, sessions: sessionmaker[Session]
) -> None:
    urgent = ids[0]
    assert decide(first, urgent, "confirm").json()["state"] == "confirmed"
    assert tasks(sessions, urgent) == [("urgent", "open")]
    assert (state_of(first, urgent), state_of(second, urgent)) == ("confirmed", "pending")
    answer = decide(second, urgent, "confirm")
    assert (answer.status_code, answer.json()["state"]) == (201, "confirmed")
    assert tasks(sessions, urgent) == [("urgent", "agreed")]
    history = second.get(f"/candidates/{urgent}").json()["history"]
    assert [each["kind"] for each in history] == ["decision", "opinion"]


def test_what_is_neither_urgent_nor_drawn_nor_asked_for_is_not_looked_at_again(
    ids: list[int], first: TestClient, second: TestClient, sessions: sessionmaker[Session]
) -> None:
    decide(first, ids[-1], "confirm")
    assert tasks(sessions, ids[-1]) == []
    assert state_of(second, ids[-1]) == "confirmed"


def test_a_share_of_the_rest_is_drawn(
    ids: list[int],
    first: TestClient,
    sessions: sessionmaker[Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw_always(monkeypatch, 0.099)
    decide(first, ids[-1], "reject")
    assert tasks(sessions, ids[-1]) == [("sample", "open")]


def test_dispute_is_settled_by_an_arbiter_alone_and_every_step_can_be_undone(
    ids: list[int],
    first: TestClient,
    second: TestClient,
    arbiter: TestClient,
    sessions: sessionmaker[Session],
) -> None:
    urgent = ids[0]
    said_first = decide(first, urgent, "confirm")
    said_second = decide(second, urgent, "reject")
    assert said_second.json()["state"] == "rejected"
    assert real_state(sessions, urgent) == "confirmed"
    assert tasks(sessions, urgent) == [("urgent", "disputed")]
    for client in (first, second):
        refused = decide(client, urgent, "reject", expected_state="confirmed")
        assert (refused.status_code, refused.json()["code"]) == (409, "in_dispute")

    ruling = decide(arbiter, urgent, "reject", expected_state="confirmed")
    assert ruling.json()["state"] == real_state(sessions, urgent) == "rejected"
    assert tasks(sessions, urgent) == [("urgent", "settled")]
    assert undo(second, said_second).json()["code"] == "decision_superseded"
    assert undo(first, said_first).json()["code"] == "decision_superseded"

    assert undo(arbiter, ruling).json()["state"] == "confirmed"
    assert tasks(sessions, urgent) == [("urgent", "disputed")]
    assert undo(second, said_second).json()["state"] == "pending"
    assert tasks(sessions, urgent) == [("urgent", "open")]
    assert real_state(sessions, urgent) == "confirmed"
    assert undo(first, said_first).json()["state"] == "pending"
    assert tasks(sessions, urgent) == [("urgent", "cancelled")]


def test_arbiter_who_is_a_party_cannot_settle_it(
    ids: list[int], second: TestClient, arbiter: TestClient, sign_in: SignIn
) -> None:
    decide(arbiter, ids[0], "confirm")
    decide(second, ids[0], "reject")
    refused = decide(arbiter, ids[0], "confirm", expected_state="confirmed")
    assert (refused.status_code, refused.json()["code"]) == (409, "own_dispute")
    other = sign_in("other", Role.ARBITER)
    assert decide(other, ids[0], "confirm", expected_state="confirmed").status_code == 201


def test_overruling_while_nobody_answered_ends_the_second_look(
    ids: list[int],
    first: TestClient,
    second: TestClient,
    arbiter: TestClient,
    sessions: sessionmaker[Session],
) -> None:
    decide(first, ids[0], "confirm")
    ruling = decide(arbiter, ids[0], "reject", expected_state="confirmed")
    assert tasks(sessions, ids[0]) == [("urgent", "cancelled")]
    assert state_of(second, ids[0]) == "rejected"
    undo(arbiter, ruling)
    assert tasks(sessions, ids[0]) == [("urgent", "open")]
    assert state_of(second, ids[0]) == "pending"


def test_who_is_blind_cannot_find_out_by_trying(
    ids: list[int], first: TestClient, second: TestClient
) -> None:
    decide(first, ids[0], "confirm")
    for state in ("confirmed", "rejected", "unsure", "duplicate"):
        refused = decide(second, ids[0], "confirm", expected_state=state)
        assert (refused.status_code, refused.json()["code"]) == (409, "already_decided")
        assert "pending" in refused.json()["detail"]
    revision = second.get(f"/candidates/{ids[0]}").json()["revision"]
    other = {"id": ids[2], "revision": 1}
    body = {"revision": revision, "others": [other]}
    merge = second.post(f"/candidates/{ids[0]}/merge", json=body)
    assert merge.json()["code"] == "grouping_not_now"
    body = {"revision": 1, "others": [{"id": ids[0], "revision": revision}]}
    assert second.post(f"/candidates/{ids[2]}/merge", json=body).status_code == 409
    assert second.post(f"/candidates/{ids[2]}/merge", json=body).json()["code"] == (
        "grouping_not_now"
    )
    split = {"revision": revision, "sightings": [1]}
    assert second.post(f"/candidates/{ids[0]}/split", json=split).json()["code"] == (
        "grouping_not_now"
    )


def test_duplicate_of_something_blind_is_refused_without_saying_why(
    ids: list[int], first: TestClient, second: TestClient
) -> None:
    decide(first, ids[0], "duplicate", duplicate_of=ids[1])
    refused = decide(second, ids[3], "duplicate", duplicate_of=ids[0])
    assert refused.json()["code"] == "invalid_duplicate"
    assert "is a duplicate" not in refused.text


def test_asking_opens_a_second_look_now_or_with_the_first_decision(
    ids: list[int], first: TestClient, second: TestClient, sessions: sessionmaker[Session]
) -> None:
    decided, pending = ids[3], ids[2]
    decide(first, decided, "reject")
    for _ in range(2):
        assert first.post(f"/candidates/{decided}/second-opinion", json={}).status_code == 201
    assert tasks(sessions, decided) == [("asked", "open")]
    first.post(f"/candidates/{pending}/second-opinion", json={"note": "hard to see"})
    assert tasks(sessions, pending) == [("asked", "waiting")]
    said = decide(second, pending, "unsure")
    assert tasks(sessions, pending) == [("asked", "open")]
    assert state_of(first, pending) == "pending"
    undo(second, said)
    assert tasks(sessions, pending) == [("asked", "waiting")]


def test_a_third_look_can_be_asked_for_and_settled_by_another_arbiter(
    ids: list[int],
    first: TestClient,
    second: TestClient,
    sign_in: SignIn,
    sessions: sessionmaker[Session],
) -> None:
    arbiter, third = sign_in("arbiter", Role.ARBITER), sign_in("thirdly", Role.REVIEWER)
    for client in (first, second):
        decide(client, ids[0], "confirm")
    assert second.post(f"/candidates/{ids[0]}/second-opinion", json={}).status_code == 201
    assert [state_of(each, ids[0]) for each in (first, second, third)] == [
        "confirmed",
        "confirmed",
        "pending",
    ]
    decide(third, ids[0], "reject")
    assert tasks(sessions, ids[0]) == [("urgent", "agreed"), ("asked", "disputed")]
    assert decide(arbiter, ids[0], "reject", expected_state="confirmed").status_code == 201
    assert tasks(sessions, ids[0]) == [("urgent", "agreed"), ("asked", "settled")]


def test_who_took_their_own_first_word_back_may_still_judge_blindly(
    ids: list[int], first: TestClient, second: TestClient, sessions: sessionmaker[Session]
) -> None:
    undo(second, decide(second, ids[0], "reject"))
    decide(first, ids[0], "confirm")
    assert state_of(second, ids[0]) == "pending"
    assert decide(second, ids[0], "confirm").status_code == 201
    assert tasks(sessions, ids[0]) == [("urgent", "cancelled"), ("urgent", "agreed")]


def test_the_same_key_is_the_same_opinion(
    ids: list[int], first: TestClient, second: TestClient, sessions: sessionmaker[Session]
) -> None:
    decide(first, ids[0], "confirm")
    path, key = f"/candidates/{ids[0]}/decisions", {"Idempotency-Key": "abc"}
    once = second.post(path, json={"verdict": "reject"}, headers=key)
    again = second.post(path, json={"verdict": "reject"}, headers=key)
    assert once.json() == again.json()
    assert tasks(sessions, ids[0]) == [("urgent", "disputed")]


def test_photos_that_changed_meanwhile_do_not_count_as_the_same_evidence(
    ids: list[int], first: TestClient, second: TestClient, sessions: sessionmaker[Session]
) -> None:
    decide(first, ids[0], "confirm")
    with sessions.begin() as session:
        session.get_one(CandidateRow, ids[0]).revision += 1
    decide(second, ids[0], "confirm")
    with sessions() as session:
        assert not session.scalars(select(BlindTaskRow)).one().same_evidence


def test_processing_again_keeps_tasks_and_who_waits_for_them(
    ids: list[int],
    first: TestClient,
    second: TestClient,
    worker_context: WorkerContext,
) -> None:
    decide(first, ids[0], "confirm")
    first.post(f"/candidates/{ids[3]}/second-opinion", json={})
    with worker_context.sessions.begin() as session:
        flight_id = session.get_one(CandidateRow, ids[0]).flight_id
        regroup(session, worker_context.store, flight_id)
    assert state_of(second, ids[0]) == "pending"
    assert tasks(worker_context.sessions, ids[3]) == [("asked", "waiting")]


def test_a_disabled_person_leaves_the_second_look_to_the_next(
    ids: list[int],
    first: TestClient,
    second: TestClient,
    sign_in: SignIn,
    sessions: sessionmaker[Session],
) -> None:
    third = sign_in("thirdly", Role.REVIEWER)
    decide(first, ids[0], "confirm")
    with sessions.begin() as session:
        disable_user(session, "secondly")
        disable_user(session, "firstly")
    assert second.get("/me").status_code == 401
    assert decide(third, ids[0], "reject").status_code == 201
    assert tasks(sessions, ids[0]) == [("urgent", "disputed")]


def test_only_reviewers_are_asked_blindly(
    ids: list[int], first: TestClient, sessions: sessionmaker[Session], sign_in: SignIn
) -> None:
    people = {role: sign_in(role.value, role) for role in Role}
    decide(first, ids[0], "confirm")
    with sessions() as session:
        blind = {
            role
            for role, client in people.items()
            if blind_ids(session, client.get("/me").json()["id"], ids)
        }
    assert blind == {Role.REVIEWER}
