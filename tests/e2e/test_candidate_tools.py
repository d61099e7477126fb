"""Correcting, comparing and looking up on the review screen, with a mouse and with keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from serving.db.engine import make_sessions, open_engine
from serving.db.tables import CandidateRow
from tests.drawn_layers import box_at, write_geojson
from tests.e2e.conftest import RunningService, Visitor
from tests.e2e.seed import seed_candidates

pytestmark = pytest.mark.e2e

PLACE_LAT = 28.25


def _open(visitor: Visitor, candidate_id: int, user: str = "rena") -> Page:
    visitor.sign_in(user)
    page = visitor.page
    first = page.request.get(f"/api/v1/candidates/{candidate_id}").json()
    visitor.open(f"/review/{candidate_id}?state=pending&flight_id={first['flight_id']}")
    expect(page.locator("#panel .panel-head")).to_contain_text(f"#{candidate_id}")
    expect(page.locator("#viewer")).to_have_attribute("data-sharp", "yes")
    return page


def _first_box(page: Page, candidate_id: int) -> list[float]:
    sighting = page.request.get(f"/api/v1/candidates/{candidate_id}").json()["sightings"][0]
    box: list[float] = sighting["bbox_xyxy"]
    return box


def test_box_is_corrected_with_the_keys_and_taken_back(
    visitor: Visitor, candidate_ids: list[int]
) -> None:
    page = _open(visitor, candidate_ids[0])
    drawn = _first_box(page, candidate_ids[0])
    page.keyboard.press("e")
    expect(page.locator(".box-frame")).to_be_visible()
    page.keyboard.press("c")  # nothing is decided meanwhile
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+Tab")  # backwards: the left side
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.locator("#panel .history")).to_contain_text("已改正框")
    expect(page.locator("#photo-name")).to_contain_text("rena 已改正")
    expect(page.locator(".box-frame")).to_have_count(0)
    x_min, y_min, x_max, y_max = drawn
    assert _first_box(page, candidate_ids[0]) == [x_min, y_min + 10, x_max + 1, y_max + 10]
    page.keyboard.press("u")
    expect(page.locator("#panel .history .is-undone")).to_have_count(1)
    assert _first_box(page, candidate_ids[0]) == drawn
    answer = page.request.get(f"/api/v1/candidates/{candidate_ids[0]}").json()
    assert answer["state"] == "pending"


def test_box_is_corrected_with_the_mouse(visitor: Visitor, candidate_ids: list[int]) -> None:
    page = _open(visitor, candidate_ids[0])
    drawn = _first_box(page, candidate_ids[0])
    page.click("button[data-act=editBox]")
    page.wait_for_function(
        "() => document.querySelector('.box-frame')?.getBoundingClientRect().width > 40"
    )
    page.wait_for_function(  # the zoom to the box has come to its end
        """() => new Promise((resolve) => {
          const handle = document.querySelector(".box-handle[data-handle=se]");
          const before = handle.getBoundingClientRect().x;
          requestAnimationFrame(() => requestAnimationFrame(
            () => resolve(Math.abs(handle.getBoundingClientRect().x - before) < 0.01)));
        })"""
    )
    corner = page.locator(".box-handle[data-handle=se]").bounding_box()
    assert corner is not None
    x, y = corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 30, steps=3)
    page.mouse.up()
    page.click("#edit-bar button[value=save]")
    expect(page.locator("#panel .history")).to_contain_text("已改正框")
    x_min, y_min, x_max, y_max = _first_box(page, candidate_ids[0])
    assert [x_min, y_min] == drawn[:2], "the other corner stays"
    grown = (x_max - drawn[2], y_max - drawn[3])
    assert grown[0] > 0
    assert grown[0] == pytest.approx(2 * grown[1], rel=0.1)


def test_leaving_the_editor_changes_nothing(visitor: Visitor, candidate_ids: list[int]) -> None:
    page = _open(visitor, candidate_ids[0])
    page.keyboard.press("e")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Escape")
    expect(page.locator(".box-frame")).to_have_count(0)
    expect(page.locator(".photo-box")).to_be_visible()
    assert page.request.get(f"/api/v1/candidates/{candidate_ids[0]}").json()["corrections"] == []
    page.keyboard.press("x")  # the keys decide again
    expect(page.locator("#panel .panel-head")).not_to_contain_text(f"#{candidate_ids[0]}")


def test_class_is_corrected_by_number(visitor: Visitor, candidate_ids: list[int]) -> None:
    page = _open(visitor, candidate_ids[0])
    page.keyboard.press("t")
    expect(page.locator("#class-dialog")).to_be_visible()
    page.keyboard.press("2")
    expect(page.locator("#panel h2")).to_have_text("井盖破损")
    expect(page.locator(".corrected-note")).to_contain_text("rena")
    expect(page.locator(".corrected-note")).to_contain_text("井盖缺失")
    page.locator("button[data-undo-correction]").click()
    expect(page.locator("#panel h2")).to_have_text("井盖缺失")
    assert page.request.get(f"/api/v1/candidates/{candidate_ids[0]}").json()["state"] == "pending"


def test_place_is_compared_with_another_flight_under_a_swipe(
    visitor: Visitor, service: RunningService, tmp_path: Path
) -> None:
    earlier, later = (
        seed_candidates(service.database_url, service.data_dir, tmp_path / name, lat=PLACE_LAT)
        for name in ("one", "two")
    )
    page = _open(visitor, later[0])
    place = page.request.get(f"/api/v1/candidates/{later[0]}/place").json()
    assert place["views"][0]["candidate_id"] in earlier
    expect(page.locator(".place-card")).to_have_count(len(place["views"]))
    page.keyboard.press("b")
    pair = page.locator("#compare .pair")
    expect(pair).to_have_attribute("data-ready", "yes")
    share = "() => document.querySelector('.pair').style.getPropertyValue('--share')"
    before = page.evaluate(share)
    page.keyboard.press("ArrowRight")
    assert page.evaluate(share) != before
    page.keyboard.press("b")
    expect(pair).to_have_attribute("data-mode", "side")
    page.keyboard.press("+")
    # The same thing lies at the same spot of both halves, at any zoom.
    page.wait_for_function(
        """() => {
          const at = (side) => {
            const pane = document.querySelector(`.pair-${side}`).getBoundingClientRect();
            const box = document.querySelector(`.pair-${side} .photo-box`)?.getBoundingClientRect();
            if (!box) return null;
            return [box.x + box.width / 2 - pane.x, box.y + box.height / 2 - pane.y, box.width];
          };
          const [old, now] = [at("old"), at("now")];
          return old && now && old.every((value, index) => Math.abs(value - now[index]) < 2);
        }"""
    )
    page.keyboard.press("Escape")
    expect(page.locator("#compare")).to_be_hidden()
    page.keyboard.press("b")
    page.keyboard.press("x")  # deciding goes on to the next and closes it
    expect(page.locator("#compare")).to_be_hidden()
    expect(page.locator("#panel .panel-head")).not_to_contain_text(f"#{later[0]}")


def test_two_flights_are_compared_photo_by_photo(
    visitor: Visitor, service: RunningService, tmp_path: Path
) -> None:
    lat = PLACE_LAT + 0.5
    ids = [
        seed_candidates(service.database_url, service.data_dir, tmp_path / name, lat=lat)[0]
        for name in ("one", "two")
    ]
    visitor.sign_in("olga")
    admin = _flights_of(service, ids)
    visitor.open(f"/flights/{admin[1]}")
    visitor.page.click("text=与其他架次对比")
    expect(visitor.page.locator(".pair")).to_have_attribute("data-ready", "yes")
    expect(visitor.page.locator("#compare-strip .sighting")).to_have_count(2)
    expect(visitor.page.locator("select[name=other]")).to_have_value(str(admin[0]))


def test_building_card_tells_storeys_permit_and_what_else_is_there(
    visitor: Visitor, service: RunningService, candidate_ids: list[int], tmp_path: Path
) -> None:
    lon, lat = _put_on_building(service, candidate_ids[:2])
    fields = {
        "id": "B-17", "name": "解放路17号", "height": 21.5, "storeys": 7,
        "许可层数": "5层", "用途": "商住混合",
    }  # fmt: skip
    path = write_geojson(tmp_path / "b.geojson", [(box_at(0, 0, 200.0, (lon, lat)), fields)])
    file = FilePayload(name=path.name, mimeType="application/json", buffer=path.read_bytes())
    visitor.sign_in("admin")
    answer = visitor.page.request.post(
        "/api/v1/layers",
        headers={"Origin": service.url},
        multipart={
            "file": file,
            "kind": "buildings",
            "name": "房屋",
            "id_field": "id",
        },
    )
    assert answer.status == 201, answer.text()
    visitor.open(f"/review/{candidate_ids[0]}")
    card = visitor.page.locator(".building-card")
    for text in ("解放路17号", "21.5 m", "商住混合", f"#{candidate_ids[1]}"):
        expect(card).to_contain_text(text)
    expect(card.locator(".is-over")).to_contain_text("5")


def test_blind_reviewer_sees_nothing_of_what_others_did(
    open_visitor: Callable[..., Visitor], candidate_ids: list[int]
) -> None:
    candidate_id = candidate_ids[0]
    first = open_visitor()
    page = _open(first, candidate_id, "bela")
    page.keyboard.press("t")
    page.keyboard.press("2")
    expect(page.locator(".corrected-note")).to_be_visible()
    page.keyboard.press("o")
    page.locator("#opinion-dialog button[value=ask]").click()
    expect(page.locator("#toasts")).to_contain_text("已请他人复核")
    page.keyboard.press("c")
    expect(page.locator("#save-state")).to_have_attribute("data-state", "saved")
    expect(page.locator("#panel .panel-head")).not_to_contain_text(f"#{candidate_id}")

    blind = _open(open_visitor(), candidate_id)
    expect(blind.locator("#panel h2")).to_have_text("井盖缺失")
    expect(blind.locator(".panel-head .tag")).to_have_text(re.compile("待审"))
    expect(blind.locator("#panel .history, .corrected-note")).to_have_count(0)
    answer = blind.request.get(f"/api/v1/candidates/{candidate_id}").json()
    assert (answer["corrections"], answer["history"], answer["risk"]) == ([], [], None)
    listed = blind.request.get(f"/api/v1/candidates?flight_id={answer['flight_id']}").json()
    classes = {item["id"]: item["hazard_class"] for item in listed["items"]}
    assert classes[candidate_id] == "manhole_missing"
    listing = blind.request.get(f"/review?flight_id={answer['flight_id']}")
    assert listing.status == 200
    # What they correct is their opinion: it changes nothing for anybody else.
    blind.keyboard.press("t")
    blind.keyboard.press("4")
    expect(blind.locator(".corrected-note")).to_contain_text("rena")
    said = page.request.get(f"/api/v1/candidates/{candidate_id}").json()
    assert (said["hazard_class"], said["state"]) == ("manhole_broken", "confirmed")


def test_guide_shows_drawings_of_the_class(visitor: Visitor, candidate_ids: list[int]) -> None:
    page = _open(visitor, candidate_ids[0])
    page.keyboard.press("i")
    expect(page.locator("#guide-dialog .is-current h3")).to_have_text("井盖缺失")
    drawings = page.locator("#guide-dialog .is-current .drawing")
    expect(drawings).to_have_count(6)
    for drawing in drawings.all():
        box = drawing.evaluate("(svg) => svg.getBBox().width")
        assert box > 0, "the drawing is there"
    page.keyboard.press("Escape")
    expect(page.locator("#guide-dialog")).to_be_hidden()


def _flights_of(service: RunningService, candidate_ids: list[int]) -> list[int]:
    engine = open_engine(service.database_url)
    with make_sessions(engine)() as session:
        found = [session.get_one(CandidateRow, each).flight_id for each in candidate_ids]
    engine.dispose()
    return found


def _put_on_building(service: RunningService, candidate_ids: list[int]) -> tuple[float, float]:
    """Say that candidates are on one building, as grouping does; return where the first is."""
    engine = open_engine(service.database_url)
    with make_sessions(engine).begin() as session:
        rows = [session.get_one(CandidateRow, each) for each in candidate_ids]
        for row in rows:
            row.on_building = {
                "building_id": "B-17",
                "part": "facade",
                "height_m": 8.4,
                "height_std_m": 0.7,
                "probability": 0.93,
            }
        place = rows[0].lon, rows[0].lat
    engine.dispose()
    assert place[0] is not None
    assert place[1] is not None
    return place[0], place[1]
