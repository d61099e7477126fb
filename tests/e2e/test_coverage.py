"""What was not covered is told on the page of the flight, with a list to fly again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.factories import draw_flight

pytestmark = pytest.mark.e2e

LON, LAT = 106.5507, 31.4
COVERAGE_MS = 60_000


def _write_inventory(folder: Path) -> Path:
    """Write one cover under the first photo of a drawn flight and one 15 m beside it."""
    places = {"J-01": (LON, LAT), "J-02": (LON, LAT - 1.35e-4)}
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": place},
            "properties": {"编号": cover_id, "直径": 4.0},
        }
        for cover_id, place in places.items()
    ]
    area = 2e-3
    ring = [(LON - area, LAT - area), (LON + area, LAT - area), (LON + area, LAT + area)]
    ring += [(LON - area, LAT + area), (LON - area, LAT - area)]
    survey = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"name": "三组"},
    }
    for name, rows in (("covers", features), ("survey", [survey])):
        text = json.dumps({"type": "FeatureCollection", "features": rows})
        (folder / f"{name}.geojson").write_text(text, encoding="utf-8")
    return folder


def _import(visitor: Visitor, path: Path, kind: str, level: str | None = None) -> None:
    page = visitor.page
    visitor.open("/layers")
    page.wait_for_load_state()
    page.set_input_files("#layer-form [name=file]", path)
    expect(page.locator("#layer-form [name=name]")).to_have_value(path.stem)
    page.select_option("#layer-form [name=kind]", kind)
    if level is not None:
        page.select_option("#layer-form [name=level]", level)
    page.click("#layer-form button[type=submit]")
    expect(page.locator("tr[data-layer-id]", has_text=path.name)).to_be_visible()


def test_engineer_imports_and_deletes_a_layer(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.sign_in("enno")
    page.click("nav.main-nav >> text=图层")
    expect(page.locator("h1")).to_contain_text("图层")
    page.wait_for_load_state()
    broken = tmp_path / "broken.geojson"
    broken.write_text("{ no JSON")
    page.set_input_files("#layer-form [name=file]", broken)
    page.click("#layer-form button[type=submit]")
    expect(page.locator("#layer-problem")).to_contain_text("图层无法读取")
    _import(visitor, _write_inventory(tmp_path) / "covers.geojson", "covers")
    expect(page.locator("#layer-map-note")).to_contain_text("2")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("tr", has_text="covers.geojson").locator("text=删除").click()
    expect(page.locator("tr", has_text="covers.geojson")).to_have_count(0)


def test_operator_hears_what_was_missed_and_downloads_the_list(
    visitor: Visitor, tmp_path: Path
) -> None:
    page = visitor.page
    folder = _write_inventory(tmp_path)
    visitor.sign_in("enno")
    _import(visitor, folder / "covers.geojson", "covers")
    _import(visitor, folder / "survey.geojson", "areas", "survey")
    page.click("text=退出")
    visitor.sign_in("olga")
    visitor.open("/layers")
    expect(page.locator("#layer-form")).to_have_count(0)  # to look at, not to change
    visitor.open("/flights/new")
    page.wait_for_load_state()
    page.set_input_files("#choose-files", draw_flight(folder / "photos", 3, lat=LAT))
    page.click("#start-upload")
    expect(page.locator("#file-rows tr[data-state=accepted]")).to_have_count(3)
    page.click("#submit-flight")
    expect(page).to_have_url(re.compile(r"/flights/\d+$"))
    card = page.locator("#coverage")
    expect(card).to_have_attribute("data-computed", re.compile("^20"), timeout=COVERAGE_MS)
    expect(card).to_contain_text("巡查范围")
    expect(card).to_contain_text("1 / 2")
    expect(page.locator("#coverage-legend")).to_be_visible()
    expect(page.locator(".leaflet-control-layers")).to_contain_text("补飞区域")
    card.locator("summary", has_text="未拍到").click()
    card.locator("button", has_text="J-02").click()
    expect(page.locator(".leaflet-popup")).to_contain_text("J-02")
    with page.expect_download() as download:
        card.locator("text=KML").click()
    assert "补飞" in download.value.path().read_text(encoding="utf-8")
