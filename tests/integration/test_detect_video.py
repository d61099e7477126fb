"""`hazardlens detect` on a video, and on a folder that holds photos and videos."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hazardlens
from tests.drawn_videos import (
    LAT,
    LON,
    METRES_PER_DEGREE_NORTH,
    draw_frames,
    draw_video,
    subtitle_at,
    write_subtitles,
)
from tests.factories import DrawnPose, draw_photo
from tests.fakes import write_channel_model

Run = Callable[..., int]
FOCAL_PX = 24.0 / 43.267 * 400
HALF_TILE_M = 32 * 10.0 / FOCAL_PX
"""The drawn model answers with whole tiles of 64 px."""
GIMBAL = "[rel_alt: 10.000 abs_alt: 310.000] [gb_yaw: 0.0 gb_pitch: -90.0 gb_roll: 0.0]"


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_channel_model(folder)
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the front door in this process; returns the exit code."""

    def run_command(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["hazardlens", *map(str, arguments)])
        try:
            hazardlens.main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    return run_command


def read(path: Path) -> Any:  # noqa: ANN401 - JSON
    return json.loads(path.read_text(encoding="utf-8"))


def draw_flight_over_blue(path: Path) -> Path:
    """Fly north at 2 m/s, 10 m above a blue square 4 m north of the start; the rest is grey."""
    frames = []
    for number in range(40):
        frame = np.full((240, 320, 3), 90, dtype=np.uint8)
        below_px = (4.0 - 0.2 * number) * FOCAL_PX / 10.0
        top = round(120 - below_px) - 20
        frame[max(0, top) : max(0, top + 40), 140:180] = (0, 0, 255)
        frames.append(frame)
    texts = [subtitle_at(2.0 * second, extra=GIMBAL) for second in range(5)]
    return draw_video(path, frames, subtitles=texts)


def test_a_video_gives_one_candidate_where_the_thing_is(
    run: Run, models_dir: Path, tmp_path: Path
) -> None:
    video = draw_flight_over_blue(tmp_path / "DJI_0001.MP4")
    out = tmp_path / "out"
    command = ("detect", video, "--out", out, "--models-dir", models_dir, "--video-spacing", 1)
    assert run(*command) == 0
    features = read(out / "candidates.geojson")["features"]
    assert len(features) == 1
    lon, lat = features[0]["geometry"]["coordinates"][:2]
    north_m = (lat - LAT) * METRES_PER_DEGREE_NORTH
    assert north_m == pytest.approx(4.0, abs=HALF_TILE_M)
    assert abs(lon - LON) * 96_400 < HALF_TILE_M
    sightings = [s["photo_id"] for s in features[0]["properties"]["sightings"]]
    assert len(sightings) >= 4
    assert all(name.startswith("DJI_0001.MP4/frame_") for name in sightings)
    assert all((out / "frames" / name).is_file() for name in sightings)
    first = (out / "candidates.geojson").read_bytes()
    assert run(*command) == 0
    assert (out / "candidates.geojson").read_bytes() == first


def test_photos_and_videos_of_a_folder_are_one_flight(
    run: Run, models_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "flight"
    draw_photo(folder / "DJI_0001.JPG", pose=DrawnPose(lon=76.55, lat=LAT))
    draw_video(folder / "a/DJI_0002.MP4", draw_frames(20))
    write_subtitles(folder / "a/DJI_0002.SRT", ["GPS(29.560000,76.550000,16.0M)"] * 3)
    (folder / "broken.mov").write_bytes(b"no video")
    out = folder / "out"
    command = ("detect", folder, "--out", out, "--models-dir", models_dir)
    assert run(*command) == 0
    images = {image["file_name"] for image in read(out / "detections.json")["images"]}
    assert "DJI_0001.JPG" in images
    frames = {name for name in images if name.startswith("a/DJI_0002.MP4/frame_")}
    assert frames
    rows = {(row["photo_id"], row["code"]) for row in read(out / "failures.json")}
    assert ("broken.mov", "unreadable_video") in rows
    assert not any(code == "ambiguous_coordinate_order" for _, code in rows)
    assert run(*command) == 0
    again = {image["file_name"] for image in read(out / "detections.json")["images"]}
    assert again == images, "the frames of the first run were taken for photos"


@pytest.mark.parametrize("place", ["12", "a,b", "200,10", "10,100", ""])
def test_a_place_that_is_none_is_refused(run: Run, tmp_path: Path, place: str) -> None:
    assert run("detect", tmp_path, "--out", tmp_path / "o", "--near", place) == 2


def test_a_folder_of_videos_none_of_which_can_be_read_is_an_empty_flight(
    run: Run, models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "flight"
    folder.mkdir()
    (folder / "broken.mp4").write_bytes(b"no video")
    out = tmp_path / "out"
    assert run("detect", folder, "--out", out, "--models-dir", models_dir) == 3
    assert "broken.mp4" in capsys.readouterr().err
