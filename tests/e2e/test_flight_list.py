"""The list of flights: searched, narrowed, by day; and what can be done with a flight there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.photo import FlightKind
from serving.db.engine import make_sessions, open_engine
from serving.db.tables import FlightRow
from serving.flights.catalogue import create_flight
from tests.e2e.conftest import RunningService, Visitor

pytestmark = pytest.mark.e2e

# In the zone of Chongqing this is the second of the month, in UTC still the first.
LATE_EVENING = datetime(2025, 7, 1, 20, 30, tzinfo=UTC)


@pytest.fixture
def sessions(service: RunningService) -> Iterator[sessionmaker[Session]]:
    """Sessions on the database of the service."""
    engine = open_engine(service.database_url)
    yield make_sessions(engine)
    engine.dispose()


def _add(sessions: sessionmaker[Session], name: str, **columns: object) -> int:
    with sessions.begin() as session:
        row = create_flight(session, name=name, kind=FlightKind.DRONE)
        for column, value in columns.items():
            setattr(row, column, value)
        return row.id


def test_flights_are_found_by_words_kind_state_and_site(
    visitor: Visitor, sessions: sessionmaker[Session]
) -> None:
    _add(sessions, "Alpha 100% east", site="Yubei")
    _add(sessions, "Alpha west", site="Jiangbei", kind="street")
    _add(sessions, "Beta", site="Alpha road", state="cancelled")
    page = visitor.page
    visitor.sign_in("olga")
    rows = page.locator("#flight-rows tr")
    page.fill("[name=q]", "alpha")
    page.press("[name=q]", "Enter")
    expect(rows).to_have_count(3)
    page.wait_for_load_state()  # before, the choices have no hands yet
    page.select_option("[name=kind]", "street")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Alpha west")
    visitor.open("/flights?q=alpha&state=cancelled")
    expect(rows).to_contain_text("Beta")
    visitor.open("/flights?q=100%25")  # a sign of the pattern language is a letter here
    expect(rows).to_have_count(1)
    visitor.open("/flights?q=alpha&site=Yubei&kind=street")
    expect(page.locator(".empty")).to_contain_text("没有符合条件的架次")


def test_calendar_shows_the_days_of_the_readers_zone(
    open_visitor: object, sessions: sessionmaker[Session]
) -> None:
    _add(sessions, "By night", created_at=LATE_EVENING)
    assert callable(open_visitor)
    visitor = open_visitor(timezone_id="Asia/Shanghai")
    page = visitor.page
    visitor.sign_in("olga")
    expect(page).to_have_url(re.compile("/flights"))
    page.wait_for_function("document.cookie.includes('hazardlens_zone')")
    visitor.open("/flights?month=2025-07")
    day = page.locator(".month a")
    expect(day).to_have_count(1)
    expect(day).to_have_text("2")
    day.click()
    expect(page).to_have_url(re.compile("day=2025-07-02"))
    expect(page.locator("#flight-rows tr")).to_contain_text("By night")


def test_draft_is_gone_on_with_and_a_moving_flight_cancelled_from_the_list(
    visitor: Visitor, sessions: sessionmaker[Session]
) -> None:
    draft = _add(sessions, "Half sent")
    moving = _add(sessions, "On its way", state="queued", submitted_at=LATE_EVENING)
    page = visitor.page
    visitor.sign_in("olga")
    visitor.open("/flights")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator(f"#flight-{moving} button").click()
    expect(page.locator(f"#flight-{moving} .tag-cancelled")).to_be_visible()
    with sessions() as session:
        assert session.get_one(FlightRow, moving).state == "cancelled"
    page.locator(f"#flight-{draft} a", has_text="继续上传").click()
    expect(page).to_have_url(re.compile(f"flight_id={draft}$"))
    expect(page.locator("#start-upload")).to_contain_text("继续上传")
