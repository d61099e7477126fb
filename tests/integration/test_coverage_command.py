"""`hazardlens coverage` from the command line to the files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely

import hazardlens
from detection.layers.gcj02 import gcj02_from_wgs84
from tests.drawn_layers import box_at, write_geojson
from tests.factories import draw_flight, draw_photo

Run = Callable[..., int]
FILES = ["coverage.html", "coverage.json", "footprints.geojson", "refly.geojson", "refly.kml"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the front door in this process; returns the exit code."""

    def run_command(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["hazardlens", "coverage", *map(str, arguments)])
        try:
            hazardlens.main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    return run_command


@pytest.fixture
def flight(tmp_path: Path) -> Path:
    """Eight photos flying north in steps of 10 m, 10 m above ground, and one that is torn."""
    folder = tmp_path / "架次"
    draw_flight(folder, 8)
    whole = draw_photo(folder / "torn.jpg", seed=9).read_bytes()
    (folder / "torn.jpg").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture
def buildings(tmp_path: Path) -> Path:
    rows = [(box_at(0.0, 10.0 * n, 3.0), {"id": f"b{n}", "height": 3}) for n in range(6)]
    return write_geojson(tmp_path / "楼.geojson", rows)


def read(path: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return document


def test_all_files_are_written(
    flight: Path, buildings: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    area = write_geojson(tmp_path / "area.geojson", [(box_at(0, 0, 60), {"id": "a"})])
    assert run(flight, "--out", out, "--buildings", buildings, "--area", area) == 0
    assert sorted(path.name for path in out.iterdir()) == FILES
    document = read(out / "coverage.json")
    assert document["flight"] == "架次"
    assert document["warnings"] == []
    photos = document["photos"]
    assert isinstance(photos, dict)
    assert (photos["total"], photos["measured_quality"]) == (9, 8)
    printed = capsys.readouterr().out
    assert "Buildings covered: " in printed
    assert "coverage.html" in printed


def test_without_quality_no_photo_is_decoded(flight: Path, tmp_path: Path, run: Run) -> None:
    assert run(flight, "--out", tmp_path / "out", "--no-quality") == 0
    photos = read(tmp_path / "out" / "coverage.json")["photos"]
    assert isinstance(photos, dict)
    assert photos["measured_quality"] == 0


def test_results_inside_the_flight_are_no_photos(flight: Path, run: Run) -> None:
    out = flight / "results"
    draw_photo(out / "crops" / "one.jpg")
    assert run(flight, "--out", out, "--no-quality") == 0
    assert len(read(out / "footprints.geojson")["features"]) == 9  # type: ignore[arg-type]


def test_systems_and_fields_can_be_declared(flight: Path, tmp_path: Path, run: Run) -> None:
    shapes = [
        (shapely.transform(box_at(0, 10.0 * n, 3.0), gcj02_from_wgs84), {"楼号": n})
        for n in range(6)
    ]
    web = write_geojson(tmp_path / "web.geojson", shapes)
    plain = ("--no-quality", "--field", "buildings.id=楼号")
    codes = {}
    for name, extra in {"wrong": (), "right": ("--crs", "buildings=GCJ-02")}.items():
        out = tmp_path / name
        assert run(flight, "--out", out, "--buildings", web, *plain, *extra) == 0
        warnings = read(out / "coverage.json")["warnings"]
        assert isinstance(warnings, list)
        codes[name] = [row["code"] for row in warnings]
    assert codes == {"wrong": ["layer_offset"], "right": []}


def test_a_ground_model_is_used(flight: Path, tmp_path: Path, run: Run) -> None:
    dem = tmp_path / "dem.tif"
    heights = np.full((200, 200), 300.0, dtype=np.float32)
    place = rasterio.transform.from_bounds(106.54, 29.55, 106.56, 29.58, 200, 200)
    with rasterio.open(
        dem, "w", "GTiff", 200, 200, 1, crs="EPSG:4326", transform=place, dtype="float32"
    ) as raster:
        raster.write(heights, 1)
    flat, hilly = tmp_path / "flat", tmp_path / "hilly"
    assert run(flight, "--out", flat, "--no-quality") == 0
    assert run(flight, "--out", hilly, "--no-quality", "--dem", dem) == 0
    one, two = (read(out / "footprints.geojson")["features"] for out in (flat, hilly))
    assert isinstance(one, list)
    assert isinstance(two, list)
    shapes = [shapely.geometry.shape(rows[0]["geometry"]) for rows in (one, two)]
    assert shapes[0].hausdorff_distance(shapes[1]) < 1e-6, "a level model is flat ground"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--crs", "roofs=GCJ-02"),
        ("--crs", "buildings"),
        ("--field", "buildings.colour=X"),
        ("--field", "height=X"),
        ("--buildings", "nowhere.geojson"),
        ("--dem", "nowhere.tif"),
    ],
)
def test_what_cannot_be_used_is_said(
    arguments: tuple[str, ...],
    flight: Path,
    tmp_path: Path,
    run: Run,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(flight, "--out", tmp_path / "out", "--no-quality", *arguments) == 2
    assert "hazardlens: " in capsys.readouterr().err


def test_other_troubles_have_their_codes(flight: Path, tmp_path: Path, run: Run) -> None:
    assert run(flight, "--out", flight) == 2
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", "--out", tmp_path / "out") == 3
    (tmp_path / "needs.yaml").write_text("manhole: {}", encoding="utf-8")
    assert run(flight, "--out", tmp_path / "out", "--needs", tmp_path / "needs.yaml") == 5


@pytest.mark.shared
@pytest.mark.parametrize("name", ["turin_nadir_p4m_rtk", "minsk_oblique_fc220"])
def test_real_flights_are_sharp_and_have_footprints(
    shared_dir: Path, name: str, tmp_path: Path, run: Run
) -> None:
    assert run(shared_dir / "flights" / name, "--out", tmp_path / "out") == 0
    photos = read(tmp_path / "out" / "coverage.json")["photos"]
    assert isinstance(photos, dict)
    assert photos["with_footprint"] == photos["total"] == photos["measured_quality"]
    codes = {code for flags in photos["flagged"].values() for code in flags}
    assert codes <= {"photo_too_coarse"}
