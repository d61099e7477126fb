"""A candidate about a whole building: what speaks for it, before and now, its permits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.building_seed import SeededBuilding, seed_building
from tests.e2e.conftest import RunningService, Visitor
from tests.e2e.test_every_page import AXE, PHONE, WIDE, find_violations, save_shot

pytestmark = pytest.mark.e2e

LAND = "#permits [data-permit=land]"
PLANNING = "#permits [data-permit=planning]"


@pytest.fixture
def building(service: RunningService, tmp_path: Path) -> SeededBuilding:
    return seed_building(service.database_url, service.data_dir, tmp_path)


def _open(visitor: Visitor, candidate_id: int, user: str = "rena") -> Page:
    visitor.sign_in(user)
    visitor.open(f"/review/{candidate_id}?state=pending")
    expect(visitor.page.locator("#panel .panel-head")).to_contain_text(f"#{candidate_id}")
    return visitor.page


def _permits(page: Page, candidate_id: int) -> dict[str, Any]:
    answer = page.request.get(f"/api/v1/candidates/{candidate_id}/permit-checks").json()
    return {each["permit"]: each["standing"] for each in answer["permits"] if each["standing"]}


def test_the_building_is_suspected_not_accused_and_every_figure_has_its_error(
    visitor: Visitor, building: SeededBuilding
) -> None:
    page = _open(visitor, building.candidate_id)
    expect(page.locator("#panel h2")).to_have_text("疑似加层\uff0c待核实")
    evidence = page.locator(".evidence")
    for text in ("屋面升高 3.0 ± 0.4 m", "面积 64 m²", "之前 9.1 m", "现在 12.1 m", "3 层"):
        expect(evidence).to_contain_text(text)
    expect(page.locator(".signal-photo")).to_contain_text("没有模型检出")
    expect(evidence).to_contain_text("Base")
    assert "违法建筑" not in page.inner_text("#panel")


def test_a_permit_is_answered_with_one_click_and_taken_back_with_one_key(
    visitor: Visitor, building: SeededBuilding
) -> None:
    page = _open(visitor, building.candidate_id)
    expect(page.locator(".permit-answer[aria-pressed=true]")).to_have_count(0)
    page.click(f"{PLANNING} [data-permit-answer=no]")
    expect(page.locator(f"{PLANNING} .permit-said")).to_contain_text("rena")
    expect(page.locator(f"{PLANNING} [data-permit-answer=no]")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.click(f"{PLANNING} [data-permit-answer=yes]")
    expect(page.locator(".history")).to_contain_text("规划许可: 无")
    page.keyboard.press("u")
    expect(page.locator(f"{PLANNING} [data-permit-answer=no]")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.click(f"{PLANNING} [data-undo-permit]")
    expect(page.locator(".permit-answer[aria-pressed=true]")).to_have_count(0)
    assert _permits(page, building.candidate_id) == {}


def test_all_permits_are_answered_with_the_keys_and_notes(
    visitor: Visitor, building: SeededBuilding
) -> None:
    page = _open(visitor, building.candidate_id)
    page.keyboard.press("l")
    expect(page.locator("#permit-dialog")).to_be_visible()
    page.keyboard.press("Space")  # 用地: 有
    page.keyboard.press("Tab")
    page.keyboard.type("1998 批地")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("局里在查")  # a note alone: it is being looked into
    page.keyboard.press("Enter")
    expect(page.locator(f"{PLANNING} .permit-said")).to_contain_text("局里在查")
    found = _permits(page, building.candidate_id)
    assert {name: (each["answer"], each["note"]) for name, each in found.items()} == {
        "land": ("yes", "1998 批地"),
        "planning": ("to_check", "局里在查"),
    }
    page.keyboard.press("l")
    page.keyboard.press("Escape")
    assert _permits(page, building.candidate_id) == found, "leaving changes nothing"


def test_a_colleagues_answer_is_shown_not_spoken_over(
    open_visitor: Callable[..., Visitor], building: SeededBuilding
) -> None:
    page = _open(open_visitor(), building.candidate_id)
    other = _open(open_visitor(), building.candidate_id, "bela")
    other.click(f"{LAND} [data-permit-answer=yes]")
    expect(other.locator(f"{LAND} .permit-said")).to_contain_text("bela")
    page.click(f"{LAND} [data-permit-answer=no]")
    expect(page.locator("#toasts")).to_contain_text("其他人刚刚填写了这项许可")
    expect(page.locator(f"{LAND} .permit-said")).to_contain_text("bela")
    assert _permits(page, building.candidate_id)["land"]["answer"] == "yes"


def test_before_and_now_lie_under_sliders_and_photos_move_together(
    visitor: Visitor, building: SeededBuilding
) -> None:
    page = _open(visitor, building.candidate_id)
    page.focus(".ortho-range")
    page.keyboard.press("Home")
    share = "() => document.querySelector('.ortho').style.getPropertyValue('--share')"
    assert page.evaluate(share) == "0%"
    page.locator("#panel").focus()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("a")
    pair = page.locator("#building-compare .pair")
    expect(pair).to_have_attribute("data-mode", "side")
    expect(pair).to_have_attribute("data-ready", "yes")
    boxes = page.locator("#building-compare .photo-box")
    expect(boxes).to_have_count(2)
    before = [_width(page, index) for index in range(2)]
    page.keyboard.press("+")
    # Both at one instant: the zoom is drawn over some frames.
    page.wait_for_function(
        """before => {
            const boxes = [...document.querySelectorAll("#building-compare .photo-box")];
            const [one, other] = boxes.map((box, index) =>
                box.getBoundingClientRect().width / before[index]);
            return one > 1.4 && Math.abs(one / other - 1) < 0.05;
        }""",
        arg=before,
    )
    expect(page.locator("#building-compare .pair-count")).to_have_text("1/2")
    page.keyboard.press("]")
    expect(page.locator("#building-compare .pair-count")).to_have_text("2/2")
    for mode in ("swipe", "ortho", "difference"):
        page.keyboard.press("a")
        expect(page.locator(f"#building-compare [value={mode}]")).to_have_attribute(
            "aria-pressed", "true"
        )
    expect(page.locator(".compare-difference")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#building-compare")).to_be_hidden()


def test_who_may_only_look_sees_the_answers(visitor: Visitor, building: SeededBuilding) -> None:
    page = _open(visitor, building.candidate_id, "enno")
    expect(page.locator(LAND)).to_contain_text("尚未核查")
    expect(page.locator(".permit-answer")).to_have_count(0)


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not set up: run `make e2e`")
def test_readable_for_all_at_both_widths_light_and_dark(
    open_visitor: Callable[..., Visitor], building: SeededBuilding, request: pytest.FixtureRequest
) -> None:
    page = _open(open_visitor(reduced_motion="reduce"), building.candidate_id)
    page.wait_for_selector("#viewer.has-pixels")
    page.click(f"{LAND} [data-permit-answer=yes]")
    page.click(f"{PLANNING} [data-permit-answer=no]")
    expect(page.locator(f"{PLANNING} .permit-said")).to_contain_text("rena")
    shots = request.config.getoption("--shots", default=None)
    found = _look_at(page, "building", shots)
    page.keyboard.press("l")
    page.wait_for_selector("#permit-dialog[open]")
    found |= _look_at(page, "permits", shots)
    page.keyboard.press("Escape")
    expect(page.locator("#permit-dialog")).to_be_hidden()
    page.click("[data-act=compareBuilding]")  # the key has a test of its own
    page.wait_for_selector("#building-compare .pair[data-ready=yes]")
    found |= _look_at(page, "before_and_now", shots)
    assert {place: each for place, each in found.items() if each} == {}


def _look_at(page: Page, name: str, shots: str | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for width, size in (("wide", WIDE), ("phone", PHONE)):
        place = f"{name}_{width}"
        page.set_viewport_size(size)  # type: ignore[arg-type]  # a dict of the right keys
        page.emulate_media(color_scheme="light")
        found[place] = find_violations(page)
        save_shot(page, shots, f"{place}_light")
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found[f"{place}, sideways"] = [f"{overflow} px too wide"] if overflow > 0 else []
        page.emulate_media(color_scheme="dark")
        save_shot(page, shots, f"{place}_dark")
    # The colours are the same at both widths.
    found[f"{name}, dark"] = find_violations(page, ["color-contrast"])
    return found


def _width(page: Page, index: int) -> float:
    box = page.locator("#building-compare .photo-box").nth(index).bounding_box()
    assert box is not None
    return float(box["width"])
