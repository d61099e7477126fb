"""The queue at work: its order, its pages, who holds what, shares of it, and how many are left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, func, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from serving.accounts.roles import Role
from serving.db.tables import CandidateRow, ClaimRow, QueueTallyRow, UserRow
from serving.deps import Services
from serving.jobs.context import WorkerContext
from serving.jobs.ranking import order_ranking_if_outdated
from serving.review.claims import Holder, take
from serving.review.queue import QueuePosition, claim_next, list_candidates, position_of
from serving.review.queue_filter import QueueFilter
from serving.review.risk import explain_risk
from serving.review.rules import load_rules
from serving.review.tallies import count_queue
from serving.review.unproven import mark_unproven
from tests.bench.seeded_queue import SeededQueue, seed_queue
from tests.drawn_layers import write_geojson
from tests.job_runner import run_jobs

CANDIDATES = 120
PENDING = QueueFilter(state="pending")

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture
def seeded(services: Services, tmp_path: Path) -> SeededQueue:
    """A queue of two flights."""
    return seed_queue(
        services.settings.database_url,
        services.settings.resolved_data_dir,
        tmp_path / "drawn",
        candidates=CANDIDATES,
        photos=2,
        flights=2,
        photo_px=(320, 240),
    )


@pytest.fixture
def people(sign_in: Callable[[str, Role], TestClient]) -> tuple[TestClient, TestClient]:
    return sign_in("anna", Role.REVIEWER), sign_in("bert", Role.REVIEWER)


def take_next(client: TestClient, **body: object) -> list[int]:
    answer = client.post("/queue/next", json=body)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def decide(client: TestClient, candidate_id: int, verdict: str = "reject") -> int:
    path = f"/candidates/{candidate_id}/decisions"
    status: int = client.post(path, json={"verdict": verdict}).status_code
    return status


def user_id(session: Session, name: str) -> int:
    found: int = session.scalars(select(UserRow.id).where(UserRow.username == name)).one()
    return found


def end_leases(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        session.execute(update(ClaimRow).values(expires_at=func.now() - text("interval '1 s'")))


def test_the_queue_falls_by_tier_and_by_the_risk_of_any_day(
    seeded: SeededQueue, sessions: sessionmaker[Session]
) -> None:
    with sessions() as session:
        rows = list_candidates(session, PENDING, limit=seeded.candidates)
    assert len(rows) == seeded.candidates
    tiers = ["urgent", "normal", "low"]
    assert [row.tier for row in rows] == sorted((row.tier for row in rows), key=tiers.index)
    for when in (datetime.now(UTC), datetime.now(UTC) + timedelta(days=40)):
        for tier in tiers:
            risks = [explain_risk(row, when).value for row in rows if row.tier == tier]
            assert risks == pytest.approx(sorted(risks, reverse=True))


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_pages_neither_repeat_nor_skip_while_others_decide(
    seeded: SeededQueue, sessions: sessionmaker[Session], data: st.DataObject
) -> None:
    limit = data.draw(st.integers(7, 40))
    with sessions() as session:  # rolled back at the end: the next example finds all pending
        there = {row.id for row in list_candidates(session, PENDING, limit=seeded.candidates)}
        seen: list[int] = []
        gone: set[int] = set()
        after = None
        while page := list_candidates(session, PENDING, limit=limit, after=after):
            seen += [row.id for row in page]
            after = position_of(page[-1])
            decided = data.draw(st.sets(st.sampled_from(sorted(there)), max_size=9))
            state = update(CandidateRow).where(CandidateRow.id.in_(decided))
            session.execute(state.values(state="rejected"))
            gone |= decided
    assert len(seen) == len(set(seen))
    assert there - gone <= set(seen) <= there


FILTERS: tuple[dict[str, object], ...] = (
    {},
    {"tier": "urgent"},
    {"hazard_class": "facade_crack"},
    {"area": "grid:G7"},
    {"site": "Site 2"},
    {"model": "manhole@aaaaaaaaaaaa"},
    {"min_score": 0.4, "max_score": 0.6},
    {"ambiguous": True},
    {"ambiguous": False, "tier": "normal", "area": "street:S1"},
)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (PENDING, "candidates_queue"),
        (replace(PENDING, tier="normal"), "candidates_queue"),
        (replace(PENDING, flight_id=1), "candidates_flight_queue"),
        (replace(PENDING, hazard_class="facade_crack"), "candidates_class_queue"),
    ],
)
def test_the_next_ones_are_a_stretch_of_an_index(
    sessions: sessionmaker[Session], wanted: QueueFilter, index: str
) -> None:
    seen: list[tuple[str, Any]] = []

    def keep(*told: Any) -> None:  # noqa: ANN401 - as SQLAlchemy hands them on
        _, _, statement, parameters, *_ = told
        if "ORDER BY candidates.tier DESC" in statement:
            seen.append((statement, parameters))

    with sessions.begin() as session:
        session.execute(text("set local enable_seqscan = off"))
        session.execute(text("set local enable_bitmapscan = off"))
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", keep)
        after = QueuePosition("normal", 0.0, 5)
        list_candidates(session, wanted, limit=6, after=after)
        statement, parameters = seen[0]
        plan = connection.exec_driver_sql(f"explain {statement}", parameters).scalars().all()
    told = "\n".join(plan)
    assert (
        f"Index Scan Backward using {index}" in told or f"Only Scan Backward using {index}" in told
    )
    assert "Sort" not in told
    assert "Index Cond: ((" in told
    assert "ROW(" in told


def test_a_filter_shows_counts_and_claims_the_same(
    seeded: SeededQueue, people: tuple[TestClient, TestClient], sessions: sessionmaker[Session]
) -> None:
    anna, _ = people
    for filters in FILTERS:
        query = {"state": "pending", "limit": seeded.candidates} | filters
        items = anna.get("/candidates", params=query).json()["items"]
        assert items, filters
        assert all(_fits(sessions, item["id"], filters) for item in items), filters
        counts = anna.get("/candidates/counts", params=filters).json()
        assert counts["pending"] == len(items), filters
        in_tiers = Counter(item["tier"] for item in items)
        assert all(counts["tiers"][tier] == number for tier, number in in_tiers.items()), filters
        assert take_next(anna, **filters, count=5) == [item["id"] for item in items[:5]], filters


def _fits(sessions: sessionmaker[Session], candidate_id: int, filters: dict[str, object]) -> bool:
    with sessions() as session:
        row = session.get_one(CandidateRow, candidate_id)
        areas = [f"{area['level']}:{area['area_id']}" for area in row.areas]
        told = {
            "tier": row.tier == filters.get("tier"),
            "hazard_class": row.hazard_class == filters.get("hazard_class"),
            "area": filters.get("area") in areas,
            "site": row.flight_id % 2 == 0,
            "model": filters.get("model") in row.models,
            "min_score": row.score >= 0.4,
            "max_score": row.score <= 0.6,
            "ambiguous": row.is_ambiguous is filters.get("ambiguous"),
        }
    return all(told[name] for name in filters)


@pytest.mark.usefixtures("people")
def test_two_people_at_once_never_hold_the_same(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        holders = [Holder(user_id(session, name), name) for name in ("anna", "bert")]

    def grab(number: int) -> tuple[int, list[int]]:
        holder = holders[number % 2]
        wanted = replace(PENDING, viewer_id=holder.user_id)
        with sessions.begin() as session:
            rows = claim_next(session, holder, wanted, count=3 + number % 4)
            return holder.user_id, [row.id for row in rows]

    with ThreadPoolExecutor(6) as pool:
        grabbed = list(pool.map(grab, range(24)))
    held: dict[int, set[int]] = {holder.user_id: set() for holder in holders}
    for owner, ids in grabbed:
        held[owner] |= set(ids)
    assert all(held.values())
    assert held[holders[0].user_id].isdisjoint(held[holders[1].user_id])
    assert all(ids for _, ids in grabbed)


def test_next_is_repeatable_and_steps_over_what_was_passed(
    people: tuple[TestClient, TestClient],
) -> None:
    anna, bert = people
    first = take_next(anna)
    assert len(first) == 6
    assert take_next(anna) == first
    assert set(take_next(bert)).isdisjoint(first)
    later = take_next(anna, count=1, passed=first[:2])
    assert later == [first[2]]
    assert take_next(bert, count=1) == [first[0]]


def test_who_was_faster_is_told_and_the_decision_refused(
    people: tuple[TestClient, TestClient],
) -> None:
    anna, bert = people
    held = take_next(anna, count=1)[0]
    refused = bert.post(f"/candidates/{held}/claim", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "claimed_by_other")
    assert "anna" in refused.json()["detail"]
    assert bert.get(f"/candidates/{held}/claim").json()["claim"]["username"] == "anna"
    assert decide(bert, held) == 409
    assert decide(anna, held) == 201
    assert anna.get(f"/candidates/{held}/claim").json()["claim"] is None
    shown = bert.get("/candidates", params={"limit": 200}).json()["items"]
    assert next(item for item in shown if item["id"] == held)["claim"] is None


def test_a_lease_that_ended_can_be_taken_and_is_told_as_lost(
    people: tuple[TestClient, TestClient], sessions: sessionmaker[Session]
) -> None:
    anna, bert = people
    held = take_next(anna, count=2)
    end_leases(sessions)
    assert take_next(bert, count=1) == held[:1]
    answer = anna.post("/queue/heartbeat", json={"held": held}).json()
    assert answer["held"] == held[1:]
    assert answer["lost"] == [{"candidate_id": held[0], "username": "bert"}]
    assert decide(anna, held[0]) == 409
    assert decide(bert, held[0]) == 201


def test_claims_end_when_let_go_and_with_the_session(
    people: tuple[TestClient, TestClient], sessions: sessionmaker[Session]
) -> None:
    anna, bert = people
    held = take_next(anna, count=4)
    assert anna.post(f"/candidates/{held[0]}/release").status_code == 204
    assert anna.post("/queue/release", json={"candidate_ids": [held[1]]}).status_code == 204
    assert bert.post("/queue/release", json={"candidate_ids": [held[2]]}).status_code == 204
    assert take_next(bert, count=3) == [*held[:2], take_next(bert, count=3)[2]]
    assert held[2] not in take_next(bert)
    anna.post("/queue/release", json={})
    with sessions() as session:
        left = select(func.count()).where(ClaimRow.user_id == user_id(session, "anna"))
        assert session.scalar(left) == 0


def test_only_an_arbiter_takes_over(
    people: tuple[TestClient, TestClient],
    sign_in: Callable[[str, Role], TestClient],
) -> None:
    anna, bert = people
    arbiter = sign_in("arno", Role.ARBITER)
    held = take_next(anna, count=1)[0]
    assert bert.post(f"/candidates/{held}/claim", json={"take_over": True}).status_code == 403
    assert arbiter.post(f"/candidates/{held}/claim", json={}).status_code == 409
    taken = arbiter.post(f"/candidates/{held}/claim", json={"take_over": True})
    assert taken.json()["username"] == "arno"
    assert decide(anna, held) == 409
    assert anna.post("/candidates/999999/claim", json={}).status_code == 404


def test_the_auditor_looks_and_holds_nothing(
    seeded: SeededQueue, sign_in: Callable[[str, Role], TestClient]
) -> None:
    auditor = sign_in("audi", Role.AUDITOR)
    assert auditor.post("/queue/next", json={}).status_code == 403
    assert auditor.post(f"/candidates/{seeded.first_candidate}/claim", json={}).status_code == 403
    assert auditor.get("/candidates").status_code == 200


def test_claims_outlast_what_is_regrouped_but_not_the_candidate(
    people: tuple[TestClient, TestClient], sessions: sessionmaker[Session]
) -> None:
    anna, _ = people
    held = take_next(anna, count=1)[0]
    with sessions.begin() as session:
        session.execute(text("delete from sightings where candidate_id = :id"), {"id": held})
        session.execute(delete(CandidateRow).where(CandidateRow.id == held))
        assert session.scalar(select(func.count()).select_from(ClaimRow)) == 0


def test_shares_are_given_shown_and_taken_back(
    seeded: SeededQueue,
    people: tuple[TestClient, TestClient],
    sign_in: Callable[[str, Role], TestClient],
    sessions: sessionmaker[Session],
) -> None:
    anna, _ = people
    arbiter = sign_in("arno", Role.ARBITER)
    with sessions() as session:
        person = user_id(session, "anna")
    assert take_next(anna, mine=True) == []
    cracks = {"user_id": person, "hazard_class": "facade_crack", "area": "street:S1"}
    given = arbiter.post("/assignments", json=cracks | {"area_name": "第2街道"})
    assert given.status_code == 201
    assert arbiter.post("/assignments", json=cracks).json()["id"] == given.json()["id"]
    overlapping = {"user_id": person, "flight_id": seeded.flight_ids[0]}
    assert arbiter.post("/assignments", json=overlapping).status_code == 201
    mine = anna.get("/candidates", params={"mine": True, "limit": 200}).json()["items"]
    ids = [item["id"] for item in mine]
    assert len(ids) == len(set(ids))
    assert anna.get("/candidates/counts", params={"mine": True}).json()["pending"] == len(ids)
    assert take_next(anna, mine=True, count=4) == ids[:4]
    assert anna.post("/assignments", json=cracks).status_code == 403
    for each in arbiter.get("/assignments").json()["items"]:
        assert arbiter.delete(f"/assignments/{each['id']}").status_code == 204
        assert arbiter.delete(f"/assignments/{each['id']}").status_code == 404
    assert anna.get("/candidates", params={"mine": True}).json()["items"] == []
    with sessions() as session:
        acts = session.scalars(text("select act from audit_events where subject_kind='assignment'"))
        assert Counter(acts) == {"assign": 2, "end_assignment": 2}
    nobody = arbiter.post("/assignments", json=cracks | {"user_id": 999_999})
    assert (nobody.status_code, nobody.json()["code"]) == (422, "invalid_assignment")
    assert arbiter.post("/assignments", json={"user_id": person}).status_code == 422
    sign_in("olga", Role.OPERATOR)
    with sessions() as session:
        pilot = cracks | {"user_id": user_id(session, "olga")}
    assert arbiter.post("/assignments", json=pilot).status_code == 422


CHANGES: tuple[dict[str, object], ...] = (
    {"state": "confirmed"},
    {"state": "pending"},
    {"tier": "urgent"},
    {"merged_into": 1},
    {"merged_into": None},
    {"score": 0.5},
)


def _counted(session: Session) -> Counter[tuple[str, str]]:
    kinds = select(CandidateRow.state, CandidateRow.tier, func.count()).where(
        CandidateRow.merged_into.is_(None)
    )
    rows = session.execute(kinds.group_by(CandidateRow.state, CandidateRow.tier))
    return Counter({(state, tier): number for state, tier, number in rows})


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_the_tallies_add_up_to_what_is_there(
    seeded: SeededQueue, sessions: sessionmaker[Session], data: st.DataObject
) -> None:
    ids = st.sampled_from(range(seeded.first_candidate, seeded.first_candidate + CANDIDATES))
    some = st.lists(ids, min_size=1, max_size=20, unique=True)
    with sessions() as session:  # rolled back at the end
        for _ in range(data.draw(st.integers(1, 6))):
            rows = update(CandidateRow).where(CandidateRow.id.in_(data.draw(some)))
            change = data.draw(st.sampled_from(CHANGES))
            session.execute(rows.values(**change))
            if data.draw(st.booleans()):
                session.execute(text("select add_up_tallies()"))
        counts = count_queue(session, QueueFilter())
        there = _counted(session)
        assert counts.tiers == {
            tier: there["pending", tier] for tier in ("urgent", "normal", "low")
        }
        assert sum(counts.states.values()) == there.total()
        session.execute(text("select add_up_tallies()"))
        kinds = session.scalar(select(func.count()).select_from(QueueTallyRow))
        assert kinds == len(
            session.execute(
                text(
                    "select 1 from candidates where merged_into is null"
                    " group by flight_id, hazard_class, state, tier"
                )
            ).all()
        )


@pytest.fixture
def ranked(
    seeded: SeededQueue, worker_context: WorkerContext, sessions: sessionmaker[Session]
) -> WorkerContext:
    """The seeded queue, ranked by the worker as by rules that were changed."""
    assert seeded.candidates == CANDIDATES
    with sessions.begin() as session:
        session.execute(update(CandidateRow).values(ranked_by="old", risk_key=0.0, tier="normal"))
        order_ranking_if_outdated(session)
    run_jobs(worker_context)
    return worker_context


@pytest.mark.usefixtures("ranked")
def test_other_rules_put_the_whole_queue_in_order_anew(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        rows = list_candidates(session, PENDING, limit=CANDIDATES)
        assert len({row.tier for row in rows}) == 3
        in_force = load_rules().order_hash
        assert {row.ranked_by for row in rows} == {in_force, mark_unproven(in_force)}
        assert "old" not in {row.ranked_by for row in rows}
        assert all(row.models for row in rows)
        before = session.scalar(text("select count(*) from procrastinate_jobs"))
        order_ranking_if_outdated(session)
        assert session.scalar(text("select count(*) from procrastinate_jobs")) == before


def test_a_key_place_that_comes_and_goes_changes_the_order(
    ranked: WorkerContext,
    engineer: TestClient,
    sessions: sessionmaker[Session],
    tmp_path: Path,
) -> None:
    with sessions() as session:
        row = list_candidates(session, PENDING, limit=CANDIDATES)[-1]
        assert row.lon is not None
        assert row.lat is not None
        lon, lat, key, last = row.lon, row.lat, row.risk_key, row.id
    point = {"type": "Point", "coordinates": [lon + 0.0003, lat]}
    path = write_geojson(tmp_path / "places.geojson", [(point, {"id": "s1", "name": "第一小学"})])
    form = {"kind": "key_places", "name": "Schools", "crs": "EPSG:4326"}
    with path.open("rb") as stream:
        layer = engineer.post("/layers", data=form, files={"file": (path.name, stream)})
    assert layer.status_code == 201, layer.text
    run_jobs(ranked)
    with sessions() as session:
        near = session.get_one(CandidateRow, last)
        assert near.risk_key == pytest.approx(key + 1.0)  # the factor 2, as a logarithm
        assert near.exposure == [
            {"code": "key_place", "detail": "第一小学", "value": near.exposure[0]["value"]}
        ]
        assert float(str(near.exposure[0]["value"])) == pytest.approx(29, abs=1)
        touched = list(session.scalars(select(CandidateRow.id).where(CandidateRow.exposure != [])))
        assert 0 < len(touched) < CANDIDATES
    assert engineer.delete(f"/layers/{layer.json()['id']}").status_code == 204
    run_jobs(ranked)
    with sessions() as session:
        assert session.get_one(CandidateRow, last).risk_key == pytest.approx(key)


@pytest.mark.usefixtures("people")
def test_of_two_who_reach_out_one_gets_it(
    seeded: SeededQueue, sessions: sessionmaker[Session]
) -> None:
    with sessions() as first, sessions() as second:
        anna, bert = user_id(first, "anna"), user_id(first, "bert")
        wanted = [seeded.first_candidate]
        assert take(first, Holder(anna, "anna"), wanted) == set(wanted)
        first.commit()
        assert take(second, Holder(bert, "bert"), wanted) == set()
