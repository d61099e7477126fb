"""Rejecting what looks alike, in one act and back; the stack of what a person can take back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from serving.accounts.roles import Role
from serving.db.tables import (
    AuditEventRow,
    BulkActRow,
    CandidateRow,
    ClaimRow,
    DetectionAppearanceRow,
    FlightRow,
    SightingRow,
)
from serving.jobs.context import WorkerContext
from serving.jobs.flights import submit_flight
from serving.review import bulk
from tests.job_runner import run_jobs
from tests.second_looks import decide, draw_always

WEIGHTS = "f" * 64


@pytest.fixture
def candidates(flight_of: Callable[[int], FlightRow], worker_context: WorkerContext) -> list[int]:
    """Six candidates of one flight that nobody calls urgent, oldest first."""
    flight = flight_of(6)
    with worker_context.sessions.begin() as session:
        submit_flight(session, flight.id)
    run_jobs(worker_context)
    with worker_context.sessions.begin() as session:
        session.execute(update(CandidateRow).values(tier="normal"))
        return list(session.scalars(select(CandidateRow.id).order_by(CandidateRow.id)))


def describe(sessions: sessionmaker[Session], angles_deg: Mapping[int, float]) -> None:
    """Give candidates vectors in a plane: the cosine of the difference is their likeness."""
    with sessions.begin() as session:
        for candidate_id, angle in angles_deg.items():
            turn = np.deg2rad(angle)
            vector = np.array([np.cos(turn), np.sin(turn)], "<f2").tobytes()
            statement = select(SightingRow.detection_id).where(
                SightingRow.candidate_id == candidate_id
            )
            for detection_id in session.scalars(statement):
                session.merge(
                    DetectionAppearanceRow(
                        detection_id=detection_id, weights_sha256=WEIGHTS, vector=vector
                    )
                )


def members(candidate_ids: list[int], **more: object) -> dict[str, object]:
    rows = [{"id": each, "revision": 1} for each in candidate_ids]
    return {"anchor_id": candidate_ids[0], "members": rows} | more


def states(sessions: sessionmaker[Session]) -> dict[int, str]:
    with sessions() as session:
        rows = session.execute(select(CandidateRow.id, CandidateRow.state))
        return {row.id: row.state for row in rows}


def snapshot(sessions: sessionmaker[Session]) -> list[tuple[object, ...]]:
    """Return every column of every candidate."""
    with sessions() as session:
        rows = session.execute(text("select to_jsonb(c) from candidates c order by id"))
        return [tuple(row) for row in rows]


def test_the_most_alike_come_first_and_the_others_not_at_all(
    reviewer: TestClient, candidates: list[int], sessions: sessionmaker[Session]
) -> None:
    describe(sessions, dict(zip(candidates, (0, 20, 5, 90, 40, 180), strict=True)))
    path = f"/candidates/{candidates[0]}/similar"
    answer = reviewer.get(path, params={"min_similarity": 0.7}).json()
    assert answer["ready"]
    assert answer["weights_sha256"] == WEIGHTS
    assert [item["id"] for item in answer["items"]] == [candidates[i] for i in (2, 1, 4)]
    likeness = [item["similarity"] for item in answer["items"]]
    assert likeness == pytest.approx(np.cos(np.deg2rad([5, 20, 40])), abs=1e-3)
    shorter = reviewer.get(path, params={"min_similarity": 0.7, "limit": 1}).json()
    assert (len(shorter["items"]), shorter["total"]) == (1, 3)
    other_flight = reviewer.get(path, params={"min_similarity": 0.7, "flight_id": 999}).json()
    assert other_flight["items"] == []


def test_urgent_held_and_decided_ones_are_not_offered(
    reviewer: TestClient,
    candidates: list[int],
    sessions: sessionmaker[Session],
    sign_in: Callable[[str, Role], TestClient],
) -> None:
    describe(sessions, dict.fromkeys(candidates, 0.0))
    anchor, urgent, held, decided, *free = candidates
    with sessions.begin() as session:
        session.execute(update(CandidateRow).where(CandidateRow.id == urgent).values(tier="urgent"))
    colleague = sign_in("colleague", Role.REVIEWER)
    assert colleague.post(f"/candidates/{held}/claim", json={}).status_code == 200
    reviewer.post(f"/candidates/{decided}/decisions", json={"verdict": "confirm"})
    answer = reviewer.get(f"/candidates/{anchor}/similar").json()
    assert [item["id"] for item in answer["items"]] == free
    assert answer["left_out"] == {"urgent_tier": 1, "claimed_by_other": 1}


def test_what_somebody_is_to_judge_blindly_is_offered_as_before(
    reviewer: TestClient,
    candidates: list[int],
    sessions: sessionmaker[Session],
    sign_in: Callable[[str, Role], TestClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    describe(sessions, dict.fromkeys(candidates, 0.0))
    colleague = sign_in("colleague", Role.REVIEWER)
    path = f"/candidates/{candidates[0]}/similar"
    before = colleague.get(path).json()
    draw_always(monkeypatch, 0.0)  # a second look is opened
    assert decide(reviewer, candidates[1], "confirm").status_code == 201
    assert colleague.get(path).json() == before
    assert len(before["items"]) == 5


def test_the_same_bulk_act_sent_twice_at_once_is_one(
    reviewer: TestClient, candidates: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first request ends while the second waits for the candidates."""
    headers, wanted = {"Idempotency-Key": "twice"}, members(candidates[:3])
    lock, answers = bulk._lock, []

    def send_first(session: Session, ids: Sequence[int]) -> dict[int, CandidateRow]:
        monkeypatch.setattr(bulk, "_lock", lock)
        answers.append(reviewer.post("/bulk", json=wanted, headers=headers))
        return lock(session, ids)

    monkeypatch.setattr(bulk, "_lock", send_first)
    answers.append(reviewer.post("/bulk", json=wanted, headers=headers))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


def test_what_is_not_described_is_ordered(
    reviewer: TestClient, candidates: list[int], sessions: sessionmaker[Session]
) -> None:
    path = f"/candidates/{candidates[0]}/similar"
    answer = reviewer.get(path).json()
    assert (answer["ready"], answer["items"], answer["incomplete"]) == (False, [], True)
    reviewer.get(path)  # asked again, nothing more is ordered
    with sessions() as session:
        ordered = session.scalar(
            text(
                "select count(*) from procrastinate_jobs"
                " where task_name = 'hazardlens.describe_flight' and status = 'todo'"
            )
        )
    assert ordered == 1


def test_bulk_is_one_act_and_undone_restores_everything_exactly(
    reviewer: TestClient, candidates: list[int], sessions: sessionmaker[Session]
) -> None:
    reviewer.post(f"/candidates/{candidates[5]}/decisions", json={"verdict": "confirm"})
    before = snapshot(sessions)
    headers = {"Idempotency-Key": "together"}
    wanted = members(candidates[:4], min_similarity=0.9, note="树影")
    act = reviewer.post("/bulk", json=wanted, headers=headers)
    assert act.status_code == 201
    assert act.json()["candidate_ids"] == candidates[:4]
    again = reviewer.post("/bulk", json=wanted, headers=headers)
    assert again.json() == act.json()
    assert [states(sessions)[each] for each in candidates[:5]] == ["rejected"] * 4 + ["pending"]
    bulk_id = act.json()["id"]
    undone = reviewer.post(f"/bulk/{bulk_id}/undo", headers={"Idempotency-Key": "back"})
    assert undone.json()["candidate_ids"] == candidates[:4]
    assert undone.json()["left_out"] == []
    assert snapshot(sessions) == before
    repeated = reviewer.post(f"/bulk/{bulk_id}/undo", headers={"Idempotency-Key": "back"})
    assert repeated.json() == undone.json()
    assert reviewer.post(f"/bulk/{bulk_id}/undo").json()["code"] == "already_undone"
    with sessions() as session:
        acts = select(AuditEventRow.act).where(AuditEventRow.subject_kind == "bulk")
        assert list(session.scalars(acts.order_by(AuditEventRow.sequence))) == [
            "bulk_reject",
            "undo_bulk",
        ]


def test_bulk_leaves_out_and_names_what_is_not_as_seen(
    reviewer: TestClient,
    candidates: list[int],
    sessions: sessionmaker[Session],
    sign_in: Callable[[str, Role], TestClient],
) -> None:
    anchor, urgent, held, decided, changed, _ = candidates
    with sessions.begin() as session:
        session.execute(update(CandidateRow).where(CandidateRow.id == urgent).values(tier="urgent"))
        session.execute(update(CandidateRow).where(CandidateRow.id == changed).values(revision=2))
    colleague = sign_in("colleague", Role.REVIEWER)
    colleague.post(f"/candidates/{held}/claim", json={})
    colleague.post(f"/candidates/{decided}/decisions", json={"verdict": "confirm"})
    wanted = members([anchor, urgent, held, decided, changed])
    answer = reviewer.post("/bulk", json=wanted).json()
    assert answer["candidate_ids"] == [anchor]
    assert {each["candidate_id"]: each["code"] for each in answer["left_out"]} == {
        urgent: "urgent_tier",
        held: "claimed_by_other",
        decided: "already_decided",
        changed: "candidate_changed",
    }
    assert states(sessions)[decided] == "confirmed"
    nothing = reviewer.post("/bulk", json=members([urgent, held]))
    assert (nothing.status_code, nothing.json()["code"]) == (409, "bulk_empty")
    with sessions() as session:
        assert len(session.scalars(select(BulkActRow)).all()) == 1


def test_undo_of_bulk_leaves_what_somebody_decided_since(
    reviewer: TestClient,
    candidates: list[int],
    sessions: sessionmaker[Session],
    sign_in: Callable[[str, Role], TestClient],
) -> None:
    one, two, three, *_ = candidates
    act = reviewer.post("/bulk", json=members([one, two, three])).json()
    colleague = sign_in("colleague", Role.REVIEWER)
    overruled = colleague.post(
        f"/candidates/{two}/decisions", json={"verdict": "confirm", "expected_state": "rejected"}
    )
    assert overruled.status_code == 201
    theirs = colleague.post(f"/bulk/{act['id']}/undo")
    assert theirs.json()["code"] == "not_your_decision"
    undone = reviewer.post(f"/bulk/{act['id']}/undo").json()
    assert undone["candidate_ids"] == [one, three]
    assert undone["left_out"] == [{"candidate_id": two, "code": "decision_superseded"}]
    assert [states(sessions)[each] for each in (one, two, three)] == [
        "pending",
        "confirmed",
        "pending",
    ]


def test_bulk_acts_are_never_changed_in_the_database(
    reviewer: TestClient, candidates: list[int], sessions: sessionmaker[Session]
) -> None:
    reviewer.post("/bulk", json=members(candidates[:2]))
    for statement in ("delete from bulk_act_members", "update bulk_acts set anchor_id = 1"):
        with sessions() as session, pytest.raises(DBAPIError, match="append-only"):
            session.execute(text(statement))


def test_the_stack_holds_all_kinds_latest_first_and_empties_act_by_act(
    reviewer: TestClient, candidates: list[int], sessions: sessionmaker[Session]
) -> None:
    before = snapshot(sessions)
    one, two, three, four, *_ = candidates
    reviewer.post(f"/candidates/{one}/decisions", json={"verdict": "confirm"})
    reviewer.post("/bulk", json=members([two, three]))
    reviewer.post(
        f"/candidates/{one}/decisions", json={"verdict": "unsure", "expected_state": "confirmed"}
    )
    reviewer.post(f"/candidates/{four}/decisions", json={"verdict": "reject"})
    taken = []
    while items := reviewer.get("/me/acts").json()["items"]:
        last = items[0]
        taken.append((last["kind"], last["candidate_ids"], last["state_before"]))
        assert reviewer.post(last["undo_path"]).status_code == 200
    assert taken == [
        ("decision", [four], "pending"),
        ("decision", [one], "confirmed"),
        ("bulk", [two, three], "pending"),
        ("decision", [one], "pending"),
    ]
    assert snapshot(sessions) == before


def test_the_stack_is_each_persons_own_and_holds_nothing_superseded(
    reviewer: TestClient,
    candidates: list[int],
    sign_in: Callable[[str, Role], TestClient],
) -> None:
    one, *_ = candidates
    colleague = sign_in("colleague", Role.REVIEWER)
    reviewer.post(f"/candidates/{one}/decisions", json={"verdict": "confirm"})
    assert colleague.get("/me/acts").json()["items"] == []
    colleague.post(
        f"/candidates/{one}/decisions", json={"verdict": "reject", "expected_state": "confirmed"}
    )
    assert reviewer.get("/me/acts").json()["items"] == []
    [theirs] = colleague.get("/me/acts").json()["items"]
    colleague.post(theirs["undo_path"])
    assert [each["candidate_ids"] for each in reviewer.get("/me/acts").json()["items"]] == [[one]]


def test_members_of_a_bulk_are_no_acts_of_their_own(
    reviewer: TestClient, candidates: list[int], sessions: sessionmaker[Session]
) -> None:
    reviewer.post("/bulk", json=members(candidates[:3]))
    [act] = reviewer.get("/me/acts").json()["items"]
    assert (act["kind"], act["candidate_ids"]) == ("bulk", candidates[:3])
    with sessions() as session:
        assert session.scalars(select(ClaimRow)).all() == []
