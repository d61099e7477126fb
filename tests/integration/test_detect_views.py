"""`hazardlens detect --views N`: what is left out is said, and looked at when asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import hazardlens
from tests.factories import draw_photo
from tests.fakes import write_channel_model

Run = Callable[..., None]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Look at the flight of ``folder`` into ``out`` with the front door, in this process."""
    models = tmp_path / "models"
    models.mkdir()
    write_channel_model(models)

    def run_detect(folder: Path, out: Path, views: int) -> None:
        options = [folder, "--out", out, "--models-dir", models, "--views", views]
        monkeypatch.setattr(sys, "argv", ["hazardlens", "detect", *map(str, options)])
        with pytest.raises(SystemExit) as ended:
            hazardlens.main()
        assert not ended.value.code

    return run_detect


@pytest.fixture
def hover(tmp_path: Path) -> Path:
    """Five photos of one spot, the first blurred, the second torn; and one without a place."""
    folder = tmp_path / "hover"
    rng = np.random.default_rng(3)
    for number in range(5):
        coarse = rng.integers(40, 215, (12, 16, 3), dtype=np.uint8)
        pixels = coarse.repeat(20, axis=0).repeat(20, axis=1)
        if number == 0:
            pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 6.0), dtype=np.uint8)
        draw_photo(folder / f"DJI_{number}.JPG", pixels=pixels, quality=95)
    draw_photo(folder / "nowhere.jpg", pose=None, seed=7)
    torn = folder / "DJI_1.JPG"
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])
    return folder


def read(path: Path) -> Any:  # noqa: ANN401 - JSON
    return json.loads(path.read_text(encoding="utf-8"))


def test_what_is_left_out_is_said_and_looked_at_when_asked_for(
    run: Run, hover: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    run(hover, out, 2)
    chosen = read(out / "views.json")
    assert (chosen["poor"], chosen["always_looked_at"]) == (2, 1)  # blurred, and torn
    assert chosen["left_out"] == ["DJI_0.JPG", "DJI_4.JPG"]  # blurred, and one too many
    looked_at = {image["file_name"] for image in read(out / "detections.json")["images"]}
    assert looked_at == {"DJI_2.JPG", "DJI_3.JPG", "nowhere.jpg"}
    said = capsys.readouterr().out
    assert "--views 2: 4 of 6 photos looked at" in said
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "DJI_0.JPG, DJI_4.JPG" in page
    assert "张照片未检测" in page
    hash_before = read(out / "config.json")["config_hash"]
    run(hover, out, 0)
    assert "3 of them in an earlier run" in capsys.readouterr().out
    assert read(out / "views.json")["left_out"] == []
    assert len(read(out / "detections.json")["images"]) == 5
    assert read(out / "config.json")["config_hash"] == hash_before


def test_what_an_earlier_run_looked_at_stays_in_the_report(
    run: Run, hover: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(hover, out, 0)
    run(hover, out, 1)
    assert len(read(out / "detections.json")["images"]) == 5
