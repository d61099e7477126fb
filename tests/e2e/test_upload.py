"""From a folder of files to a processed flight, with a file that is no photo among them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.conftest import Visitor
from tests.factories import draw_flight

pytestmark = pytest.mark.e2e

DETECTION_MS = 120_000


def _draw_files(folder: Path, lat: float) -> list[Path]:
    paths = draw_flight(folder, 3, lat=lat)
    text = folder / "notes.jpg"
    text.write_text("this is no photo")
    empty = folder / "empty.jpg"
    empty.touch()
    return [*paths, text, empty]


def _state_of(page: Page, name: str) -> Locator:
    return page.locator("#file-rows tr", has_text=name).locator(".file-state")


def test_upload_names_bad_files_and_processes_the_rest(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.sign_in("olga")
    page.click("text=新建架次")
    expect(page).to_have_url(re.compile("/flights/new$"))
    page.wait_for_load_state()  # before, the field of files has no hands yet
    page.fill("[name=name]", "河西巡检")
    page.set_input_files("#choose-files", _draw_files(tmp_path, lat=30.1))
    expect(page.locator("#file-rows tr")).to_have_count(5)
    page.click("#start-upload")
    expect(page.locator("#file-rows tr[data-state=received]")).to_have_count(3)
    expect(page.locator("#file-rows tr[data-state=rejected]")).to_have_count(2)
    expect(_state_of(page, "notes.jpg")).to_contain_text("文件内容不是照片")
    expect(_state_of(page, "notes.jpg")).to_contain_text("请移除该文件")
    expect(_state_of(page, "empty.jpg")).to_contain_text("文件为空")
    expect(page.locator("#upload-summary")).to_contain_text("5 / 5")
    page.click("#submit-flight")
    expect(page).to_have_url(re.compile(r"/flights/\d+$"))
    done = page.locator("#progress[data-live=no] .tag-done")
    expect(done).to_be_visible(timeout=DETECTION_MS)
    expect(page.locator(".failures")).to_contain_text("notes.jpg")
    expect(page.locator("#map-note")).to_contain_text("3")
    expect(page.locator("text=审核候选")).to_have_count(0)  # the queue is not the operator's
    page.click("nav.main-nav >> text=架次")
    expect(page.locator("tr", has_text="河西巡检")).to_contain_text("已完成")


def test_same_files_again_are_recognised(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.sign_in("olga")
    visitor.open("/flights/new")
    paths = draw_flight(tmp_path, 2, lat=30.2)
    page.set_input_files("#choose-files", paths)
    page.click("#start-upload")
    expect(page.locator("#file-rows tr[data-state=received]")).to_have_count(2)
    # A reload finds the draft again; what it has already is not taken twice.
    expect(page).to_have_url(re.compile(r"flight_id=\d+"))
    page.reload()
    page.set_input_files("#choose-files", paths)
    page.click("#start-upload")
    expect(page.locator("#file-rows tr[data-state=rejected]")).to_have_count(2)
    expect(_state_of(page, paths[0].name)).to_contain_text("重复")


def test_broken_link_is_retried_without_loss(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.sign_in("olga")
    broken: list[str] = []

    def break_the_first(route: Route) -> None:
        if broken:
            route.continue_()
        else:
            broken.append(route.request.url)
            route.abort("connectionreset")

    page.route("**/photos", break_the_first)
    visitor.open("/flights/new")
    page.set_input_files("#choose-files", draw_flight(tmp_path, 3, lat=30.3))
    page.click("#start-upload")
    expect(page.locator("#file-rows tr[data-state=received]")).to_have_count(3)
    assert len(broken) == 1


def test_dropped_folder_is_walked(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("olga")
    visitor.open("/flights/new")
    taken = page.evaluate(
        """async () => {
          const { filesFromDrop } = await import("/static/js/dropped_files.js");
          const file = (path) => ({
            isFile: true, fullPath: path, file: (ok) => ok(new File(["x"], path)) });
          const folder = (path, pages) => ({ isFile: false, fullPath: path, createReader: () => ({
            readEntries: (ok) => ok(pages.shift() ?? []) }) });
          const inner = folder(
            "/DCIM/101", [[file("/DCIM/101/b.jpg")], [file("/DCIM/101/.hidden")]]);
          const root = folder("/DCIM", [[file("/DCIM/a.jpg"), file("/DCIM/Thumbs.db")], [inner]]);
          const items = [{ kind: "file", webkitGetAsEntry: () => root }, { kind: "string" }];
          return (await filesFromDrop({ items })).map((item) => item.path);
        }"""
    )
    assert taken == ["DCIM/a.jpg", "DCIM/101/b.jpg"]


def test_uploaded_flight_is_reviewed_by_who_uploaded_it(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.sign_in("rena")
    expect(page).to_have_url(re.compile("/review$"))
    visitor.open("/flights/new")
    page.set_input_files("#choose-files", draw_flight(tmp_path, 2, lat=30.4))
    page.click("#start-upload")
    page.click("#submit-flight")
    review = page.locator("a", has_text="审核候选")
    expect(review).to_be_visible(timeout=DETECTION_MS)
    review.click()
    page.click("text=开始审核")
    expect(page.locator("#panel h2")).to_have_text("井盖缺失")
    expect(page.locator("#viewer.has-pixels")).to_be_visible()
    expect(page.locator(".candidate-note")).to_contain_text("不是隐患等级")
