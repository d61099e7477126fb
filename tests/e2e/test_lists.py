"""Long lists are read on by the page; a flight on its way shows itself moving."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from detection.domain.photo import FlightKind
from serving.db.engine import make_sessions, open_engine
from serving.db.tables import FlightRow
from serving.flights.catalogue import create_flight
from tests.e2e.conftest import RunningService, Visitor

pytestmark = pytest.mark.e2e

PAGE_SIZE = 50


def test_show_more_reads_the_next_flights(visitor: Visitor, service: RunningService) -> None:
    engine = open_engine(service.database_url)
    with make_sessions(engine).begin() as session:
        for number in range(PAGE_SIZE + 5):
            create_flight(session, name=f"Listed {number:03}", kind=FlightKind.STREET)
    engine.dispose()
    page = visitor.page
    visitor.sign_in("olga")
    rows = page.locator("#flight-rows tr:not(.more)")
    expect(rows).to_have_count(PAGE_SIZE)
    page.click("tr.more button")
    expect(page.locator("tr", has_text="Listed 000")).to_be_visible()
    expect(page.locator("#flight-rows tr", has_text="Listed 0")).to_have_count(PAGE_SIZE + 5)
    # The times of the new rows are the reader's own, too.
    expect(page.locator("#flight-rows time[data-local]")).to_have_count(0)


def test_a_moving_flight_is_followed_without_a_reload(
    visitor: Visitor, service: RunningService
) -> None:
    engine = open_engine(service.database_url)
    sessions = make_sessions(engine)
    with sessions.begin() as session:
        flight = create_flight(session, name="Moving", kind=FlightKind.DRONE)
        flight_id = flight.id
    page = visitor.page
    visitor.sign_in("olga")
    expect(page).to_have_url(re.compile("/flights$"))
    visitor.open(f"/flights/{flight_id}")
    expect(page.locator(".tag-draft")).to_be_visible()
    with sessions.begin() as session:
        session.get_one(FlightRow, flight_id).state = "cancelled"
    expect(page.locator(".tag-cancelled")).to_be_visible()
    expect(page.locator("#progress")).to_have_attribute("data-live", "no")
    engine.dispose()
