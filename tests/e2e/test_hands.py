"""Keys, undo and the way of acts to the server, whatever link and session do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Dialog, Page, Route, expect
from sqlalchemy import select, text, update

from serving.db.engine import make_sessions, open_engine
from serving.db.tables import (
    CandidateRow,
    DetectionAppearanceRow,
    ReviewEventRow,
    SightingRow,
)
from tests.bench.seeded_queue import seed_queue
from tests.e2e.conftest import PASSWORDS, RunningService, Visitor

pytestmark = pytest.mark.e2e

DECISIONS = 20
SOON_MS = 10_000
"""Less than the longest delay between two tries, 15 s."""
CURRENT = """() => document.querySelector("#finished").checkVisibility() ? "finished"
  : document.querySelector("#panel .panel-head")?.textContent.match(/#(\\d+)/)?.[1] ?? null"""


class Queue:
    """A flight of candidates, all of one tier, and what the server knows of them."""

    def __init__(self, service: RunningService, folder: Path, candidates: int) -> None:
        """Seed it."""
        seeded = seed_queue(
            service.database_url,
            service.data_dir,
            folder,
            candidates=candidates,
            photos=2,
            flights=1,
        )
        self.flight_id = seeded.flight_ids[0]
        self._engine = open_engine(service.database_url)
        self._sessions = make_sessions(self._engine)
        with self._sessions.begin() as session:
            own = CandidateRow.flight_id == self.flight_id
            session.execute(update(CandidateRow).where(own).values(tier="normal"))
            order = (CandidateRow.risk_key.desc(), CandidateRow.id.desc())
            self.ids = list(session.scalars(select(CandidateRow.id).where(own).order_by(*order)))

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def events(self) -> list[tuple[object, ...]]:
        """Return candidate, kind, user name and verdict of each act, in the order of arrival."""
        columns = (
            ReviewEventRow.candidate_id,
            ReviewEventRow.kind,
            ReviewEventRow.username,
            ReviewEventRow.verdict,
        )
        with self._sessions() as session:
            statement = select(*columns).where(ReviewEventRow.candidate_id.in_(self.ids))
            return [tuple(row) for row in session.execute(statement.order_by(ReviewEventRow.id))]

    def snapshot(self) -> list[object]:
        """Return every column of every candidate."""
        statement = text("select to_jsonb(c) from candidates c where flight_id = :id order by id")
        with self._sessions() as session:
            return list(session.scalars(statement, {"id": self.flight_id}))

    def states(self) -> list[str]:
        """Return the states in the order of the queue."""
        with self._sessions() as session:
            found = session.execute(select(CandidateRow.id, CandidateRow.state))
            by_id = {row.id: row.state for row in found}
        return [by_id[each] for each in self.ids]

    def describe(self, angles_deg: list[float], classes: list[str]) -> None:
        """Give the first candidates vectors in a plane, and classes."""
        with self._sessions.begin() as session:
            for candidate_id, hazard_class in zip(self.ids, classes, strict=False):
                row = session.get_one(CandidateRow, candidate_id)
                row.hazard_class = hazard_class
            for candidate_id, angle in zip(self.ids, angles_deg, strict=False):
                turn = np.deg2rad(angle)
                vector = np.array([np.cos(turn), np.sin(turn)], "<f2").tobytes()
                own = select(SightingRow.detection_id).where(
                    SightingRow.candidate_id == candidate_id
                )
                session.add_all(
                    DetectionAppearanceRow(
                        detection_id=each, weights_sha256="f" * 64, vector=vector
                    )
                    for each in session.scalars(own)
                )


@pytest.fixture
def make_queue(service: RunningService, tmp_path: Path) -> Iterator[Callable[[int], Queue]]:
    """Return a maker of queues of any length."""
    queues: list[Queue] = []

    def make(candidates: int) -> Queue:
        queues.append(Queue(service, tmp_path / f"queue{len(queues)}", candidates))
        return queues[-1]

    yield make
    for queue in queues:
        queue.close()


def start(visitor: Visitor, queue: Queue, *, ahead: int = 5) -> Page:
    """Open the first candidate, with the next ones read ahead."""
    visitor.sign_in("rena")
    open_first(visitor, queue, ahead=ahead)
    return visitor.page


def open_first(visitor: Visitor, queue: Queue, *, ahead: int = 5) -> None:
    visitor.open(f"/review/{queue.ids[0]}?state=pending&flight_id={queue.flight_id}")
    expect_current(visitor.page, queue.ids[0])
    expect_prefetched(visitor.page, queue.ids[1 : 1 + ahead])


def expect_current(page: Page, candidate_id: int) -> None:
    expect(page.locator("#panel .panel-head")).to_contain_text(f"#{candidate_id}")


def expect_prefetched(page: Page, candidate_ids: list[int]) -> None:
    page.wait_for_function(
        """(ids) => {
          const arrived = performance.getEntriesByType("resource")
            .filter((entry) => entry.responseEnd > 0).map((entry) => new URL(entry.name).pathname);
          return ids.every((id) => arrived.includes(`/review/${id}/panel`));
        }""",
        arg=candidate_ids,
    )


def expect_saved(page: Page) -> None:
    expect(page.locator("#save-state")).to_have_attribute("data-state", "saved")


def press(page: Page, key: str) -> None:
    """Press a key and wait for the next candidate."""
    before = page.evaluate(CURRENT)
    page.keyboard.press(key)
    page.wait_for_function(f"(before) => ({CURRENT})() !== before", arg=before)


def sign_in_over_the_page(page: Page, password: str) -> None:
    page.fill("#session-dialog [name=password]", password)
    page.click("#session-dialog button[type=submit]")


def test_twenty_decisions_over_a_dead_link_arrive_once_and_in_order(
    visitor: Visitor, make_queue: Callable[[int], Queue]
) -> None:
    queue = make_queue(DECISIONS + 2)
    page = start(visitor, queue)
    page.route("**/decisions", lambda route: route.abort("internetdisconnected"))
    for number in range(DECISIONS):
        press(page, "cxs"[number % 3])
    banner = page.locator("#outbox-banner")
    expect(banner).to_contain_text(f"有 {DECISIONS} 个决定尚未送达服务器")
    assert queue.events() == []
    page.unroute("**/decisions")
    page.click("#outbox-retry")
    expect(banner).to_be_hidden()
    expect_saved(page)
    verdicts = ["confirm", "reject", "unsure"]
    assert queue.events() == [
        (queue.ids[number], "decision", "rena", verdicts[number % 3]) for number in range(DECISIONS)
    ]


def test_without_any_link_one_decides_takes_back_and_decides_anew(
    visitor: Visitor, make_queue: Callable[[int], Queue]
) -> None:
    queue = make_queue(6)
    page = start(visitor, queue)
    page.context.set_offline(offline=True)
    for key in "cccuxus":
        press(page, key)
    expect(page.locator("#outbox-banner")).to_be_visible()
    assert queue.events() == []
    page.context.set_offline(offline=False)
    expect_saved(page)
    expect(page.locator("#outbox-banner")).to_be_hidden()
    # What was taken back before anybody had seen it never happened.
    assert queue.states()[:4] == ["confirmed", "confirmed", "unsure", "pending"]
    assert [event[1] for event in queue.events()] == ["decision"] * 3


def test_a_link_that_is_back_while_a_try_fails_is_tried_again_soon(
    visitor: Visitor, make_queue: Callable[[int], Queue]
) -> None:
    queue = make_queue(8)
    page = start(visitor, queue)
    page.route("**/decisions", lambda route: route.abort("internetdisconnected"))
    for _ in range(6):  # as many failures as make the delay its longest
        press(page, "c")
    page.unroute("**/decisions")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/decisions", hold_the_first)
    with page.expect_request("**/decisions"):
        page.click("#outbox-retry")
    page.evaluate("dispatchEvent(new Event('online'))")
    held[0].abort("internetdisconnected")
    expect(page.locator("#save-state")).to_have_attribute("data-state", "saved", timeout=SOON_MS)
    assert len(queue.events()) == 6


def test_a_session_that_ends_in_the_middle_costs_one_password(
    visitor: Visitor, make_queue: Callable[[int], Queue]
) -> None:
    queue = make_queue(4)
    page = start(visitor, queue, ahead=3)
    page.context.clear_cookies(name="hazardlens_session")
    page.keyboard.press("c")
    dialog = page.locator("#session-dialog")
    expect(dialog).to_be_visible()
    expect(dialog.locator("[name=username]")).to_have_value("rena")
    sign_in_over_the_page(page, "not the password")
    expect(page.locator("#session-problem")).to_contain_text("用户名或密码")
    sign_in_over_the_page(page, PASSWORDS["rena"])
    expect(dialog).to_be_hidden()
    expect_saved(page)
    expect_current(page, queue.ids[1])
    press(page, "x")
    expect_saved(page)
    assert queue.states()[:2] == ["confirmed", "rejected"]


def test_nobody_elses_sign_in_sends_ones_acts(
    visitor: Visitor, make_queue: Callable[[int], Queue]
) -> None:
    queue = make_queue(4)
    page = start(visitor, queue, ahead=3)
    page.context.clear_cookies(name="hazardlens_session")
    page.keyboard.press("c")
    expect(page.locator("#session-dialog")).to_be_visible()
    other = page.context.new_page()
    other.goto("/sign-in")
    other.fill("[name=username]", "admin")
    other.fill("[name=password]", PASSWORDS["admin"])
    with other.expect_navigation():
        other.click("main button[type=submit]")
    other.goto("/review")
    expect(other.locator("#outbox-banner")).to_be_hidden()
    with page.expect_response("**/decisions") as tried:
        page.evaluate("dispatchEvent(new Event('focus'))")
    assert tried.value.json()["code"] == "other_person_signed_in"
    expect(page.locator("#session-dialog")).to_be_visible()
    assert queue.events() == []
    sign_in_over_the_page(page, PASSWORDS["rena"])
    expect_saved(page)
    assert queue.events() == [(queue.ids[0], "decision", "rena", "confirm")]
    other.close()


def test_what_looks_alike_goes_together_and_comes_back_whole_after_a_reload(
    visitor: Visitor, make_queue: Callable[[int], Queue]
) -> None:
    queue = make_queue(6)
    crack, cover = "facade_crack", "manhole_broken"
    queue.describe([0, 12, 6, 90, 18, 180], [crack, crack, crack, crack, cover, crack])
    before = queue.snapshot()
    page = start(visitor, queue)
    page.keyboard.press("r")
    tiles = page.locator(".similar-option")
    expect(tiles).to_have_count(4)
    expect(tiles.nth(1)).to_contain_text(f"#{queue.ids[2]}")  # the most alike first
    expect(tiles.nth(3)).to_have_attribute("aria-pressed", "false")  # another class
    tiles.nth(3).click()
    expect(page.locator("#similar-confirm")).to_have_text("排除 4 个")
    tiles.nth(3).click()
    expect(page.locator("#similar-confirm")).to_have_text("排除 3 个")
    page.keyboard.press("r")
    expect_current(page, queue.ids[3])
    expect_saved(page)
    rejected, pending = "rejected", "pending"
    assert queue.states() == [rejected, rejected, rejected, pending, pending, pending]
    expect(page.locator("#remaining")).to_have_text("3")
    page.reload()
    expect_current(page, queue.ids[3])
    page.keyboard.press("u")
    expect(page.locator("#toasts")).to_contain_text("批量排除")
    expect_saved(page)
    assert queue.snapshot() == before
    expect(page.locator("#remaining")).to_have_text("6")


def test_undo_goes_back_through_everything_even_after_a_reload(
    visitor: Visitor, make_queue: Callable[[int], Queue]
) -> None:
    queue = make_queue(5)
    before = queue.snapshot()
    page = start(visitor, queue, ahead=4)
    for key in "cxsc":
        press(page, key)
    expect_saved(page)
    page.reload()
    expect_current(page, queue.ids[4])
    for candidate_id in reversed(queue.ids[:4]):
        page.keyboard.press("u")
        expect_current(page, candidate_id)
    expect_saved(page)
    assert queue.snapshot() == before


def test_keys_are_changed_without_conflict_and_survive_a_reload(
    open_visitor: Callable[..., Visitor], make_queue: Callable[[int], Queue]
) -> None:
    queue = make_queue(3)
    visitor = open_visitor()
    page = start(visitor, queue, ahead=2)
    page.keyboard.press("?")
    chip = page.locator("#help-dialog [data-key-act=confirm]").first
    expect(chip).to_have_text("C")
    chip.click()
    page.keyboard.press("x")
    expect(page.locator("#key-message")).to_contain_text("排除")
    page.keyboard.press("y")
    expect(chip).to_have_text("Y")
    page.keyboard.press("Escape")
    expect(page.locator("#help-dialog")).to_be_hidden()
    page.reload()
    expect_current(page, queue.ids[0])
    expect(page.locator("[data-key-of=confirm]")).to_have_text("Y")
    page.keyboard.press("c")  # does nothing any more
    press(page, "y")
    expect_saved(page)
    assert queue.states() == ["confirmed", "pending", "pending"]
    page.keyboard.press("?")
    with page.expect_response("**/me/keys"):
        page.click("#key-reset")
    expect(chip).to_have_text("C")


def test_the_next_five_are_read_ahead_as_one_goes(
    visitor: Visitor, make_queue: Callable[[int], Queue]
) -> None:
    queue = make_queue(8)
    page = start(visitor, queue, ahead=5)
    press(page, "x")
    expect_prefetched(page, queue.ids[6:7])
    asked = [url for url in visitor.requested if url.endswith("/panel") or "/panel?" in url]
    assert not any(f"/review/{queue.ids[7]}/" in url for url in asked)


def test_two_tabs_and_a_lost_answer_do_each_act_once(
    visitor: Visitor, make_queue: Callable[[int], Queue]
) -> None:
    queue = make_queue(8)
    page = start(visitor, queue)
    second = page.context.new_page()
    lost: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        if not lost:
            lost.append(route.request.url)
            route.fetch()
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/decisions", lose_the_first_answer)
    second.goto(f"/review/{queue.ids[4]}?state=pending&flight_id={queue.flight_id}")
    expect_current(second, queue.ids[4])
    press(page, "c")
    press(second, "x")
    press(page, "c")
    for tab in (page, second):
        expect_saved(tab)
    assert {event[:2] for event in queue.events()} == {
        (queue.ids[number], "decision") for number in (0, 1, 4)
    }
    assert len(queue.events()) == 3
    second.close()


def test_a_full_storage_loses_nothing_and_leaving_is_warned_of(
    visitor: Visitor, make_queue: Callable[[int], Queue]
) -> None:
    queue = make_queue(3)
    page = start(visitor, queue, ahead=2)
    page.evaluate(
        """() => {
          let size = 4_000_000;
          for (let number = 0; size >= 1; number += 1) {
            try { localStorage.setItem(`filler${number}`, "x".repeat(size)); }
            catch { size = Math.floor(size / 2); }
          }
        }"""
    )
    page.route("**/decisions", lambda route: route.abort("internetdisconnected"))
    press(page, "c")
    expect(page.locator("#outbox-banner")).to_contain_text("存储空间已满")
    warned: list[str] = []

    def stay(dialog: Dialog) -> None:
        warned.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.locator(".brand").click(no_wait_after=True)
    page.wait_for_function("document.readyState === 'complete'")
    expect_current(page, queue.ids[1])
    page.unroute("**/decisions")
    page.click("#outbox-retry")
    expect_saved(page)
    assert warned == ["beforeunload"]
    assert queue.states()[0] == "confirmed"
    page.evaluate("localStorage.clear()")
