"""What `hazardlens change` and `hazardlens storeys` write, from a drawn comparison."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from detection.change.epoch import Epoch
from detection.change.heights import HeightPatch
from detection.change.report import pictures as pictures_module
from detection.change.report.content import (
    BuildingPictures,
    ChangeReport,
    ComparisonFigures,
    FlightFigures,
    Note,
    ReportPictures,
)
from detection.change.report.document import COLUMNS, build_csv, build_geojson, build_summary
from detection.change.report.outcome import BuildingState, Outcome, combine_outcomes
from detection.change.report.page import STATE_COLORS, render_page
from detection.change.report.pictures import PatchSource, write_pictures
from detection.change.report.sketch import build_sketch
from detection.change.report.texts import LANGUAGES, load_texts
from detection.change.report.writer import write_report
from detection.change.settings import load_change_settings
from detection.domain.building_change import BuildingChange, ChangeVerdict, RoofHeight
from detection.domain.camera import CameraIntrinsics
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo
from detection.layers.buildings import BuildingLayer
from detection.layers.register import RegisterRow
from detection.refine.reconstruct import SparseModel
from detection.storeys.settings import load_storey_settings
from tests.drawn_layers import PLACE, box_at, build_buildings, plane_at
from tests.factories import draw_photo

SETTINGS = load_storey_settings()
NAMES = {"b1": "=cmd()", "b2": "<b>二号楼</b>"}
NOTES = (Note("底册.csv", "register_row_without_building", 3, "4, 7, 9"),)


@pytest.fixture
def layer() -> BuildingLayer:
    """Six houses in a row."""
    houses = build_buildings(*((30.0 * number, 0.0) for number in range(6))).buildings
    return BuildingLayer(tuple(replace(one, name=NAMES.get(one.building_id, "")) for one in houses))


def list_changes() -> tuple[BuildingChange, ...]:
    ring = tuple((float(x), float(y)) for x, y in shapely.get_coordinates(box_at(0.0, 0.0, 6.0)))
    rise, fall, same = ChangeVerdict.RISE, ChangeVerdict.FALL, ChangeVerdict.UNCHANGED
    return (
        BuildingChange("b0", same, None, 0.04, 0.1, 100.0, (), 6.8, 6.8, 0.97),
        BuildingChange("b1", rise, None, 3.05, 0.2, 36.0, (ring,), 6.8, 9.9, 0.95),
        BuildingChange("b2", fall, None, -6.4, 0.3, 90.0, (), 6.6, 0.2, 0.9),
        BuildingChange("b3", ChangeVerdict.CANNOT_TELL, "change_not_seen"),
        BuildingChange("b4", same, None, -0.001, 0.04, 100.0, (), 12.9, 12.9, 0.97),
    )


def list_roofs() -> tuple[RoofHeight, ...]:
    heights = {"b0": 6.8, "b1": 9.9, "b2": 0.2, "b4": 12.9, "b5": 6.8}
    found = [RoofHeight(name, height, 0.3) for name, height in heights.items()]
    return (*found, RoofHeight("b3", None, None, "change_not_seen"))


def list_register() -> dict[str, RegisterRow]:
    return {
        "b0": RegisterRow(2, "b0", 2, land_permit="用地001"),
        "b1": RegisterRow(3, "b1", 2),
        "b2": RegisterRow(4, "b2", 2),
        "b3": RegisterRow(5, "b3", 2),
        "b4": RegisterRow(6, "b4", 3),
    }


@pytest.fixture
def outcomes(layer: BuildingLayer) -> tuple[Outcome, ...]:
    return combine_outcomes(
        layer, list_roofs(), SETTINGS, changes=list_changes(), register=list_register()
    )


def make_report(outcomes: tuple[Outcome, ...], *, with_base: bool = True) -> ChangeReport:
    return ChangeReport(
        new=FlightFigures("十月 <巡查>", 35, 33, 0.61),
        base=FlightFigures("三月", 33, 33, 0.58) if with_base else None,
        fit=ComparisonFigures(0.083, 0.94) if with_base else None,
        layer_shift_m=(0.4, -0.2),
        outcomes=outcomes,
        notes=NOTES,
        config={"change_hash": "0" * 64},
        created_at=datetime(2026, 11, 22, 16, tzinfo=UTC),
        seconds=400.0,
    )


def find(outcomes: tuple[Outcome, ...], name: str) -> Outcome:
    return next(one for one in outcomes if one.building.building_id == name)


def test_what_matters_comes_first(outcomes: tuple[Outcome, ...]) -> None:
    states = [(one.building.building_id, one.state.value) for one in outcomes]
    assert states == [
        ("b1", "rise"),
        ("b4", "excess"),
        ("b2", "fall"),
        ("b3", "cannot_tell"),
        ("b5", "measured"),
        ("b0", "unchanged"),
    ]


def test_only_candidates_have_a_score(outcomes: tuple[Outcome, ...]) -> None:
    scores = {one.building.building_id: one.score for one in outcomes}
    assert {name for name, score in scores.items() if score is not None} == {"b1", "b2", "b4"}
    assert (scores["b1"] or 0.0) > (scores["b4"] or 0.0) > 0.8
    assert find(outcomes, "b2").state.hazard_class is HazardClass.DEMOLISHED
    assert (scores["b2"] or 0.0) > 0.9  # that the register permits more speaks not against it
    assert find(outcomes, "b3").reasons == ("change_not_seen",)


def test_one_flight_knows_no_change(layer: BuildingLayer) -> None:
    found = combine_outcomes(layer, list_roofs(), SETTINGS, register=list_register())
    states = {one.building.building_id: one.state for one in found}
    assert states == {
        "b0": BuildingState.WITHIN,
        "b1": BuildingState.EXCESS,
        "b2": BuildingState.WITHIN,
        "b3": BuildingState.CANNOT_TELL,
        "b4": BuildingState.EXCESS,
        "b5": BuildingState.MEASURED,
    }


def test_every_building_is_a_feature_with_its_figures(outcomes: tuple[Outcome, ...]) -> None:
    document: dict[str, Any] = build_geojson(make_report(outcomes))
    rows = {one["id"]: one["properties"] for one in document["features"]}
    assert list(rows["b0"]) == list(COLUMNS)
    assert (rows["b1"]["height_change_m"], rows["b1"]["height_change_std_m"]) == (3.05, 0.2)
    assert rows["b3"]["reasons"] == "change_not_seen"
    assert rows["b3"]["height_change_m"] is None
    assert rows["b4"]["storeys"] == pytest.approx(4, abs=0.3)
    for one in document["features"]:
        assert shapely.geometry.shape(one["geometry"]).is_valid


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_table_opens_in_a_spreadsheet(outcomes: tuple[Outcome, ...], lang: str) -> None:
    content = build_csv(make_report(outcomes), load_texts(), lang)
    assert content.startswith(b"\xef\xbb\xbf")
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert len(rows) == len(outcomes)
    assert all(len(row) == len(header) for row in rows)
    assert rows[0][1] == "'=cmd()"  # a name is never run as a formula
    assert rows[0][2] == load_texts().of("states")["rise"][lang]


def test_the_summary_holds_the_figures_of_the_run(outcomes: tuple[Outcome, ...]) -> None:
    summary = build_summary(make_report(outcomes))
    assert summary["states"] == {
        "rise": 1, "excess": 1, "fall": 1, "cannot_tell": 1, "measured": 1, "unchanged": 1,
    }  # fmt: skip
    assert (summary["sigma_dz_m"], summary["overlap_share"]) == (0.083, 0.94)
    json.dumps(summary)


def test_the_map_draws_every_building_once(outcomes: tuple[Outcome, ...]) -> None:
    sketch = build_sketch(outcomes)
    assert sketch is not None
    assert sorted(one.building_id for one in sketch.buildings) == [f"b{n}" for n in range(6)]
    assert sketch.buildings[-1].building_id == "b1"  # drawn last, so nothing covers it
    assert sketch.parts.count("M") == 1
    xs = [one.x for one in sorted(sketch.buildings, key=lambda one: one.building_id)]
    assert xs == sorted(xs)  # from west to east
    assert all(0 <= x <= sketch.width for x in xs)
    assert build_sketch(()) is None


@pytest.mark.parametrize("with_base", [True, False])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_says_what_it_knows_and_no_more(
    outcomes: tuple[Outcome, ...], lang: str, *, with_base: bool
) -> None:
    drawn = BuildingPictures("p/b.jpg", "p/a.jpg", "p/d.png", ("p/1.jpg",), ("p/2.jpg",))
    page = render_page(
        make_report(outcomes, with_base=with_base), ReportPictures({"b1": drawn}), lang
    )
    assert page.count("<article") == 3
    assert load_texts().of("states")["rise"]["zh"] in page
    assert "违法" not in page
    assert "&lt;b&gt;二号楼" in page
    assert "<b>二号楼" not in page
    assert "&lt;巡查&gt;" in page
    assert re.search(r"\+3\.[01] ± 0\.4 m", page)  # 95 %: 1.96 times the std of 0.2
    assert ("± 0.16 m" in page) == with_base  # of the heights on unchanged ground
    assert page.count("为 95% 范围") == 1
    assert "+0.00 ± 0.08 m" in page
    assert page.count("errors (±) are 95 %") == 1
    assert "-0.0" not in page
    assert page.count("36 m²") == 1 + with_base  # of what changed, and never of a whole roof
    assert "100 m²" not in page
    assert set(re.findall(r'src="([^"]*)"', page)) == {
        "p/b.jpg", "p/a.jpg", "p/d.png", "p/1.jpg", "p/2.jpg",
    }  # fmt: skip
    assert "http://" not in page
    assert "https://" not in page
    targets = set(re.findall(r'href="#([^"]*)"', page))
    assert targets <= set(re.findall(r'id="([^"]*)"', page))
    assert f'<html lang="{"zh-CN" if lang == "zh" else "en"}">' in page


@pytest.mark.parametrize(("share", "is_small"), [(0.45, True), (0.94, False)])
def test_a_small_overlap_is_said_plainly(
    outcomes: tuple[Outcome, ...], share: float, *, is_small: bool
) -> None:
    fit = ComparisonFigures(0.083, share)
    report = replace(make_report(outcomes), fit=fit, notes=fit.list_notes("三月 → 十月"))
    page = render_page(report, ReportPictures(), "zh")
    assert ('id="overlap"' in page) == is_small
    notes = cast("list[dict[str, object]]", build_summary(report)["notes"])
    assert [(one["code"], one["detail"]) for one in notes] == (
        [("change_overlap_small", "45%")] if is_small else []
    )


def test_no_probability_is_written_as_certain(outcomes: tuple[Outcome, ...]) -> None:
    first = find(outcomes, "b1")
    assert first.check is not None
    sure = replace(first, score=0.99999, check=replace(first.check, probability=1.0))
    report = make_report((sure,))
    rows = cast("list[dict[str, Any]]", build_geojson(report)["features"])
    assert rows[0]["properties"]["attention"] == 0.9999
    assert rows[0]["properties"]["excess_probability"] == 0.9999
    assert re.search(r">100 %|> 1\.00", render_page(report, ReportPictures(), "zh")) is None


def test_texts_are_whole() -> None:
    texts = load_texts()
    tables = [texts.single, *(texts.tables[name] for name in texts.tables)]
    for table in tables:
        for key, both in table.items():
            assert set(both) == set(LANGUAGES), key
    assert set(texts.of("states")) == {state.value for state in BuildingState}
    assert set(texts.of("columns")) == {*COLUMNS, "remedy"}
    assert set(STATE_COLORS) == set(BuildingState)


def test_all_files_are_written(outcomes: tuple[Outcome, ...], tmp_path: Path) -> None:
    write_report(tmp_path, make_report(outcomes), ReportPictures(), "zh")
    write_report(tmp_path, make_report(outcomes, with_base=False), ReportPictures(), "zh")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "change.csv", "change.geojson", "change.html", "change.json", "change_parts.geojson",
        "storeys.csv", "storeys.geojson", "storeys.html", "storeys.json",
    ]  # fmt: skip
    parts: dict[str, Any] = json.loads((tmp_path / "change_parts.geojson").read_text())
    (part,) = parts["features"]
    assert shapely.geometry.shape(part["geometry"]).is_valid
    assert part["properties"]["building_id"] == "b1"


def make_epoch(folder: Path) -> Epoch:
    """Return an epoch of one drawn photo; the pictures from above are drawn by stand-ins."""
    path = draw_photo(folder / "a.jpg")
    camera = CameraIntrinsics(320, 240, 250.0, 160.0, 120.0, "drawn")
    photos = tuple(
        Photo(name, folder / name, "0" * 64, 320, 240, None, None, camera, None)
        for name in (path.name, "no.jpg")  # the second is gone from the disk
    )
    axes = np.stack([np.eye(3)] * 2)
    names = tuple(one.photo_id for one in photos)
    model = SparseModel(names, np.zeros((2, 3)), axes, np.zeros((0, 3)), 0.5, camera)
    return Epoch(photos, model, plane_at(PLACE))


@dataclass(frozen=True, slots=True)
class DrawnPatch:
    """What the drawing of pictures asks of the heights of a building."""

    seen: NDArray[np.bool_]
    views: tuple[str, ...]


def make_patch(*, is_seen: bool) -> HeightPatch:
    patch = DrawnPatch(np.full((4, 4), is_seen), ("a.jpg",) if is_seen else ())
    return cast("HeightPatch", patch)


def test_pictures_are_drawn_named_and_tidied(
    outcomes: tuple[Outcome, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch = make_epoch(tmp_path)
    seen, unseen = make_patch(is_seen=True), make_patch(is_seen=False)

    def render(_epoch: Epoch, patch: HeightPatch, size_px: int, **_: object) -> object:
        return np.zeros((size_px, size_px, 3), np.uint8) if patch.views else None

    monkeypatch.setattr(pictures_module, "render_patch", render)
    monkeypatch.setattr(
        pictures_module, "draw_difference", lambda *_: np.zeros((8, 8, 3), np.uint8)
    )
    monkeypatch.setattr(
        pictures_module,
        "choose_photos",
        lambda *_: (
            ("a.jpg", BBox(10.0, 10.0, 60.0, 60.0)),
            ("no.jpg", BBox(0.0, 0.0, 9.0, 9.0)),
        ),
    )
    source = PatchSource(
        {"base": epoch, "new": epoch},
        {f"b{n}": shapely.box(0, 0, 1, 1) for n in range(6)},
        {f"b{n}": (seen, unseen if n == 3 else seen) for n in range(6)},
        load_change_settings(),
    )
    folder = tmp_path / "pictures" / "change"
    folder.mkdir(parents=True)
    for name in ("0099_before.jpg", "holiday.jpg"):
        (folder / name).write_bytes(b"")
    for name in ("change.html", "storeys.html"):  # pages of earlier runs
        (tmp_path / name).write_bytes(b"")
    told: list[tuple[int, int]] = []
    drawn = write_pictures(
        tmp_path, outcomes, source, on_done=lambda done, total: told.append((done, total))
    )
    first = drawn.find("b1")
    assert (first.before, first.after) == (
        "pictures/change/0001_before.jpg",
        "pictures/change/0001_after.jpg",
    )
    assert first.new_crops == ("pictures/change/0001_new_1.jpg",)
    assert drawn.find("b0").new_crops == ()  # no candidate
    unsure = drawn.find("b3")
    assert (unsure.after, unsure.difference) == (None, None)
    assert drawn.find("nobody") == BuildingPictures()
    assert told[-1] == (6, 6)
    assert not (tmp_path / "change.html").exists()  # its pictures are of another run
    assert (tmp_path / "storeys.html").exists()
    names = {path.name for path in folder.iterdir()}
    assert "holiday.jpg" in names
    assert "0099_before.jpg" not in names
    assert {path for one in drawn.by_building.values() for path in one.new_crops} <= {
        f"pictures/change/{name}" for name in names
    }
