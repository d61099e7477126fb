"""Shadow models against those in force: compared once a processing, judged by lot, tallied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from serving.accounts.roles import Role
from serving.db.tables import (
    AuditEventRow,
    CandidateRow,
    DetectionRow,
    FlightRow,
    PhotoRow,
    ShadowComparisonRow,
    ShadowDifferenceRow,
    ShadowResultRow,
)
from serving.jobs import shadow
from serving.jobs.context import WorkerContext
from serving.web.i18n import LANGUAGE_COOKIE
from tests.integration.seen_covers import see_covers

FlightOf = Callable[[int], FlightRow]
SignIn = Callable[[str, Role], TestClient]
CONFIG = "5" * 64
FAR = [600.0, 400.0, 640.0, 440.0]


@pytest.fixture
def engineer(sign_in: SignIn) -> TestClient:
    return sign_in("enno", Role.ENGINEER)


@pytest.fixture
def flight_id(worker_context: WorkerContext, flight_of: FlightOf) -> int:
    """Two photos with covers; the shadow model sees the first of each, and one elsewhere."""
    flight_id = flight_of(2).id
    see_covers(worker_context, flight_id)
    with worker_context.sessions.begin() as session:
        session.execute(update(PhotoRow).values(state="done"))
        for photo in session.scalars(select(PhotoRow).order_by(PhotoRow.id)):
            session.add(_said(session, photo))
    shadow.compare_shadows(worker_context)
    return flight_id


def _said(session: Session, photo: PhotoRow) -> ShadowResultRow:
    """What the shadow model said of a photo: the first box of the other, and one far away."""
    rows = session.scalars(
        select(DetectionRow).where(DetectionRow.photo_id == photo.id).order_by(DetectionRow.id)
    )
    boxes: list[dict[str, object]] = [
        {
            "hazard_class": row.hazard_class,
            "score": 0.7,
            "bbox_xyxy": [row.x_min, row.y_min, row.x_max, row.y_max],
            "polygons": [],
        }
        for row in list(rows)[:1]
    ]
    far = {"hazard_class": "manhole_broken", "score": 0.6, "bbox_xyxy": FAR, "polygons": []}
    return ShadowResultRow(
        photo_id=photo.id,
        config_hash=CONFIG,
        flight_id=photo.flight_id,
        model_name="manhole",
        version="abcdef123456",
        weights_sha256="6" * 64,
        boxes=[*boxes, far],
    )


def tallies(client: TestClient) -> dict[str, Any]:
    (found,) = client.get("/shadow/tallies").json()["items"]
    return dict(found)


def judge(client: TestClient, number: int, said: str, key: str = "") -> dict[str, Any]:
    answer = client.post(
        f"/shadow/differences/{number}/judgements",
        json={"judgement": said},
        headers={"Idempotency-Key": key} if key else {},
    )
    return dict(answer.json()) | {"status": answer.status_code}


def differences(sessions: sessionmaker[Session]) -> list[ShadowDifferenceRow]:
    with sessions() as session:
        order = (ShadowDifferenceRow.photo_id, ShadowDifferenceRow.ordinal)
        return list(session.scalars(select(ShadowDifferenceRow).order_by(*order)))


def test_boxes_are_compared_once_with_what_the_other_model_said(
    worker_context: WorkerContext,
    sessions: sessionmaker[Session],
    engineer: TestClient,
    flight_id: int,
) -> None:
    with sessions() as session:
        boxes = session.scalar(select(func.count()).select_from(DetectionRow)) or 0
        with_boxes = session.scalar(select(func.count(DetectionRow.photo_id.distinct()))) or 0
    found = tallies(engineer)
    assert (found["name"], found["version"], found["photos"]) == ("manhole", "abcdef123456", 2)
    assert found["both"] == with_boxes
    assert found["only_shadow"] == 2
    assert found["only_current"] == boxes - with_boxes
    assert found["open"] == found["only_shadow"] + found["only_current"]
    before = [row.id for row in differences(sessions)]
    shadow.compare_shadows(worker_context)
    assert [row.id for row in differences(sessions)] == before
    assert {row.flight_id for row in differences(sessions)} == {flight_id}


def test_candidates_are_never_touched(
    sessions: sessionmaker[Session], engineer: TestClient, flight_id: int
) -> None:
    assert flight_id
    with sessions() as session:
        before = session.scalars(select(CandidateRow.state)).all()
    for row in differences(sessions):
        assert judge(engineer, row.id, "shadow")["status"] == 201
    with sessions() as session:
        assert session.scalars(select(CandidateRow.state)).all() == before


def test_judgements_are_tallied_taken_back_and_kept(
    sessions: sessionmaker[Session], engineer: TestClient, flight_id: int
) -> None:
    assert flight_id
    one, two = (row.id for row in differences(sessions)[:2])
    first = judge(engineer, one, "shadow", key="k1")
    assert judge(engineer, one, "shadow", key="k1")["id"] == first["id"]
    assert judge(engineer, one, "current", key="k1")["code"] == "idempotency_key_reused"
    assert judge(engineer, one, "current")["code"] == "shadow_difference_judged"
    judge(engineer, two, "unsure")
    found = tallies(engineer)
    assert found["judged"] == {"shadow": 1, "current": 0, "neither": 0, "unsure": 1}
    assert (found["shadow_right"]["hits"], found["shadow_right"]["count"]) == (1, 1)
    assert found["verdict"] == "too_few"
    assert engineer.post(f"/shadow/judgements/{first['id']}/undo").json()["kind"] == "undo"
    again = engineer.post(f"/shadow/judgements/{first['id']}/undo").json()
    assert again["code"] == "already_undone"
    assert tallies(engineer)["judged"]["shadow"] == 0
    with sessions() as session:
        acts = list(session.scalars(select(AuditEventRow.act).order_by(AuditEventRow.sequence)))
    assert acts[-3:] == ["judge_shadow", "judge_shadow", "undo_shadow"]
    for statement in ("delete from shadow_judgements", "update shadow_judgements set note = 'x'"):
        with pytest.raises(DBAPIError, match="append-only"), sessions.begin() as session:
            session.execute(text(statement))


def test_a_photo_that_is_processed_anew_is_compared_anew(
    worker_context: WorkerContext,
    sessions: sessionmaker[Session],
    engineer: TestClient,
    flight_id: int,
) -> None:
    """What was judged of the earlier processing stays, and counts no more."""
    assert flight_id
    for row in differences(sessions):
        judge(engineer, row.id, "current")
    judged = len(differences(sessions))
    with sessions.begin() as session:
        session.execute(update(PhotoRow).values(run=2))  # it found nothing this time
    shadow.compare_shadows(worker_context)
    with sessions() as session:
        runs = session.scalars(select(ShadowComparisonRow.run).order_by(ShadowComparisonRow.run))
        assert list(runs) == [1, 1, 2, 2]
    found = tallies(engineer)
    assert (found["both"], found["only_current"]) == (0, 0)
    assert found["judged"]["current"] == 0
    assert found["open"] == found["only_shadow"]
    assert len(differences(sessions)) == judged + found["only_shadow"]


def test_pages_tell_nobody_whose_box_it_is_before_it_is_judged(
    sessions: sessionmaker[Session], engineer: TestClient, flight_id: int
) -> None:
    assert flight_id
    number = differences(sessions)[0].id
    base = str(engineer.base_url).removesuffix("/api/v1/").removesuffix("/api/v1")
    panel = f"{base}/shadow/differences/{number}/panel"
    engineer.cookies.set(LANGUAGE_COOKIE, "en")
    assert "shadow model" not in engineer.get(panel).text
    assert engineer.get(f"/shadow/differences/{number}/cut.jpg").status_code == 200
    judge(engineer, number, "neither")
    assert "Both wrong" in engineer.get(panel).text


def test_reviewers_do_not_see_what_a_shadow_model_says(
    reviewer: TestClient, sign_in: SignIn, sessions: sessionmaker[Session], flight_id: int
) -> None:
    assert flight_id
    number = differences(sessions)[0].id
    assert reviewer.get("/shadow/tallies").status_code == 403
    assert reviewer.get(f"/shadow/differences/{number}/cut.jpg").status_code == 403
    assert judge(reviewer, number, "shadow")["code"] == "forbidden"
    auditor = sign_in("auda", Role.AUDITOR)
    assert auditor.get("/shadow/tallies").status_code == 200
    assert judge(auditor, number, "shadow")["code"] == "forbidden"
