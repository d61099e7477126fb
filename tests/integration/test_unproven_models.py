"""A model of rendered photos puts nothing before others until people decided enough of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.hazard import HazardClass
from serving.accounts.roles import Role
from serving.db.tables import CandidateRow, DetectionRow, SightingRow
from serving.deps import Services
from serving.jobs.context import WorkerContext
from serving.jobs.ranking import order_ranking_if_outdated, rank_candidates
from serving.review.rules import load_rules
from serving.review.unproven import count_decided
from tests.bench.seeded_queue import seed_queue
from tests.job_runner import run_jobs

STOREY = HazardClass.ADDED_STOREY
NEEDED = load_rules().tiers.prove_first[STOREY].decisions
MODEL = "added_storey"
WEIGHTS = "a" * 64
SHOWN_AS = f"{MODEL}@{WEIGHTS[:12]}"


@pytest.fixture
def storeys(
    services: Services,
    worker_context: WorkerContext,
    sessions: sessionmaker[Session],
    tmp_path: Path,
) -> WorkerContext:
    """A queue of added storeys with good scores, of which one model alone says so."""
    seed_queue(
        services.settings.database_url,
        services.settings.resolved_data_dir,
        tmp_path / "drawn",
        candidates=NEEDED + 20,
        photos=2,
        flights=1,
        photo_px=(320, 240),
    )
    with sessions.begin() as session:
        values = {"hazard_class": STOREY.value, "score": 0.9}
        session.execute(update(DetectionRow).values(model_name=MODEL, weights_sha256=WEIGHTS))
        session.execute(update(CandidateRow).values(**values, ranked_by="old"))
        order_ranking_if_outdated(session)
    run_jobs(worker_context)
    return worker_context


def count_tiers(sessions: sessionmaker[Session], state: str = "pending") -> Counter[str]:
    with sessions() as session:
        rows = session.scalars(select(CandidateRow.tier).where(CandidateRow.state == state))
        return Counter(rows)


def pending_ids(sessions: sessionmaker[Session]) -> list[int]:
    with sessions() as session:
        wanted = select(CandidateRow.id).where(CandidateRow.state == "pending")
        return list(session.scalars(wanted.order_by(CandidateRow.id)))


def reject(client: TestClient, candidate_id: int) -> int:
    answer = client.post(f"/candidates/{candidate_id}/decisions", json={"verdict": "reject"})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def test_all_wait_in_the_lowest_tier_until_the_last_needed_decision(
    storeys: WorkerContext,
    sessions: sessionmaker[Session],
    sign_in: Callable[[str, Role], TestClient],
) -> None:
    assert set(count_tiers(sessions)) == {"low"}
    client = sign_in("anna", Role.REVIEWER)
    ids = pending_ids(sessions)
    for candidate_id in ids[: NEEDED - 1]:
        reject(client, candidate_id)
    run_jobs(storeys)
    assert set(count_tiers(sessions)) == {"low"}
    reject(client, ids[NEEDED - 1])
    run_jobs(storeys)
    assert set(count_tiers(sessions)) == {"normal"}


def test_a_decision_taken_back_does_not_count(
    storeys: WorkerContext,
    sessions: sessionmaker[Session],
    sign_in: Callable[[str, Role], TestClient],
) -> None:
    client = sign_in("anna", Role.REVIEWER)
    first, second = pending_ids(sessions)[:2]
    decision = reject(client, first)
    reject(client, second)
    assert client.post(f"/decisions/{decision}/undo").status_code == 200
    with sessions() as session:
        assert count_decided(session, STOREY, SHOWN_AS) == 1
        assert count_decided(session, STOREY, f"{MODEL}@{'b' * 12}") == 0
    run_jobs(storeys)
    assert set(count_tiers(sessions)) == {"low"}


@pytest.mark.usefixtures("storeys")
def test_what_something_else_shows_too_is_not_held_back(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        sighting = session.scalars(select(SightingRow).order_by(SightingRow.detection_id)).first()
        assert sighting is not None
        shown = select(DetectionRow.id).where(DetectionRow.id == sighting.detection_id)
        measured = update(DetectionRow).where(DetectionRow.id.in_(shown))
        session.execute(measured.values(model_name="height_change", weights_sha256="c" * 64))
        candidate_id = sighting.candidate_id
        rank_candidates(session, [candidate_id])
    with sessions() as session:
        assert session.get_one(CandidateRow, candidate_id).tier == "normal"
    assert count_tiers(sessions)["low"] == len(pending_ids(sessions)) - 1


@pytest.mark.usefixtures("storeys")
def test_other_models_need_not_prove_themselves(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        session.execute(update(DetectionRow).values(model_name="another"))
        rank_candidates(session, session.scalars(select(CandidateRow.id)).all())
    assert set(count_tiers(sessions)) == {"normal"}
