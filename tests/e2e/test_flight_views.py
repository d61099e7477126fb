"""A flight of which enough good photos were looked at: what the page says, and the rest."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from detection.domain.photo import FlightKind
from serving.db.engine import make_sessions, open_engine
from serving.db.tables import PhotoRow
from serving.flights.catalogue import create_flight
from tests.e2e.conftest import RunningService, Visitor

pytestmark = pytest.mark.e2e

STATES = ("done", "left_out", "left_out", "done", "left_out")


@pytest.fixture
def flight_id(service: RunningService) -> int:
    """An ended flight of which three of five photos were left out."""
    engine = open_engine(service.database_url)
    with make_sessions(engine).begin() as session:
        row = create_flight(session, name="Enough views", kind=FlightKind.DRONE, views=2)
        row.state, row.submitted_at = "done", datetime.now(UTC)
        for number, state in enumerate(STATES):
            photo = PhotoRow(
                flight_id=row.id,
                name=f"DJI_{number}.JPG",
                sha256=f"{number:064x}",
                size_bytes=1,
                media_type="image/jpeg",
                width_px=4000,
                height_px=3000,
                state=state,
            )
            session.add(photo)
        found = row.id
    engine.dispose()
    return found


def test_the_page_says_what_was_left_out_and_has_the_rest_looked_at(
    visitor: Visitor, flight_id: int
) -> None:
    page = visitor.page
    visitor.sign_in("olga")
    visitor.open(f"/flights/{flight_id}")
    notice = page.locator("#progress .notice")
    for part in ("照片 5 张", "检测 2 张", "其余 3 张"):
        expect(notice).to_contain_text(part)
    page.wait_for_load_state()
    page.get_by_role("button", name="检测其余照片").click()
    expect(notice).to_have_count(0)
    expect(page.get_by_role("button", name="检测其余照片")).to_have_count(0)


def test_whoever_sends_photos_chooses_how_many_are_looked_at(visitor: Visitor) -> None:
    visitor.sign_in("olga")
    visitor.open("/flights/new")
    choice = visitor.page.get_by_label("检测哪些照片")
    expect(choice).to_have_value("0")
    choice.select_option("3")
    expect(choice).to_have_value("3")
