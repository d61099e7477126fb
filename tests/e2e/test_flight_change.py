"""A comparison is begun, followed, cancelled and looked at in the browser; a register comes in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from serving.db.engine import make_sessions, open_engine
from serving.db.tables import ChangeRunRow
from tests.e2e.change_seed import draw_town, seed_comparison
from tests.e2e.conftest import RunningService, Visitor

pytestmark = pytest.mark.e2e

STRANGE = "建筑编号,户主,许可层数\nH1,张三,3\nH7,李四,2\n"

ASKS_FOR_ITSELF = """document.getElementById("change").dispatchEvent(
  new CustomEvent("htmx:before:request", { bubbles: true, cancelable: true }))"""


@pytest.fixture
def compared(service: RunningService, tmp_path: Path) -> tuple[int, int]:
    """Two flights of a place that were compared."""
    return seed_comparison(service.database_url, service.data_dir, tmp_path / "compared")


def add_run(service: RunningService, base: int, new: int, **values: object) -> int:
    """Write a comparison as a worker would have left it in the middle."""
    engine = open_engine(service.database_url)
    with make_sessions(engine).begin() as session:
        run = ChangeRunRow(kind="compare", base_flight_id=base, new_flight_id=new, **values)
        session.add(run)
        session.flush()
        number = run.id
    engine.dispose()
    return number


def test_inspector_sees_what_rose_on_map_and_list_and_goes_on_to_the_candidate(
    visitor: Visitor, compared: tuple[int, int]
) -> None:
    page = visitor.page
    base, new = compared
    visitor.sign_in("rena")
    visitor.open(f"/flights/{base}")
    expect(page.locator("h1 .tag-baseline")).to_have_text("基准架次")
    visitor.open(f"/flights/{new}")
    card = page.locator("#change")
    expect(card).to_contain_text("Compared 2026-03")
    expect(card.locator(".figures-origins")).to_contain_text("新增")
    expect(card.locator(".figures-change dd")).to_have_text(["1", "1", "2", "1"])
    expect(card).to_contain_text("± 0.16 m")
    card.locator("text=建筑地图与清单").click()
    expect(page).to_have_url(re.compile(rf"/flights/{new}/change$"))
    rows = page.locator("tr[data-finding-id]")
    expect(rows).to_have_count(6)
    first = rows.first
    expect(first).to_contain_text("疑似加层")
    expect(first).to_contain_text("+3.1 ± 0.4 m")
    expect(first).to_contain_text("许可 3 层")
    expect(rows.nth(1)).to_contain_text("拆除核查")
    expect(first.locator("img.crop")).to_have_count(3)
    expect(page.locator("#change-map-note")).to_contain_text("6")
    first.locator("button").click()
    expect(page.locator(".leaflet-popup")).to_contain_text("+3.1 ± 0.4 m")
    page.click("nav.tabs >> text=无法判断")
    expect(rows).to_have_count(1)
    page.click("nav.tabs >> text=升高")
    rows.first.locator("text=去核实").click()
    expect(page).to_have_url(re.compile(r"/review/\d+"))


def test_comparison_is_followed_cancelled_and_its_trouble_told(
    visitor: Visitor, service: RunningService, compared: tuple[int, int]
) -> None:
    page = visitor.page
    base, new = compared
    add_run(service, base, new, state="running", stage="new_matches", done=140, total=528)
    visitor.sign_in("olga")
    visitor.open(f"/flights/{new}")
    card = page.locator("#change")
    expect(card).to_contain_text("匹配新架次照片")
    expect(card).to_contain_text("第 5 / 10 步")
    expect(card).to_contain_text("140 / 528")
    card.locator("text=取消比对").click()
    expect(card).to_contain_text("比对已取消")
    expect(card).to_contain_text("以前的结果仍然有效")
    message = "Only 41% of the smaller flight lies in the other; 60% is needed."
    add_run(
        service, base, new, state="failed", failure_code="change_small_overlap",
        failure_message=message, failure_remedy="Choose another flight.",
    )  # fmt: skip
    page.reload()
    expect(card.locator(".notice-danger")).to_contain_text("只有 41% 的区域")
    expect(card.locator(".notice-danger")).to_contain_text("请选择")
    card.locator("summary", has_text="选择其他架次").click()
    expect(card.locator("[data-choices]")).to_have_text("没有其他架次拍到该地点。")
    assert not page.evaluate(ASKS_FOR_ITSELF), "what somebody chooses from stays"
    card.locator("text=重新比对").click()
    expect(card.locator(".tag")).to_have_text(re.compile("排队|比对中|失败"))


def test_flights_and_statistics_tell_new_from_stock(
    visitor: Visitor, compared: tuple[int, int]
) -> None:
    page = visitor.page
    base, new = compared
    visitor.sign_in("arvo")
    visitor.open("/flights")
    expect(page.locator(f"#flight-{base} .tag-baseline")).to_be_visible()
    expect(page.locator(f"#flight-{new}")).to_contain_text(re.compile(r"新增 \d+ · 存量 \d+"))
    visitor.open("/statistics")
    expect(page.locator("section", has_text="新增与存量").locator("dd").first).not_to_have_text("0")


def test_engineer_imports_a_register_and_hears_which_rows_fit_no_building(
    visitor: Visitor, tmp_path: Path
) -> None:
    page = visitor.page
    visitor.sign_in("enno")
    town = tmp_path / "镇区建筑.geojson"
    town.write_bytes(draw_town(100.0 + len(str(tmp_path)) / 100, 25.0).getvalue())
    visitor.open("/layers")
    page.wait_for_load_state()
    page.set_input_files("#layer-form [name=file]", town)
    page.click("#layer-form button[type=submit]")
    expect(page.locator("tr[data-layer-id]", has_text=town.name)).to_be_visible()
    page.wait_for_load_state()
    form = page.locator("#register-form")
    broken = tmp_path / "照片.csv"
    broken.write_bytes(b"\xff\xd8\xff\xe0" + bytes(40))
    page.set_input_files("#register-form [name=file]", broken)
    form.locator("button[type=submit]").click()
    expect(form.locator("[data-problem]")).to_contain_text("无法作为建筑底册读取")
    register = tmp_path / "房屋底册.csv"
    register.write_bytes(STRANGE.encode("gbk"))
    page.set_input_files("#register-form [name=file]", register)
    form.locator("[name=name]").fill("2026 年房屋底册")
    form.locator("[name=layer_id]").select_option(label=town.stem)
    form.locator("button[type=submit]").click()
    row = page.locator("tr[data-register-id]", has_text="2026 年房屋底册")
    expect(row).to_contain_text("1 / 6")
    expect(row).to_contain_text("找不到对应建筑")
    row.locator("summary", has_text="未采用的行").click()
    expect(row).to_contain_text("H7")
    expect(page.locator("main")).not_to_contain_text("李四")
    page.on("dialog", lambda dialog: dialog.accept())
    row.locator("button", has_text="删除").click()
    expect(row).to_have_count(0)
