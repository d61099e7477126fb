"""Flights found again by day and by what waits for a review; pages of a receipt and their roles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker

from serving.accounts.roles import Role
from serving.db.tables import CandidateRow, FlightRow
from serving.flights.finder import (
    FlightDay,
    FlightFilter,
    count_days,
    count_on_day,
    find_flights,
)
from serving.jobs.context import WorkerContext
from serving.review.tallies import count_awaiting
from tests.integration.seen_covers import see_covers

PEKING = ZoneInfo("Asia/Shanghai")
LAST_INSTANT = datetime(2026, 3, 31, 15, 59, 59, tzinfo=UTC)  # in Peking still the last of March
APRIL = date(2026, 4, 1)
NOBODY = 0  # to whom nothing seems pending that is not
PAGES = "http://testserver"  # the client itself speaks to /api/v1

FlightOf = Callable[[int], FlightRow]


def test_days_are_those_of_the_reader(flight_of: FlightOf, sessions: sessionmaker[Session]) -> None:
    ids = [flight_of(1).id for _ in range(2)]
    with sessions.begin() as session:
        session.get_one(FlightRow, ids[0]).created_at = LAST_INSTANT
        session.get_one(FlightRow, ids[1]).created_at = LAST_INSTANT.replace(hour=16, minute=0)
    with sessions() as session:
        assert count_days(session, date(2026, 3, 1), PEKING) == {date(2026, 3, 31): FlightDay(1, 0)}
        assert count_days(session, APRIL, PEKING) == {APRIL: FlightDay(1, 0)}
        assert count_days(session, date(2026, 3, 1), UTC) == {date(2026, 3, 31): FlightDay(2, 0)}
        assert count_on_day(session, APRIL, PEKING) == 1
        found = find_flights(session, FlightFilter(day=APRIL, zone=PEKING), limit=9)
        assert [row.id for row in found] == [ids[1]]


def test_a_day_waits_until_its_last_candidate_is_decided(
    flight_of: FlightOf, worker_context: WorkerContext, sessions: sessionmaker[Session]
) -> None:
    flight_id = flight_of(3).id
    candidates = see_covers(worker_context, flight_id)
    today = datetime.now(UTC).date()
    with sessions.begin() as session:
        assert count_awaiting(session, [flight_id], NOBODY) == {flight_id: len(candidates)}
        assert count_days(session, today.replace(day=1), UTC)[today] == FlightDay(1, 1)
        for number in candidates:
            session.get_one(CandidateRow, number).state = "rejected"
    with sessions() as session:
        assert count_awaiting(session, [flight_id], NOBODY) == {}
        assert count_days(session, today.replace(day=1), UTC)[today] == FlightDay(1, 0)


def test_list_reads_on_without_gap_or_double(
    flight_of: FlightOf, sessions: sessionmaker[Session]
) -> None:
    ids = [flight_of(0).id for _ in range(5)]
    with sessions() as session:
        first = find_flights(session, FlightFilter(words="DRAWN"), limit=2)
        rest = find_flights(session, FlightFilter(), limit=9, before_id=first[-1].id)
    assert [row.id for row in [*first, *rest]] == ids[::-1]


def test_receipt_of_a_flight_without_an_announced_upload_promises_nothing(
    flight_of: FlightOf, operator: TestClient
) -> None:
    page = operator.get(f"{PAGES}/flights/{flight_of(0).id}/receipt")
    assert 'data-wipe="no"' in page.text
    assert 'data-wipe="yes"' not in page.text


def test_who_may_not_send_sees_the_receipt_but_no_way_to_send(
    flight_of: FlightOf, sign_in: Callable[[str, Role], TestClient]
) -> None:
    flight_id = flight_of(1).id
    auditor = sign_in("auda", Role.AUDITOR)
    assert auditor.get(f"{PAGES}/flights/{flight_id}/receipt").status_code == 200
    for path in ("/flights/new", "/flights/field", f"/flights/field?flight_id={flight_id}"):
        assert auditor.get(PAGES + path).status_code == 403
    assert "/flights/new" not in auditor.get(f"{PAGES}/flights").text


def test_upload_pages_of_a_submitted_flight_say_why_not(
    flight_of: FlightOf, sessions: sessionmaker[Session], operator: TestClient
) -> None:
    flight_id = flight_of(1).id
    with sessions.begin() as session:
        session.get_one(FlightRow, flight_id).state = "done"
    for path in ("new", "field"):
        assert operator.get(f"{PAGES}/flights/{path}?flight_id={flight_id}").status_code == 409


def test_zone_of_nonsense_is_no_trouble(operator: TestClient) -> None:
    for zone in ("Nowhere/City", "..%2F..%2Fetc%2Fpasswd", "%00", ""):
        operator.cookies.set("hazardlens_zone", zone)
        assert operator.get(f"{PAGES}/flights").status_code == 200
    assert operator.get(f"{PAGES}/flights?month=9999-99&q=%25").status_code == 200
