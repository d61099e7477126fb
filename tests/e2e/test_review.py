"""Reviewing with keys only; nothing that was decided is ever lost."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Visitor

pytestmark = pytest.mark.e2e

SENDING_S = 15


def _start(visitor: Visitor, candidate_ids: list[int], username: str = "rena") -> Page:
    """Open the first seeded candidate in the queue of its own flight."""
    visitor.sign_in(username)
    expect(visitor.page).to_have_url(re.compile("/(review|flights)$"))
    first = visitor.page.request.get(f"/api/v1/candidates/{candidate_ids[0]}").json()
    visitor.open(f"/review/{candidate_ids[0]}?state=pending&flight_id={first['flight_id']}")
    _expect_current(visitor.page, candidate_ids[0])
    return visitor.page


def _expect_current(page: Page, candidate_id: int) -> None:
    expect(page.locator("#panel .panel-head")).to_contain_text(f"#{candidate_id}")


def _expect_saved(page: Page) -> None:
    expect(page.locator("#save-state")).to_have_attribute("data-state", "saved")


def _expect_prefetched(page: Page, candidate_ids: list[int]) -> None:
    """Wait until the panels of these candidates have arrived, so that no link is needed."""
    page.wait_for_function(
        """(ids) => {
          const arrived = performance.getEntriesByType("resource")
            .filter((entry) => entry.responseEnd > 0).map((entry) => new URL(entry.name).pathname);
          return ids.every((id) => arrived.includes(`/review/${id}/panel`));
        }""",
        arg=candidate_ids,
    )


def _expect_outline_in_box(page: Page) -> None:
    """Wait until the outline touches all sides of its box, for as long as a zoom glides."""
    page.wait_for_function(
        """async () => {
          const fits = () => {
            const [line, box] = [".outline-line", ".photo-box"].map(
              (selector) => document.querySelector(selector)?.getBoundingClientRect());
            return line && box && line.width > 5 && ["left", "top", "right", "bottom"].every(
              (side) => Math.abs(line[side] - box[side]) < 1);
          };
          for (let frame = 0; frame < 20; frame += 1) {
            await new Promise((resolve) => requestAnimationFrame(resolve));
            if (!fits()) return false;
          }
          return true;
        }"""
    )


def _state_at_server(page: Page, candidate_id: int) -> str:
    answer = page.request.get(f"/api/v1/candidates/{candidate_id}").json()
    return str(answer["state"])


def _wait_for_state(page: Page, candidate_id: int, state: str) -> None:
    deadline = time.monotonic() + SENDING_S
    while _state_at_server(page, candidate_id) != state:
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)


def test_keys_decide_advance_and_undo(visitor: Visitor, candidate_ids: list[int]) -> None:
    page = _start(visitor, candidate_ids)
    one, two, three, four = candidate_ids
    expect(page.locator("#remaining")).to_have_text("4")
    page.keyboard.press("c")
    _expect_current(page, two)
    page.keyboard.press("x")
    _expect_current(page, three)
    page.keyboard.press("s")
    _expect_current(page, four)
    _expect_saved(page)
    states = [_state_at_server(page, each) for each in candidate_ids]
    assert states == ["confirmed", "rejected", "unsure", "pending"]
    expect(page.locator("#remaining")).to_have_text("1")
    page.keyboard.press("u")
    _expect_current(page, three)
    page.keyboard.press("Control+z")
    _expect_current(page, two)
    _expect_saved(page)
    states = [_state_at_server(page, each) for each in candidate_ids]
    assert states == ["confirmed", "pending", "pending", "pending"]
    page.keyboard.press("k")
    _expect_current(page, one)
    expect(page.locator(".panel-head .tag")).to_have_text("已确认")


def test_deciding_all_ends_with_an_empty_queue(visitor: Visitor, candidate_ids: list[int]) -> None:
    page = _start(visitor, candidate_ids)
    for following in candidate_ids[1:]:
        page.keyboard.press("2")
        _expect_current(page, following)
    page.keyboard.press("2")
    expect(page.locator("#finished")).to_be_visible()
    _expect_saved(page)
    assert {_state_at_server(page, each) for each in candidate_ids} == {"rejected"}
    page.keyboard.press("u")
    _expect_current(page, candidate_ids[-1])
    expect(page.locator("#finished")).to_be_hidden()


def test_a_filter_by_class_holds_through_the_whole_review(
    visitor: Visitor, candidate_ids: list[int]
) -> None:
    page = _start(visitor, candidate_ids)
    flight_id = page.request.get(f"/api/v1/candidates/{candidate_ids[0]}").json()["flight_id"]
    visitor.open(f"/review?flight_id={flight_id}")
    page.select_option("select[name=hazard_class]", "manhole_broken")
    expect(page.locator("tr:has(.crop)")).to_have_count(2)
    page.click("text=开始审核")
    expect(page.locator("#viewer.has-pixels")).to_be_visible()
    expect(page.locator("#remaining")).to_have_text("2")
    for _ in range(2):
        expect(page.locator("#panel h2")).to_have_text("井盖破损")
        page.keyboard.press("x")
    expect(page.locator("#finished")).to_be_visible()
    _expect_saved(page)
    states = sorted(_state_at_server(page, each) for each in candidate_ids)
    assert states == ["pending", "pending", "rejected", "rejected"]


def test_fast_keys_hit_one_candidate_each(visitor: Visitor, candidate_ids: list[int]) -> None:
    page = _start(visitor, candidate_ids)
    for key in "cxs":
        page.keyboard.press(key)
    _expect_current(page, candidate_ids[3])
    _expect_saved(page)
    states = [_state_at_server(page, each) for each in candidate_ids]
    assert states == ["confirmed", "rejected", "unsure", "pending"]


def test_duplicate_is_chosen_by_number_and_decides_nothing_else(
    visitor: Visitor, candidate_ids: list[int]
) -> None:
    page = _start(visitor, candidate_ids)
    page.keyboard.press("d")
    expect(page.locator("#duplicate-dialog")).to_be_visible()
    expect(page.locator(".duplicate-option")).to_have_count(3)
    page.keyboard.press("1")
    _expect_current(page, candidate_ids[1])
    _expect_saved(page)
    states = [_state_at_server(page, each) for each in candidate_ids]
    assert states == ["duplicate", "pending", "pending", "pending"]
    answer = page.request.get(f"/api/v1/candidates/{candidate_ids[0]}").json()
    assert answer["duplicate_of"] in candidate_ids[1:]


def test_photo_box_and_sightings(visitor: Visitor, candidate_ids: list[int]) -> None:
    page = _start(visitor, candidate_ids)
    expect(page.locator("#viewer.has-pixels")).to_be_visible()
    box = page.locator(".photo-box")
    expect(box).to_be_visible()
    # The first look is at the box: in the middle, and large enough to judge.
    page.wait_for_function(
        """() => {
          const [area, view] = [".photo-box", "#viewer"].map(
            (selector) => document.querySelector(selector)?.getBoundingClientRect());
          if (!area) return false;
          const off = area.x + area.width / 2 - (view.x + view.width / 2);
          return Math.abs(off) < 0.2 * view.width && area.width > 60;
        }"""
    )
    page.keyboard.press("h")
    expect(box).to_be_hidden()
    page.keyboard.press("h")
    expect(box).to_be_visible()
    expect(page.locator(".sighting")).to_have_count(2)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".sighting").nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#photo-name")).to_contain_text("2/2")
    expect(page.locator("#candidate-map path")).not_to_have_count(0)


def test_outline_lies_in_the_box_at_any_zoom_and_hides_with_it(
    visitor: Visitor, crack_ids: list[int]
) -> None:
    page = _start(visitor, crack_ids)
    expect(page.locator("#viewer.has-pixels")).to_be_visible()
    line, box = page.locator("#viewer .outline-line"), page.locator(".photo-box")
    _expect_outline_in_box(page)
    for key in ("+", "ArrowRight", "0", "z"):
        page.keyboard.press(key)
        _expect_outline_in_box(page)
    assert str(line.get_attribute("d")).count("M") == 2, "a ring for each piece"
    page.keyboard.press("h")
    expect(line).to_be_hidden()
    expect(box).to_be_hidden()
    page.keyboard.press("h")
    expect(line).to_be_visible()
    expect(page.locator(".model")).to_contain_text("facade_crack aaaaaaaaaaaa 阈值 0.35")


def test_no_outline_is_left_on_the_box_of_another_candidate(
    visitor: Visitor, crack_ids: list[int], candidate_ids: list[int]
) -> None:
    page = _start(visitor, crack_ids)
    line = page.locator("#viewer .outline-line")
    expect(line).to_have_attribute("d", re.compile("^M"))
    page.evaluate("(path) => history.pushState({}, '', path)", f"/review/{candidate_ids[0]}")
    page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    _expect_current(page, candidate_ids[0])
    expect(page.locator(".photo-box:not(.is-beside-outline)")).to_be_visible()
    expect(line).not_to_have_attribute("d", re.compile("M"))


def test_pixels_are_not_smoothed_above_full_size(
    visitor: Visitor, candidate_ids: list[int]
) -> None:
    page = _start(visitor, candidate_ids)
    expect(page.locator("#viewer.has-pixels")).to_be_visible()
    # Both in one look: what the label says and what is drawn belong together.
    shows = """([label, isSmooth]) =>
      document.querySelector("#zoom-label").textContent === label &&
      document.querySelector("#viewer canvas").getContext("2d").imageSmoothingEnabled === isSmooth
    """
    page.keyboard.press("z")
    page.wait_for_function(shows, arg=["100 %", True])
    page.keyboard.press("+")
    page.wait_for_function(shows, arg=["150 %", False])


def test_dead_link_keeps_decisions_and_sends_them_later(
    visitor: Visitor, candidate_ids: list[int]
) -> None:
    page = _start(visitor, candidate_ids)
    _expect_prefetched(page, candidate_ids[1:])
    page.context.set_offline(offline=True)
    page.keyboard.press("c")
    _expect_current(page, candidate_ids[1])
    page.keyboard.press("x")
    banner = page.locator("#outbox-banner")
    expect(banner).to_contain_text("有 2 个决定尚未送达服务器")
    assert _state_at_server(page, candidate_ids[0]) == "pending"
    page.context.set_offline(offline=False)
    expect(banner).to_be_hidden()
    _expect_saved(page)
    states = [_state_at_server(page, each) for each in candidate_ids[:2]]
    assert states == ["confirmed", "rejected"]


def test_decisions_survive_a_closed_page(
    open_visitor: Callable[..., Visitor], candidate_ids: list[int]
) -> None:
    visitor = open_visitor()
    visitor.page.route("**/decisions", lambda route: route.abort("connectionreset"))
    page = _start(visitor, candidate_ids)
    page.keyboard.press("c")
    expect(page.locator("#outbox-banner")).to_be_visible()
    page.unroute("**/decisions")
    visitor.open("/flights")
    expect(page.locator("#outbox-banner")).to_be_hidden()
    _wait_for_state(page, candidate_ids[0], "confirmed")


def test_lost_answer_does_not_double_the_decision(
    visitor: Visitor, candidate_ids: list[int]
) -> None:
    lost: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        if not lost:
            lost.append(route.request.url)
            route.fetch()
            route.abort("connectionreset")
        else:
            route.continue_()

    # Before the page is opened: an open page may send once more past a new route.
    visitor.page.route("**/decisions", lose_the_first_answer)
    page = _start(visitor, candidate_ids)
    page.keyboard.press("c")
    _expect_current(page, candidate_ids[1])
    _expect_saved(page)
    history = page.request.get(f"/api/v1/candidates/{candidate_ids[0]}").json()["history"]
    assert [event["verdict"] for event in history] == ["confirm"]
    assert len(lost) == 1


def test_colleague_was_faster_and_it_is_said(
    open_visitor: Callable[..., Visitor], candidate_ids: list[int]
) -> None:
    visitor = open_visitor()
    # An administrator is never asked for a blind second opinion, which would be taken.
    page = _start(visitor, candidate_ids, "admin")
    page.wait_for_load_state("networkidle")
    colleague = open_visitor()
    colleague.sign_in("rena")
    expect(colleague.page).to_have_url(re.compile("/review$"))
    for person, path, body, status in (
        (visitor, "queue/release", {}, 204),
        (colleague, f"candidates/{candidate_ids[0]}/decisions", {"verdict": "reject"}, 201),
    ):
        answer = person.page.request.post(
            f"/api/v1/{path}",
            headers={"Content-Type": "application/json", "Origin": colleague.service_url},
            data=json.dumps(body),
        )
        assert answer.status == status
    page.keyboard.press("c")
    banner = page.locator("#outbox-banner")
    expect(banner).to_contain_text("该候选已由他人作出决定")
    assert _state_at_server(page, candidate_ids[0]) == "rejected"
    page.click("#outbox-dismiss")
    expect(banner).to_be_hidden()


def test_confirmed_candidate_is_a_hazard_and_can_be_taken_back(
    visitor: Visitor, candidate_ids: list[int]
) -> None:
    page = _start(visitor, candidate_ids)
    page.keyboard.press("m")
    page.keyboard.type("路口东侧")
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    _expect_current(page, candidate_ids[1])
    _expect_saved(page)
    visitor.open("/hazards")
    row = page.locator(f"#hazard-{candidate_ids[0]}")
    expect(row).to_contain_text("井盖缺失")
    expect(row).to_contain_text("路口东侧")
    expect(row).to_contain_text("rena")
    exported = page.request.get("/api/v1/export/hazards.geojson").json()
    assert candidate_ids[0] in [feature["id"] for feature in exported["features"]]
    assert f"\r\n{candidate_ids[0]}," in page.request.get("/api/v1/export/hazards.csv").text()
    row.locator("button").click()
    expect(page.locator("#toasts")).to_contain_text("已撤销")
    _wait_for_state(page, candidate_ids[0], "pending")


def test_help_lists_the_keys(visitor: Visitor, candidate_ids: list[int]) -> None:
    page = _start(visitor, candidate_ids)
    page.keyboard.press("?")
    expect(page.locator("#help-dialog")).to_be_visible()
    page.keyboard.press("c")  # keys decide nothing while the help is open
    page.keyboard.press("Escape")
    expect(page.locator("#help-dialog")).to_be_hidden()
    _expect_current(page, candidate_ids[0])
    assert _state_at_server(page, candidate_ids[0]) == "pending"


def test_phone_can_decide_with_fingers(
    open_visitor: Callable[..., Visitor], candidate_ids: list[int]
) -> None:
    viewport = {"width": 390, "height": 844}
    visitor = open_visitor(viewport=viewport, has_touch=True, is_mobile=True)
    page = _start(visitor, candidate_ids)
    page.tap("button[data-act=reject]")
    _expect_current(page, candidate_ids[1])
    _expect_saved(page)
    assert _state_at_server(page, candidate_ids[0]) == "rejected"
    page.wait_for_function(
        "(width) => document.documentElement.scrollWidth <= width", arg=viewport["width"]
    )
