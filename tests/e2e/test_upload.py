"""From a folder of files to a processed flight: bad files, a broken link, a reload, a restart."""

from __future__ import annotations

import re
import shutil
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.e2e.conftest import PASSWORDS, RunningService, Visitor
from tests.e2e.service_processes import kill_http_process
from tests.factories import draw_flight

pytestmark = pytest.mark.e2e

DETECTION_MS = 120_000
FIRST_CHUNK_BYTES = 4 * 1024 * 1024
MANY_FILES = 5000
ROWS_IN_PAGE = 80  # a screen of rows and some to spare


def _draw_files(folder: Path, lat: float) -> list[Path]:
    paths = draw_flight(folder, 3, lat=lat)
    text = folder / "notes.jpg"
    text.write_text("this is no photo")
    empty = folder / "empty.jpg"
    empty.touch()
    return [*paths, text, empty]


def _draw_large(path: Path, seed: int) -> Path:
    """Write a PNG of noise, about 6.7 MB: more than one chunk, less than two."""
    noise = np.random.default_rng(seed).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, compress_level=1)
    return path


def _row(page: Page, name: str) -> Locator:
    return page.locator("#file-rows tr", has_text=name)


def _rows(page: Page, state: str) -> Locator:
    return page.locator(f"#file-rows tr[data-state={state}]")


def _choose(page: Page, paths: list[Path]) -> None:
    page.set_input_files("#choose-files", paths)
    expect(_rows(page, "reading")).to_have_count(0)


def _note_patches(page: Page) -> list[int]:
    """Collect the offset of every piece that the page sends from now on."""
    offsets: list[int] = []

    def note(request: Request) -> None:
        if request.method == "PATCH":
            offsets.append(int(request.headers["upload-offset"]))

    page.on("request", note)
    return offsets


def test_upload_names_bad_files_and_processes_the_rest(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.sign_in("olga")
    page.click("text=新建架次")
    expect(page).to_have_url(re.compile("/flights/new$"))
    page.wait_for_load_state()  # before, the field of files has no hands yet
    page.fill("[name=name]", "河西巡检")
    _choose(page, _draw_files(tmp_path, lat=30.1))
    # Before a byte is sent: each finding with its number, what is useless is left out.
    expect(page.locator("#findings li[data-code=not_an_image]")).to_contain_text("文件内容不是照片")
    expect(page.locator("#findings li[data-code=empty_file] .finding-count")).to_have_text("1")
    expect(_rows(page, "left_out")).to_have_count(2)
    expect(page.locator("#card-verdict")).to_be_hidden()
    page.click("#start-upload")
    expect(_rows(page, "accepted")).to_have_count(3)
    # The server names what it refuses by its size; what was not sent is only on the card.
    expect(_row(page, "empty.jpg")).to_have_attribute("data-state", "rejected")
    verdict = page.locator("#card-verdict")
    expect(verdict).to_have_attribute("data-tone", "warn")
    expect(verdict).to_contain_text("notes.jpg")
    page.locator("#findings li[data-code=not_an_image] button", has_text="仍然上传").click()
    expect(_row(page, "notes.jpg")).to_have_attribute("data-state", "rejected")
    expect(_row(page, "notes.jpg")).to_contain_text("请移除该文件")
    expect(verdict).to_have_attribute("data-tone", "ok")
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


def test_receipt_names_every_file_with_its_hash(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.sign_in("olga")
    visitor.open("/flights/new")
    _choose(page, draw_flight(tmp_path, 2, lat=30.15))
    page.click("#start-upload")
    expect(page.locator("#card-verdict")).to_have_attribute("data-tone", "ok")
    with page.expect_popup() as popup:
        page.click("#card-verdict a")
    receipt = popup.value
    expect(receipt.locator("[data-wipe=yes]")).to_contain_text("存储卡可以清除")
    expect(receipt.locator(".hashes tbody tr")).to_have_count(2)
    expect(receipt.locator(".hashes code").first).to_have_text(re.compile("^[0-9a-f]{64}$"))
    receipt.close()


def test_same_files_again_are_recognised_without_sending(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.sign_in("olga")
    visitor.open("/flights/new")
    paths = draw_flight(tmp_path, 2, lat=30.2)
    _choose(page, paths)
    page.click("#start-upload")
    expect(_rows(page, "accepted")).to_have_count(2)
    # A reload finds the draft again; what it has already is not sent twice.
    expect(page).to_have_url(re.compile(r"flight_id=\d+"))
    page.reload()
    expect(_rows(page, "accepted")).to_have_count(2)
    offsets = _note_patches(page)
    _choose(page, paths)
    page.click("#start-upload")
    expect(_rows(page, "accepted")).to_have_count(2)
    expect(page.locator("#card-verdict")).to_have_attribute("data-tone", "ok")
    assert offsets == []
    # Another flight takes them in by their hash alone.
    visitor.open("/flights/new")
    _choose(page, paths)
    page.click("#start-upload")
    expect(_rows(page, "accepted")).to_have_count(2)
    expect(_row(page, paths[0].name)).to_contain_text("秒传")
    assert offsets == []


def test_archive_and_double_and_video_without_track(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.sign_in("olga")
    visitor.open("/flights/new")
    paths = draw_flight(tmp_path / "zipped", 2, lat=30.25)
    archive = tmp_path / "card.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for path in paths:
            out.write(path, f"DCIM/{path.name}")
        out.writestr("DCIM/bad.jpg", b"this is no photo")
    single = draw_flight(tmp_path / "single", 1, lat=30.26)[0]
    double = shutil.copy(single, tmp_path / "double.jpg")
    video = tmp_path / "DJI_0009.MP4"
    video.write_bytes(b"\0\0\0\x18ftypmp42")
    _choose(page, [archive, single, Path(double), video])
    expect(page.locator("#findings li[data-code=no_track]")).to_be_visible()
    expect(_rows(page, "left_out")).to_contain_text("double.jpg")
    page.locator("#findings li[data-code=no_track] button", has_text="不传").click()
    page.click("#start-upload")
    expect(_row(page, "card.zip/DCIM/bad.jpg")).to_have_attribute("data-state", "rejected")
    expect(_row(page, f"card.zip/DCIM/{paths[1].name}")).to_have_attribute("data-state", "accepted")
    expect(page.locator("#card-verdict")).to_contain_text("DJI_0009.MP4")  # only on the card


def test_reload_in_the_middle_goes_on_at_the_offset(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.sign_in("olga")
    large = _draw_large(tmp_path / "large.png", seed=1)

    def let_the_first_pass(route: Route) -> None:
        if route.request.method == "PATCH" and route.request.headers["upload-offset"] != "0":
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/api/v1/uploads/*", let_the_first_pass)
    visitor.open("/flights/new")
    _choose(page, [large])
    page.click("#start-upload")
    expect(page.locator("#upload-trouble")).to_contain_text("网络中断")
    expect(page.locator("#card-verdict")).not_to_have_attribute("data-tone", "ok")
    page.unroute("**/api/v1/uploads/*")
    page.on("dialog", lambda dialog: dialog.accept())  # leaving with files under way is asked about
    page.reload()
    # The person sees what is missing and chooses the same file again.
    expect(_row(page, "large.png")).to_have_attribute("data-state", "missing")
    offsets = _note_patches(page)
    _choose(page, [large])
    page.click("#start-upload")
    expect(_row(page, "large.png")).to_have_attribute("data-state", "accepted")
    assert offsets
    assert min(offsets) >= FIRST_CHUNK_BYTES


def test_offline_for_a_while_loses_nothing(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.sign_in("olga")
    visitor.open("/flights/new")
    _choose(page, draw_flight(tmp_path, 3, lat=30.3))
    cut: list[bool] = []

    def cut_the_line(route: Route) -> None:
        if not cut:
            cut.append(True)
            page.context.set_offline(True)
        route.continue_()

    page.route("**/api/v1/uploads/*", cut_the_line)
    page.click("#start-upload")
    expect(page.locator("#upload-trouble")).to_contain_text("网络中断")
    page.context.set_offline(False)
    expect(_rows(page, "accepted")).to_have_count(3)
    expect(page.locator("#upload-trouble")).to_be_hidden()
    expect(page.locator("#card-verdict")).to_have_attribute("data-tone", "ok")


def test_ended_session_goes_on_after_signing_in_again(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.sign_in("olga")
    visitor.open("/flights/new")
    _choose(page, draw_flight(tmp_path, 3, lat=30.33))

    ended: list[bool] = []

    def end_the_session(route: Route) -> None:
        if not ended:
            ended.append(True)
            page.context.clear_cookies()
        route.continue_()

    page.route("**/api/v1/uploads/*", end_the_session)
    page.click("#start-upload")
    dialog = page.locator("#session-dialog")
    expect(dialog).to_be_visible()
    expect(page.locator("#upload-trouble")).to_contain_text("登录已失效")
    dialog.locator("input[type=password]").fill(PASSWORDS["olga"])
    dialog.locator("button[type=submit]").click()
    expect(_rows(page, "accepted")).to_have_count(3)
    expect(page.locator("#card-verdict")).to_have_attribute("data-tone", "ok")


def test_server_killed_in_the_middle(
    visitor: Visitor, service: RunningService, tmp_path: Path
) -> None:
    page = visitor.page
    visitor.sign_in("olga")
    killed: list[int] = []

    def kill_before_the_second(route: Route) -> None:
        if not killed and route.request.headers.get("upload-offset", "0") != "0":
            killed.append(kill_http_process(service.data_dir, signal.SIGKILL))
        route.continue_()

    page.route("**/api/v1/uploads/*", kill_before_the_second)
    offsets = _note_patches(page)
    visitor.open("/flights/new")
    _choose(page, [_draw_large(tmp_path / "killed.png", seed=2)])
    page.click("#start-upload")
    expect(_row(page, "killed.png")).to_have_attribute("data-state", "accepted", timeout=60_000)
    assert killed
    assert offsets.count(0) == 1  # what the server had acknowledged was not sent again


def test_thousands_of_files_stay_quick(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("olga")
    visitor.open("/flights/new")
    page.evaluate(
        """(count) => {
          const chosen = new DataTransfer();
          for (let index = 0; index < count; index += 1) {
            const name = `DJI_${String(index).padStart(4, "0")}.JPG`;
            chosen.items.add(new File(["x".repeat(index + 1)], name));
          }
          const field = document.getElementById("choose-files");
          field.files = chosen.files;
          field.dispatchEvent(new Event("change"));
        }""",
        MANY_FILES,
    )
    all_files = page.locator("#state-chips button[data-state='']")
    expect(all_files).to_contain_text(str(MANY_FILES))
    expect(page.locator("#findings li[data-code=not_an_image] .finding-count")).to_have_text(
        str(MANY_FILES), timeout=60_000
    )
    assert page.locator("#file-rows tr").count() <= ROWS_IN_PAGE
    frame = page.locator("#file-frame")
    frame.scroll_into_view_if_needed()
    frame.evaluate("(frame) => { frame.scrollTop = frame.scrollHeight; }")
    expect(_row(page, f"DJI_{MANY_FILES - 1}.JPG")).to_be_in_viewport()
    assert page.locator("#file-rows tr").count() <= ROWS_IN_PAGE
    expect(page.locator("#file-rows tr").last).to_have_attribute(
        "aria-rowindex", str(MANY_FILES + 1)
    )


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


def test_strays_and_halves_of_pairs_are_found(visitor: Visitor) -> None:
    visitor.open("/sign-in")
    found = visitor.page.evaluate(
        """async () => {
          const { findStrays, findUnpaired } = await import("/static/js/selection_checks.js");
          const photo = (path, lon, lat, takenMs) => ({ path, facts: { lon, lat, takenMs } });
          const near = [0, 1, 2, 3, 4, 5].map(
            (each) => photo(`${each}.jpg`, 106.5 + each / 1e4, 29.5, each * 2000));
          const far = photo("far.jpg", 106.6, 29.5, 9000);
          const old = photo("old.jpg", 106.5, 29.5, -30 * 3600 * 1000);
          const nowhere = photo("nowhere.jpg", null, null, null);
          const strays = findStrays([...near, far, old, nowhere], "drone");
          const drive = findStrays([...near, far], "street");
          const file = (path, kind) => ({ path, kind });
          const unpaired = findUnpaired([
            file("a/DJI_1.MP4", "video"), file("a/dji_1.srt", "subtitles"),
            file("a/DJI_2.MP4", "video"), file("b/DJI_2.SRT", "subtitles"),
            file("x.jpg", "photo")]);
          const names = (map) => [...map].map(([item, code]) => [item.path, code]);
          return { strays: names(strays), drive: names(drive), unpaired: names(unpaired) };
        }"""
    )
    assert found["strays"] == [["far.jpg", "far_from_flight"], ["old.jpg", "another_day"]]
    assert found["drive"] == []
    assert found["unpaired"] == [["a/DJI_2.MP4", "no_track"], ["b/DJI_2.SRT", "lonely_track"]]


def test_photo_on_site_becomes_a_street_flight_in_three_taps(
    open_visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    visitor = open_visitor(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = visitor.page
    visitor.sign_in("olga")
    page.tap("text=现场拍照")
    expect(page).to_have_url(re.compile("/flights/field$"))
    page.wait_for_load_state()
    with page.expect_file_chooser() as chooser:
        page.tap("text=拍照 >> visible=true >> nth=-1")
    chooser.value.set_files(draw_flight(tmp_path, 1, lat=30.7)[0])
    expect(page.locator("#shots li[data-state=accepted]")).to_have_count(1)
    page.tap("#submit-flight")
    expect(page).to_have_url(re.compile(r"/flights/\d+$"))
    expect(page.locator(".page-head")).to_contain_text("街道车载")
    expect(page.locator(".tag-done")).to_be_visible(timeout=DETECTION_MS)


def test_uploaded_flight_is_reviewed_by_who_uploaded_it(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.sign_in("rena")
    expect(page).to_have_url(re.compile("/review$"))
    visitor.open("/flights/new")
    _choose(page, draw_flight(tmp_path, 2, lat=30.4))
    page.click("#start-upload")
    page.click("#submit-flight")
    review = page.locator("a", has_text="审核候选")
    expect(review).to_be_visible(timeout=DETECTION_MS)
    review.click()
    page.click("text=开始审核")
    expect(page.locator("#panel h2")).to_have_text("井盖缺失")
    expect(page.locator("#viewer.has-pixels")).to_be_visible()
    expect(page.locator(".candidate-note")).to_contain_text("不是隐患等级")
