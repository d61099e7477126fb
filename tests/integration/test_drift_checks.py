"""Looks at the drift: told from decisions, kept, read once, made after flights and once a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg.errors
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from serving.accounts.roles import Role
from serving.db.tables import AuditEventRow, DriftCheckRow, FlightRow
from serving.jobs.context import WorkerContext
from serving.jobs.drifting import order_drift_check_if_due
from serving.jobs.flights import submit_flight
from serving.web.vendor import list_missing
from tests.integration.labelling_seed import add_candidate, add_flight, add_photo
from tests.job_runner import run_jobs

SITE = "http://testserver"


@pytest.fixture
def fallen(sessions: sessionmaker[Session], worker_context: WorkerContext) -> None:
    """Of 12 earlier flights half is confirmed, of 5 recent ones nothing; looked at once."""
    with sessions.begin() as session:
        for number in range(17):
            is_recent = number >= 12
            flight = add_flight(session, days_ago=2 + number if is_recent else 40 + number)
            for thing in range(6):
                state = "rejected" if is_recent or thing % 2 else "confirmed"
                add_candidate(session, add_photo(session, flight), state=state)
    look(worker_context)


def look(context: WorkerContext) -> None:
    with context.sessions.begin() as session:
        order_drift_check_if_due(session)
        for check in session.scalars(select(DriftCheckRow)):
            check.made_at -= timedelta(days=2)
        session.flush()
        order_drift_check_if_due(session)
    run_jobs(context, ["learning"])


@pytest.mark.usefixtures("fallen")
def test_an_alarm_stands_with_its_figures_until_somebody_has_read_it(
    engineer: TestClient, sessions: sessionmaker[Session], worker_context: WorkerContext
) -> None:
    answer = engineer.get("/drift").json()
    (alarm,) = [each for each in answer["slices"] if each["verdict"] == "alarm"]
    assert (alarm["measure"], alarm["dimension"], alarm["change"]) == ("confirmed", "all", -0.5)
    assert alarm["p_value"] <= alarm["p_needed"]
    assert (alarm["reference"]["value"], alarm["reference"]["flights"]) == (0.5, 12)
    assert (alarm["recent"]["value"], alarm["recent"]["count"]) == (0.0, 30)
    assert engineer.get("/drift/alarms").json() == {"open_alarms": 1}

    path = f"/drift/alarms/{alarm['id']}/seen"
    assert engineer.post(path, json={"note": "  "}).status_code == 422
    first = engineer.post(path, json={"note": "wet walls"})
    assert (first.status_code, first.json()["username"]) == (201, "engineer")
    assert engineer.post(path, json={"note": "again"}).json()["note"] == "wet walls"
    assert engineer.get("/drift/alarms").json() == {"open_alarms": 0}
    look(worker_context)  # the same alarm goes on: it was read
    assert engineer.get("/drift/alarms").json() == {"open_alarms": 0}
    assert engineer.post(path, json={"note": "old"}).json()["code"] == "drift_alarm_not_found"
    with sessions() as session:
        acts = session.scalars(select(AuditEventRow.act)).all()
        assert acts.count("read_drift_alarm") == 1
        assert len(session.scalars(select(DriftCheckRow)).all()) == 2
        with pytest.raises(DBAPIError) as refused:
            session.execute(text("update drift_seen set note = ''"))
        assert isinstance(refused.value.orig, psycopg.errors.RestrictViolation)


@pytest.mark.usefixtures("fallen")
def test_an_alarm_that_ended_and_comes_back_is_a_new_one(
    engineer: TestClient, sessions: sessionmaker[Session], worker_context: WorkerContext
) -> None:
    (alarm,) = [each for each in engineer.get("/drift").json()["slices"] if each["alarm_since"]]
    engineer.post(f"/drift/alarms/{alarm['id']}/seen", json={"note": "seen"})
    with sessions.begin() as session:
        recent = FlightRow.submitted_at > datetime.now(UTC) - timedelta(days=30)
        flights = session.scalars(select(FlightRow).where(recent)).all()
        kept = [row.submitted_at for row in flights]
        for row in flights:
            row.submitted_at = datetime.now(UTC) - timedelta(days=900)
    look(worker_context)
    assert engineer.get("/drift").json()["slices"] == []
    with sessions.begin() as session:
        for row, moment in zip(flights, kept, strict=True):
            session.get_one(FlightRow, row.id).submitted_at = moment
    look(worker_context)
    assert engineer.get("/drift/alarms").json() == {"open_alarms": 1}


def test_slices_are_told_by_camera_height_season_place_and_model(
    sessions: sessionmaker[Session], engineer: TestClient, worker_context: WorkerContext
) -> None:
    with sessions.begin() as session:
        for number in range(8):
            flight = add_flight(
                session, camera="A" if number % 2 else "B", days_ago=5 + 10 * number, site="East"
            )
            for height in (20.0, 50.0):
                photo = add_photo(session, flight, altitude_m=height)
                found = add_candidate(session, photo, state="confirmed")
                if number < 4:
                    found.areas = [{"level": "district", "name": "江北区", "area_id": "1"}]
                photo.captured_at = "2026-11-02T10:00:00" if number < 4 else "2026-07-02T10:00:00"
    look(worker_context)
    slices = {
        (each["dimension"], each["value"]) for each in engineer.get("/drift").json()["slices"]
    }
    assert {("all", ""), ("camera", "A"), ("camera", "B"), ("altitude", "0-30")} <= slices
    assert {("altitude", "30-60"), ("season", "autumn"), ("place", "江北区")} <= slices
    assert "model" not in {dimension for dimension, _ in slices}


def test_a_look_is_made_after_a_flight_and_when_a_day_has_passed(
    flight_of: Callable[[int], FlightRow], worker_context: WorkerContext
) -> None:
    flight = flight_of(1)
    with worker_context.sessions.begin() as session:
        submit_flight(session, flight.id)
    run_jobs(worker_context)
    with worker_context.sessions.begin() as session:
        check = session.scalars(select(DriftCheckRow)).one()
        assert check.summary["recent_flights"] == 1
        order_drift_check_if_due(session)
    run_jobs(worker_context, ["learning"])
    with worker_context.sessions() as session:
        assert len(session.scalars(select(DriftCheckRow)).all()) == 1


def test_before_the_first_look_nothing_is_claimed_and_roles_are_kept(
    engineer: TestClient, reviewer: TestClient, sign_in: Callable[[str, Role], TestClient]
) -> None:
    answer = engineer.get("/drift").json()
    assert (answer["made_at"], answer["slices"], answer["open_alarms"]) == (None, [], 0)
    auditor = sign_in("auditor", Role.AUDITOR)
    assert auditor.get("/drift").status_code == 200
    assert auditor.post("/drift/check").status_code == 403
    assert auditor.post("/drift/alarms/1/seen", json={"note": "x"}).status_code == 403
    assert reviewer.get("/drift").status_code == 403
    assert engineer.post("/drift/check").status_code == 202


@pytest.mark.skipif(bool(list_missing()), reason="the third-party scripts are not set up")
@pytest.mark.usefixtures("fallen")
def test_the_page_names_figure_threshold_and_what_to_do(engineer: TestClient) -> None:
    engineer.cookies.set("hazardlens_language", "en")
    page = engineer.get(f"{SITE}/drift").text
    assert "\N{MINUS SIGN}50 percentage points" in page
    assert "alarm from 0.0250" in page
    assert "Fewer candidates are confirmed" in page
    none = engineer.get(f"{SITE}/drift?verdict=cannot_tell").text
    assert "No slice fits this filter." in none
