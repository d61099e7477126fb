"""`hazardlens detect --calibration`: thresholds of one camera go before those of the models."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hazardlens
from detection.detectors.manifest import load_manifest
from tests.factories import DrawnPose, draw_photo
from tests.tiny_model import ALTITUDE_AGL_M, SCORE, write_tiny_model

Detect = Callable[..., int]
CAMERA = {"model": "FC6310", "long_px": 320, "short_px": 240, "focal_mm": 24}


@pytest.fixture
def flight(tmp_path: Path) -> Path:
    folder = tmp_path / "flight"
    draw_photo(folder / "DJI_0001.JPG", pose=DrawnPose(altitude_agl_m=ALTITUDE_AGL_M))
    return folder


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "models").parent


@pytest.fixture
def detect(monkeypatch: pytest.MonkeyPatch, flight: Path, models_dir: Path) -> Detect:
    """Run the front door in this process; returns the exit code."""

    def run(out: Path, *more: object) -> int:
        words = ["detect", flight, "--out", out, "--models-dir", models_dir, *more]
        monkeypatch.setattr(sys, "argv", ["hazardlens", *map(str, words)])
        try:
            hazardlens.main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    return run


def write_calibration(
    path: Path,
    models_dir: Path,
    threshold: float,
    *,
    raise_confirmed: bool = True,
    site: str | None = None,
    **changes: object,
) -> Path:
    manifest = load_manifest(models_dir / "manhole.yaml")
    part = {
        "model": manifest.name,
        "version": manifest.version,
        "hazard_class": "manhole_missing",
        "threshold": threshold,
        "model_threshold": 0.3,
        "raise_confirmed": raise_confirmed,
        "site": site,
    }
    document = {"schema": 1, "calibration": "7", "camera": CAMERA, "thresholds": [part]}
    path.write_text(json.dumps(document | changes), encoding="utf-8")
    return path


def read(path: Path) -> Any:  # noqa: ANN401 - JSON
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_threshold_of_one_site_is_told_of(
    detect: Detect, models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bound = write_calibration(tmp_path / "bound.json", models_dir, 0.2, site="East bank")
    assert detect(tmp_path / "out", "--calibration", bound) == 0
    assert "manhole_missing was applied for the site East bank alone" in capsys.readouterr().err


def test_threshold_of_the_camera_is_used_hashed_and_named(
    detect: Detect, models_dir: Path, tmp_path: Path
) -> None:
    assert detect(tmp_path / "plain") == 0
    lower = write_calibration(tmp_path / "lower.json", models_dir, 0.2)
    assert detect(tmp_path / "lower", "--calibration", lower) == 0
    higher = write_calibration(tmp_path / "higher.json", models_dir, SCORE + 0.05)
    assert detect(tmp_path / "higher", "--calibration", higher) == 0
    plain, named, empty = (
        read(tmp_path / name / "candidates.geojson") for name in ("plain", "lower", "higher")
    )
    assert len({each["config_hash"] for each in (plain, named, empty)}) == 3
    assert empty["features"] == []
    said = [
        (sighting["threshold"], sighting["calibration"])
        for each in (plain, named)
        for feature in each["features"]
        for sighting in feature["properties"]["sightings"]
    ]
    assert set(said) == {(0.3, None), (0.2, "7")}


def test_calibration_that_does_nothing_here_says_so(
    detect: Detect, models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_calibration(
        tmp_path / "other.json", models_dir, 0.95, camera=CAMERA | {"model": "FC220"}
    )
    assert detect(tmp_path / "other", "--calibration", other) == 0
    assert "no photo of this flight comes from it" in capsys.readouterr().err
    assert read(tmp_path / "other" / "candidates.geojson")["features"]
    old = write_calibration(tmp_path / "old.json", models_dir, 0.95)
    text = old.read_text(encoding="utf-8")
    version = load_manifest(models_dir / "manhole.yaml").version
    old.write_text(text.replace(version, "0" * 12), encoding="utf-8")
    assert detect(tmp_path / "old", "--calibration", old) == 0
    assert "another version runs here" in capsys.readouterr().err
    assert read(tmp_path / "old" / "candidates.geojson")["features"]


def test_missing_covers_are_not_shown_later_unless_an_engineer_confirmed(
    detect: Detect, models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raised = write_calibration(tmp_path / "r.json", models_dir, 0.95, raise_confirmed=False)
    text = raised.read_text(encoding="utf-8")
    raised.write_text(text.replace('"model_threshold": 0.3', '"model_threshold": 0.99'))
    assert detect(tmp_path / "out", "--calibration", raised) == 2
    said = capsys.readouterr().err
    assert "manhole_missing from 0.3 to 0.95" in said
    assert "Confirm it" in said


def test_damaged_calibration_is_refused_by_name(
    detect: Detect, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    assert detect(tmp_path / "out", "--calibration", broken) == 2
    assert "broken.json" in capsys.readouterr().err
