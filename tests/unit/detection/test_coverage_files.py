"""The files of a flight's coverage: GeoJSON, KML, JSON and the page."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import shapely

from detection.coverage.coverage import Coverage, SeenState, TargetKind
from detection.coverage.document import build_coverage_document
from detection.coverage.footprint import compute_footprints
from detection.coverage.geojson import build_footprints_geojson, build_refly_geojson
from detection.coverage.kml import KIND_ZH, REASON_ZH, build_refly_kml
from detection.coverage.measure import measure_coverage
from detection.coverage.page import CoveragePage, render_page
from detection.coverage.refly import GAP, ReflySpot, list_refly
from detection.domain.quality import PhotoQuality
from detection.layers.layer import LayerWarning
from detection.report.messages import load_messages
from tests.drawn_layers import PLACE, build_area, build_buildings, build_covers, pose_photo

KML = {"k": "http://www.opengis.net/kml/2.2"}
PAGE_CODES = ("photo_too_coarse_for_covers", "photo_blurred", "no_attitude", "layer_offset")


@pytest.fixture
def coverage() -> Coverage:
    """One good photo, one blurred and one without angles over a house, covers and an area."""
    photos = [
        pose_photo(name="好.jpg"),
        pose_photo(20.0, name="<b>.jpg", height_m=100.0),
        pose_photo(name="no.jpg", pitch_deg=None),
    ]
    blurred = PhotoQuality(5.0, 0.5, 0.0, 0.0)
    return measure_coverage(
        compute_footprints(photos, qualities={"<b>.jpg": blurred}),
        buildings=build_buildings((0.0, 0.0), (120.0, 0.0)),
        covers=build_covers((5.0, 5.0), (90.0, 0.0)),
        area=build_area(260.0),
    )


@pytest.fixture
def spots(coverage: Coverage) -> tuple[ReflySpot, ...]:
    return list_refly(coverage)


def render(coverage: Coverage, spots: tuple[ReflySpot, ...]) -> str:
    warnings = (("楼.geojson", LayerWarning("layer_offset", 1, "512 m")),)
    page = CoveragePage("测试 & 架次", coverage, spots, warnings, datetime.now(UTC))
    return render_page(page, load_messages().explain)


def test_footprints_are_one_feature_a_photo(coverage: Coverage) -> None:
    document: dict[str, Any] = build_footprints_geojson(coverage)
    json.dumps(document, allow_nan=False)
    good, blurred, unknown = document["features"]
    assert shapely.geometry.shape(good["geometry"]).is_valid
    assert good["properties"]["flags"] == []
    assert good["properties"]["gsd_m"] == pytest.approx(0.01645, abs=1e-5)
    assert blurred["properties"]["flags"] == ["photo_blurred", "photo_too_coarse_for_covers"]
    assert (unknown["geometry"], unknown["properties"]["refused"]) == (None, "no_attitude")


def test_rings_across_the_antimeridian_are_cut() -> None:
    footprints = compute_footprints([pose_photo(place=(180.0, 65.0))])
    document: dict[str, Any] = build_footprints_geojson(measure_coverage(footprints))
    geometry = document["features"][0]["geometry"]
    assert geometry["type"] == "MultiPolygon"
    parts = shapely.get_parts(shapely.geometry.shape(geometry)).tolist()
    west, east = sorted(parts, key=lambda one: float(one.bounds[0]))
    assert west.bounds[0] == -180.0
    assert east.bounds[2] == 180.0
    assert west.area + east.area < 0.001


def test_two_photos_an_ocean_apart_still_have_a_page() -> None:
    places = ((106.0, 29.0), (-66.0, -23.0))
    coverage = measure_coverage(compute_footprints([pose_photo(place=one) for one in places]))
    page = CoveragePage("f", coverage, (), (), datetime(2026, 3, 1, tzinfo=UTC))
    assert "<svg" in render_page(page, load_messages().explain)


def test_a_photo_that_claims_to_be_at_the_pole_stops_nothing() -> None:
    footprints = compute_footprints([pose_photo(place=(106.0, 90.0))])
    document: dict[str, Any] = build_footprints_geojson(measure_coverage(footprints))
    assert document["features"][0]["geometry"] is not None


def test_the_refly_geojson_holds_spots_and_their_items(spots: tuple[ReflySpot, ...]) -> None:
    document: dict[str, Any] = build_refly_geojson(spots)
    json.dumps(document, ensure_ascii=False, allow_nan=False)
    rows = [one["properties"] for one in document["features"]]
    kinds = [row["kind"] for row in rows]
    assert {"spot", "building", "cover", GAP} == set(kinds)
    assert kinds.count("spot") == len(spots)
    house = next(row for row in rows if row["kind"] == "building")
    assert (house["id"], house["reason"], house["max_height_m"]) == ("b1", "not_seen", 182.0)
    for feature in document["features"]:
        shape = shapely.geometry.shape(feature["geometry"])
        assert shape.is_valid
        assert shapely.distance(shape, shapely.Point(PLACE)) < 0.01
        if isinstance(shape, shapely.Polygon):
            assert shape.exterior.is_ccw


def test_the_kml_is_one_that_a_controller_reads(spots: tuple[ReflySpot, ...]) -> None:
    root = ET.fromstring(build_refly_kml("架次 <1>\x07", spots))  # noqa: S314 - our own file
    assert root.tag == "{http://www.opengis.net/kml/2.2}kml"
    assert "架次 <1>" in (root.findtext("k:Document/k:name", "", KML))
    areas, things = root.findall("k:Document/k:Folder", KML)
    assert len(areas.findall("k:Placemark", KML)) == len(spots)
    assert len(things.findall("k:Placemark", KML)) == sum(len(one.items) for one in spots)
    for ring in root.iterfind(".//k:LinearRing/k:coordinates", KML):
        corners = [pair.split(",") for pair in (ring.text or "").split()]
        assert corners[0] == corners[-1]
        assert all(abs(float(lon) - PLACE[0]) < 0.01 for lon, _ in corners)
        assert all(abs(float(lat) - PLACE[1]) < 0.01 for _, lat in corners)


def test_an_empty_list_is_still_a_file() -> None:
    assert ET.fromstring(build_refly_kml("x", ())) is not None  # noqa: S314 - our own file
    assert build_refly_geojson(()) == {"type": "FeatureCollection", "features": []}


def test_every_kind_and_reason_has_chinese() -> None:
    assert set(KIND_ZH) == {*(kind.value for kind in TargetKind), GAP}
    assert set(REASON_ZH) == {state.value for state in SeenState} - {"seen"}


def test_the_document_sums_up(coverage: Coverage, spots: tuple[ReflySpot, ...]) -> None:
    document: dict[str, Any] = build_coverage_document(coverage, spots)
    json.dumps(document, allow_nan=False)
    assert document["photos"]["total"] == 3
    assert document["photos"]["with_footprint"] == 2
    assert document["photos"]["measured_quality"] == 1
    assert document["photos"]["refused"] == {"no_attitude": 1}
    assert set(document["photos"]["flagged"]) == {"<b>.jpg"}
    assert document["buildings"]["share"] == 0.5
    assert document["buildings"]["states"] == {"not_seen": 1, "seen": 1}
    assert document["covers"]["total"] == 2
    assert document["area"]["areas"][0]["name"] == "网格一"
    assert document["refly"]["building"] == 1


def test_the_page_says_everything_in_both_languages(
    coverage: Coverage, spots: tuple[ReflySpot, ...]
) -> None:
    page = render(coverage, spots)
    assert page.startswith("<!DOCTYPE html>")
    for text in ("建筑覆盖率", "Buildings covered", "50.0 %", "补飞清单", "512 m"):
        assert text in page
    assert "测试 &amp; 架次" in page
    assert "<b>.jpg" not in page, "names are escaped"
    for code in PAGE_CODES:
        assert code in page
        assert load_messages().explain(code)[0].zh in page
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page), "the page opens offline"
    paths = re.findall(r' d="([^"]*)"', page)
    assert paths
    assert not [path for path in paths if "nan" in path or "inf" in path]


def test_a_flight_without_layers_or_positions_still_has_a_page() -> None:
    empty = measure_coverage(compute_footprints([pose_photo()]))
    assert "未提供图层" in render(empty, list_refly(empty))
    nowhere = measure_coverage(())
    assert "无法绘制示意图" in render(nowhere, list_refly(nowhere))


def test_many_photos_are_drawn_as_their_union() -> None:
    photos = [pose_photo(n % 30, n // 30, name=str(n)) for n in range(450)]
    page = render(found := measure_coverage(compute_footprints(photos)), list_refly(found))
    assert len(page) < 60_000
