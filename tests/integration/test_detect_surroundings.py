"""`hazardlens detect` with a ground model, buildings and areas from files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely

import hazardlens
from detection.plane import LocalPlane
from tests.factories import DrawnPose, draw_photo
from tests.tiny_model import ALTITUDE_AGL_M, write_tiny_segment_model

LON, LAT = 106.5507, 29.5647
PLANE = LocalPlane(LON, LAT)
DEGREES = 0.0002
Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_command(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["hazardlens", *map(str, arguments)])
        try:
            hazardlens.main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    return run_command


def write_geojson(
    path: Path, features: Mapping[str, tuple[tuple[float, ...], Mapping[str, object]]]
) -> Path:
    """Write boxes (west, south, east, north), metres from the camera, with their properties."""
    rows = []
    for name, (bounds, properties) in features.items():
        west, south, east, north = bounds
        shape = shapely.transform(shapely.box(west, south, east, north), PLANE.to_lonlat)
        rows.append(
            {
                "type": "Feature",
                "properties": {"id": name, **properties},
                "geometry": json.loads(shapely.to_geojson(shape)),
            }
        )
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}), encoding="utf-8")
    return path


def write_level_ground(path: Path, height_m: float, lon: float = LON) -> Path:
    """Write a ground model of one height round the flight."""
    cells = 100
    transform = rasterio.transform.from_origin(
        lon - cells / 2 * DEGREES, LAT + cells / 2 * DEGREES, DEGREES, DEGREES
    )
    with rasterio.open(
        path, "w", driver="GTiff", width=cells, height=cells, count=1, dtype="float32",
        crs="EPSG:4490", transform=transform,
    ) as raster:  # fmt: skip
        raster.write(np.full((cells, cells), height_m, dtype=np.float32), 1)
    return path


@pytest.fixture
def command(tmp_path: Path) -> tuple[object, ...]:
    """A photo of a crack, taken level, and where everything goes."""
    write_tiny_segment_model(tmp_path / "models")
    pose = DrawnPose(lon=LON, lat=LAT, altitude_agl_m=ALTITUDE_AGL_M, yaw_deg=90.0, pitch_deg=-1.0)
    draw_photo(tmp_path / "flight" / "a.jpg", pose=pose, size_px=(640, 480))
    folders = ("--out", tmp_path / "out", "--models-dir", tmp_path / "models")
    return ("detect", tmp_path / "flight", *folders)


def read_candidate(out: Path) -> dict[str, Any]:
    (feature,) = json.loads((out / "candidates.geojson").read_text(encoding="utf-8"))["features"]
    return dict(feature)


def test_a_crack_gets_its_building_its_height_and_its_area(
    run: Run, command: tuple[object, ...], tmp_path: Path
) -> None:
    assert run(*command) == 0
    bare = read_candidate(tmp_path / "out")
    assert bare["geometry"] is None
    assert bare["properties"]["unplaced_reason"] == "above_horizon"

    houses = write_geojson(
        tmp_path / "楼栋.geojson",
        {
            "A-1": ((15, -20, 30, 20), {"height": 36.0}),
            "A-2": ((60, -20, 80, 20), {"height": 60.0}),
        },
    )
    grid = write_geojson(
        tmp_path / "grid.geojson", {"0203": ((-500, -500, 500, 500), {"name": "二组"})}
    )
    ground = write_level_ground(tmp_path / "dem.tif", 236.0)
    known = ("--buildings", houses, "--areas", f"网格={grid}", "--dem", ground)
    assert run(*command, *known) == 0
    found = read_candidate(tmp_path / "out")
    east_m, _ = PLANE.to_metres(found["geometry"]["coordinates"])
    assert east_m == pytest.approx(15.0, abs=0.5)
    properties = found["properties"]
    assert properties["method"] == "building_facade"
    assert properties["on_building"]["id"] == "A-1"
    assert properties["on_building"]["part"] == "facade"
    assert 15.0 < properties["on_building"]["height_m"] < 25.0
    assert properties["on_building"]["height_std_m"] > 3.0
    (area,) = properties["areas"]
    assert area == {"level": "网格", "id": "0203", "name": "二组", "near_border": False}
    config = json.loads((tmp_path / "out" / "config.json").read_text(encoding="utf-8"))
    assert set(config["surroundings"]) == {"poses", "dem", "buildings", "areas", "crs"}
    assert config["config_hash"] == found_hash(tmp_path / "out") != ""


def found_hash(out: Path) -> str:
    document = json.loads((out / "candidates.geojson").read_text(encoding="utf-8"))
    return str(document["config_hash"])


def test_other_layers_are_another_configuration(
    run: Run, command: tuple[object, ...], tmp_path: Path
) -> None:
    hashes = set()
    for number, height_m in enumerate((36.0, 40.0)):
        houses = {"A-1": ((15.0, -20.0, 30.0, 20.0), {"height": height_m})}
        path = write_geojson(tmp_path / f"{number}.geojson", houses)
        assert run(*command, "--buildings", path) == 0
        hashes.add(found_hash(tmp_path / "out"))
    assert run(*command) == 0
    assert len(hashes | {found_hash(tmp_path / "out")}) == 3


def test_what_cannot_be_used_is_named_before_anything_is_looked_at(
    run: Run, command: tuple[object, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = write_level_ground(tmp_path / "dem.tif", 10.0, lon=LON + 1.0)
    houses = write_geojson(tmp_path / "b.geojson", {"A": ((15.0, -20.0, 30.0, 20.0), {})})
    for options, words in (
        (("--dem", elsewhere), "no height at the flight"),
        (("--dem", houses), "cannot be read"),
        (("--buildings", tmp_path / "none.geojson"), "none.geojson"),
        (("--buildings", houses, "--crs", "houses=GCJ-02"), "LAYER=CRS"),
    ):
        assert run(*command, *options) == 2
        assert words in capsys.readouterr().err
    assert not (tmp_path / "out" / "candidates.geojson").exists()


def test_a_layer_declared_as_gcj_02_is_moved_to_where_it_belongs(
    run: Run, command: tuple[object, ...], tmp_path: Path
) -> None:
    path = write_geojson(tmp_path / "b.geojson", {"A": ((15.0, -20.0, 30.0, 20.0), {})})
    assert run(*command, "--buildings", path, "--crs", "buildings=GCJ-02") == 0
    found = read_candidate(tmp_path / "out")
    assert found["properties"]["on_building"] is None, "taken for WGS-84, it would be at the wall"
