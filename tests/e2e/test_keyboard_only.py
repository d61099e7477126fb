"""A reviewer decides a whole queue, in the long run two hundred candidates, without a mouse."""

from __future__ import annotations

import re
from itertools import cycle
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from serving.db.engine import open_engine
from tests.bench.seeded_queue import SeededQueue, seed_queue
from tests.e2e.conftest import PASSWORDS, RunningService, Visitor

pytestmark = pytest.mark.e2e

UNDO_EVERY = 20
MAX_TABS = 60
COUNT_POINTERS = """
  globalThis.pointersUsed = 0;
  for (const kind of ["pointerdown", "mousedown", "touchstart"]) {
    addEventListener(kind, () => { globalThis.pointersUsed += 1; }, true);
  }
"""
CURRENT = """() => document.querySelector("#finished").checkVisibility() ? "finished"
  : document.querySelector("#panel .panel-head")?.textContent.match(/#(\\d+)/)?.[1] ?? null"""


@pytest.mark.parametrize("candidates", [40, pytest.param(200, marks=pytest.mark.soak)])
def test_a_whole_queue_is_decided_by_keyboard_alone(
    visitor: Visitor, service: RunningService, tmp_path: Path, candidates: int
) -> None:
    queue = seed_queue(
        service.database_url,
        service.data_dir,
        tmp_path / "queue",
        candidates=candidates,
        photos=2,
        flights=1,
    )
    page = visitor.page
    page.add_init_script(COUNT_POINTERS)
    sign_in_by_keyboard(visitor)
    visitor.open(f"/review?flight_id={queue.flight_ids[0]}")
    tab_to(page, page.get_by_role("link", name="开始审核"))
    page.keyboard.press("Enter")
    expect(page.locator("#viewer.has-pixels")).to_be_visible()
    keys, decided = cycle("cxxsx"), 0
    while (now := page.evaluate(CURRENT)) != "finished":
        page.keyboard.press(next(keys))
        page.wait_for_function(f"(before) => ({CURRENT})() !== before", arg=now)
        decided += 1
        if decided % UNDO_EVERY == 0:
            page.keyboard.press("u")
            page.wait_for_function(f"(before) => ({CURRENT})() === before", arg=now)
    expect(page.locator("#save-state")).to_have_attribute("data-state", "saved")
    assert page.evaluate("pointersUsed") == 0
    assert count_standing(service, queue) == {candidates: 1}


def sign_in_by_keyboard(visitor: Visitor) -> None:
    visitor.open("/sign-in")
    keyboard = visitor.page.keyboard
    keyboard.type("rena")
    keyboard.press("Tab")
    keyboard.type(PASSWORDS["rena"])
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    expect(visitor.page).to_have_url(re.compile("/review"))


def tab_to(page: Page, wanted: object) -> None:
    """Press Tab until the element has the focus, as a person does."""
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("(element) => element === document.activeElement"):  # type: ignore[attr-defined]
            return
    pytest.fail("the element cannot be reached with Tab")


def count_standing(service: RunningService, queue: SeededQueue) -> dict[int, int]:
    """Return how many candidates of the queue have how many standing decisions."""
    statement = text(
        "select count(*), decisions from (select count(e.id) as decisions from candidates c"
        " left join review_events e on e.candidate_id = c.id and e.kind = 'decision' and not exists"
        " (select 1 from review_events u where u.undoes = e.id)"
        " where c.flight_id = :flight group by c.id) counted group by decisions"
    )
    engine = open_engine(service.database_url)
    with engine.connect() as connection:
        rows = connection.execute(statement, {"flight": queue.flight_ids[0]}).all()
    engine.dispose()
    return {row[0]: row[1] for row in rows}
