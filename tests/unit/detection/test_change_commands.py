"""The commands `hazardlens change` and `hazardlens storeys` round a drawn comparison."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import shapely
from click.testing import CliRunner, Result

from detection.change.epoch import Epoch
from detection.change.errors import NoOverlapError
from detection.change.report.content import ReportPictures
from detection.cli import change as change_module
from detection.cli import storeys as storeys_module
from detection.cli.stage_progress import StageProgress
from detection.domain.building_change import BuildingChange, ChangeVerdict, RoofHeight
from detection.domain.camera import CameraIntrinsics
from detection.domain.errors import HazardLensError, InvalidInputError
from detection.domain.photo import Flight
from detection.layers.buildings import BuildingLayer
from detection.refine.reconstruct import SparseModel
from hazardlens import cli
from tests.drawn_layers import PLACE, box_at, plane_at, write_geojson
from tests.factories import draw_photo

CAMERA = CameraIntrinsics(320, 240, 250.0, 160.0, 120.0, "drawn")


@dataclass(frozen=True, slots=True)
class DrawnSite:
    building_id: str
    footprint_m: object


@dataclass(frozen=True, slots=True)
class DrawnChange:
    """What the commands take of a comparison, or of a survey."""

    changes: tuple[BuildingChange, ...]
    roofs: tuple[RoofHeight, ...]
    base: Epoch
    new: Epoch
    sites: tuple[DrawnSite, ...] = (DrawnSite("甲1", shapely.box(0, 0, 9, 9)),)
    sigma_dz_m: float = 0.07
    overlap_share: float = 0.9
    layer_shift_m: tuple[float, float] = (0.0, 0.0)

    @property
    def epoch(self) -> Epoch:
        return self.new

    @property
    def patches(self) -> dict[str, tuple[()]]:
        return {}


def make_epoch(flight: Flight) -> Epoch:
    names = tuple(one.photo_id for one in flight.photos)
    axes = np.stack([np.eye(3)] * len(names))
    points = np.zeros((0, 3))
    model = SparseModel(names, np.zeros((len(names), 3)), axes, points, 0.6, CAMERA)
    return Epoch(flight.photos, model, plane_at(PLACE))


def stand_in(base: Flight, new: Flight, buildings: BuildingLayer, **options: object) -> DrawnChange:
    """Find one building that rose; the others are not there."""
    del buildings
    progress = options["on_progress"]
    assert isinstance(progress, StageProgress)
    progress("base_features", 1, 2)
    progress("heights", 1, 1)
    change = BuildingChange("甲1", ChangeVerdict.RISE, None, 3.0, 0.2, 30.0)
    roof = RoofHeight("甲1", 9.9, 0.3)
    return DrawnChange((change,), (roof,), make_epoch(base), make_epoch(new))


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on drawn files; options given overrule the usual ones."""
    monkeypatch.setattr(change_module, "compare_flights", stand_in)
    monkeypatch.setattr(
        storeys_module,
        "survey_flight",
        lambda flight, *_, **named: stand_in(flight, flight, *_, **named),
    )
    for module in (change_module, storeys_module):
        monkeypatch.setattr(module, "write_pictures", lambda *_, **__: ReportPictures())
    for name in ("base", "new"):
        (tmp_path / name).mkdir()
        draw_photo(tmp_path / name / "a.jpg")
    write_geojson(tmp_path / "b.geojson", [(box_at(0, 0), {"编号": "甲1"})])
    (tmp_path / "r.csv").write_text(
        "户主,建筑编号,许可层数\n张三,甲1,2层\n李四,乙9,3\n", encoding="gbk"
    )

    def run(command: str, *flights: str, **options: str) -> Result:
        given = {"buildings": "b.geojson", "register": "r.csv", "out": "out"} | options
        words = [command, *(str(tmp_path / name) for name in flights)]
        for name, value in given.items():
            is_path = name in {"buildings", "register", "out", "config", "storeys"}
            words += [f"--{name.replace('_', '-')}", str(tmp_path / value) if is_path else value]
        return CliRunner().invoke(cli, words, catch_exceptions=True)

    return run


def test_a_comparison_is_written_and_summed_up(run: Run, tmp_path: Path) -> None:
    result = run("change", "base", "new")
    assert result.exit_code == 0, result.output
    assert "1 buildings rose, to be checked" in result.output
    assert "0.14 m (95 %)" in result.output
    assert "r.csv: 1 x Some rows of the register belong to no building" in result.output
    assert "(line 3) Check number or place" in result.output
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"change.html", "change.csv", "change.geojson", "change.json"} <= written
    document = json.loads((tmp_path / "out" / "change.geojson").read_text())
    row = document["features"][0]["properties"]
    assert (row["state"], row["permitted_storeys"]) == ("rise", 2)
    assert row["excess_probability"] > 0.5
    summary = json.loads((tmp_path / "out" / "change.json").read_text())
    assert len(summary["config"]["files"]["register"]) == 64
    assert "张三" not in (tmp_path / "out" / "change.html").read_text()


def test_a_survey_is_written(run: Run, tmp_path: Path) -> None:
    result = run("storeys", "new", lang="en")
    assert result.exit_code == 0, result.output
    assert "1 buildings with more storeys than permitted, to be checked" in result.output
    page = (tmp_path / "out" / "storeys.html").read_text()
    assert '<html lang="en">' in page


def fail(error: HazardLensError) -> Callable[..., DrawnChange]:
    def compare(*_: object, **__: object) -> DrawnChange:
        raise error

    return compare


def test_flights_that_cannot_be_compared_leave_no_report(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_module, "compare_flights", fail(NoOverlapError(5200.0)))
    result = run("change", "base", "new")
    assert isinstance(result.exception, NoOverlapError)
    assert result.exception.exit_code == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_an_interrupt_leaves_no_report(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> DrawnChange:
        raise KeyboardInterrupt

    monkeypatch.setattr(change_module, "compare_flights", interrupt)
    result = run("change", "base", "new")
    assert result.exit_code == 130
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("flights", "options"),
    [
        (("base", "base"), {}),
        (("base", "new"), {"out": "new"}),
        (("base", "none"), {}),
        (("base", "new"), {"crs": "covers=EPSG:4326"}),
        (("base", "new"), {"field": "buildings.id=LOUHAO"}),
        (("base", "new"), {"buildings": "r.csv"}),
        (("base", "new"), {"register": "b.geojson"}),
    ],
)
def test_what_cannot_be_used_is_named(
    run: Run, flights: tuple[str, ...], options: dict[str, str]
) -> None:
    result = run("change", *flights, **options)
    assert isinstance(result.exception, InvalidInputError), result.output
    assert result.exception.exit_code == 2
    assert result.exception.remedy


def test_settings_are_checked_before_the_work(run: Run, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("nonsense: 1\n")
    for options in ({"config": "wrong.yaml"}, {"storeys": "wrong.yaml"}, {"min_rise": "-1"}):
        result = run("change", "base", "new", **options)
        assert isinstance(result.exception, HazardLensError), result.output
        assert result.exception.exit_code == 5
