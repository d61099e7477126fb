"""`hazardlens detect` and `hazardlens models` from the command line to the files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hazardlens
from tests.factories import DrawnPose, draw_flight, draw_photo
from tests.fakes import write_channel_model
from tests.tiny_model import ALTITUDE_AGL_M, CRACK_WIDTH_PX, write_tiny_segment_model

ROOT = Path(hazardlens.__file__).resolve().parent
Run = Callable[..., int]


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_channel_model(folder)
    return folder


@pytest.fixture
def flight(tmp_path: Path) -> Path:
    """Two good photos (the first half blue), and one of every kind of trouble."""
    folder = tmp_path / "flight"
    good = draw_flight(folder, 2)
    pixels = np.full((240, 320, 3), 60, dtype=np.uint8)
    pixels[:, :160] = (0, 0, 255)
    draw_photo(good[0], pixels=pixels, quality=95)
    draw_photo(folder / "sub" / "nowhere.png", pose=None, seed=7)
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("hello", encoding="utf-8")
    whole = draw_photo(folder / "torn.jpg", seed=9).read_bytes()
    (folder / "torn.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "copy.jpg").write_bytes(good[1].read_bytes())
    (folder / "notes.txt").write_text("not a photo", encoding="utf-8")
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


def test_a_flight_with_every_trouble_is_done_and_names_each(
    run: Run, flight: Path, models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("detect", flight, "--out", out, "--models-dir", models_dir) == 0
    codes = {
        row["photo_id"]: row["code"]
        for row in read(out / "failures.json")
        if row["severity"] == "failure"
    }
    duplicate = ({"copy.jpg", "DJI_0001.JPG"} & set(codes)).pop()
    assert codes == {
        "empty.jpg": "empty_file",
        "text.jpg": "not_an_image",
        "torn.jpg": "truncated_image",
        duplicate: "duplicate_photo",
    }
    warned = {
        row["photo_id"] for row in read(out / "failures.json") if row["code"] == "no_position"
    }
    assert warned == {"sub/nowhere.png"}
    geo = read(out / "candidates.geojson")
    assert geo["features"]
    crops = [s["crop"] for f in geo["features"] for s in f["properties"]["sightings"]]
    assert crops
    assert all((out / crop).is_file() for crop in crops)
    coco = read(out / "detections.json")
    assert len(coco["images"]) == 3
    assert len(coco["annotations"]) >= len(crops)
    config = read(out / "config.json")
    assert config["config_hash"] == geo["config_hash"]
    assert config["models"][0]["name"] == "manhole"
    page = (out / "report.html").read_text(encoding="utf-8")
    said = capsys.readouterr().out
    for name, code in codes.items():
        assert name in page
        assert code in page
        assert code in said
    assert "photos/s" in said
    assert str(out / "report.html") in said


def test_a_second_run_reads_the_progress_and_says_the_same(
    run: Run, flight: Path, models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ("detect", flight, "--out", out, "--models-dir", models_dir)
    assert run(*command) == 0
    first = read(out / "candidates.geojson"), read(out / "detections.json")
    lines = (out / "progress.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    (out / "progress.jsonl").write_text("\n".join([*lines[:2], lines[2][:40]]), encoding="utf-8")
    capsys.readouterr()
    assert run(*command) == 0
    assert "2 of them in an earlier run" in capsys.readouterr().out
    assert (read(out / "candidates.geojson"), read(out / "detections.json")) == first


def test_changed_settings_do_everything_again(
    run: Run, flight: Path, models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("detect", flight, "--out", tmp_path / "out", "--models-dir", models_dir)
    assert run(*command) == 0
    capsys.readouterr()
    assert run(*command, "--runtime", "onnx") == 0
    assert "earlier run" not in capsys.readouterr().out


def test_the_runtimes_agree(run: Run, flight: Path, models_dir: Path, tmp_path: Path) -> None:
    found = {}
    for runtime in ("openvino", "onnx"):
        out = tmp_path / runtime
        assert (
            run("detect", flight, "--out", out, "--models-dir", models_dir, "--runtime", runtime)
            == 0
        )
        found[runtime] = read(out / "detections.json")["annotations"]
    assert len(found["onnx"]) == len(found["openvino"])
    for one, other in zip(found["onnx"], found["openvino"], strict=True):
        assert one["category_id"] == other["category_id"]
        assert one["bbox"] == pytest.approx(other["bbox"], abs=0.1)
        assert one["score"] == pytest.approx(other["score"], abs=1e-4)


def test_outlines_of_a_segment_model_reach_the_files_and_a_second_run(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_segment_model(tmp_path / "models")
    pose = DrawnPose(altitude_agl_m=ALTITUDE_AGL_M, pitch_deg=-45.0)
    draw_photo(tmp_path / "flight" / "a.jpg", pose=pose, size_px=(640, 480))
    out = tmp_path / "out"
    command = ("detect", tmp_path / "flight", "--out", out, "--models-dir", tmp_path / "models")
    assert run(*command) == 0
    first = read(out / "detections.json")["annotations"]
    (annotation,) = first
    (ring,) = annotation["segmentation"]
    x_min, y_min, width, height = annotation["bbox"]
    assert (min(ring[::2]), min(ring[1::2])) == pytest.approx((x_min, y_min), abs=1)
    assert (np.ptp(ring[::2]), np.ptp(ring[1::2])) == pytest.approx((width, height), abs=2)
    assert annotation["area"] == pytest.approx(np.hypot(160, 120) * CRACK_WIDTH_PX, rel=0.1)
    assert [path.suffix for path in (out / "crops").iterdir()] == [".jpg"]
    capsys.readouterr()
    assert run(*command) == 0
    assert "1 of them in an earlier run" in capsys.readouterr().out
    assert read(out / "detections.json")["annotations"] == first


def test_a_crack_right_below_the_camera_is_left_out_and_counted_in_each_run(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_segment_model(tmp_path / "models")
    pose = DrawnPose(altitude_agl_m=ALTITUDE_AGL_M, pitch_deg=-90.0)
    draw_photo(tmp_path / "flight" / "a.jpg", pose=pose, size_px=(640, 480))
    out = tmp_path / "out"
    for _ in range(2):
        assert (
            run("detect", tmp_path / "flight", "--out", out, "--models-dir", tmp_path / "models")
            == 0
        )
        assert read(out / "detections.json")["annotations"] == []
        assert "1 boxes were left out" in capsys.readouterr().out


def test_cracks_in_street_photos_of_unknown_heading_are_placed_at_the_camera(
    run: Run, tmp_path: Path
) -> None:
    write_tiny_segment_model(tmp_path / "models")
    pose = DrawnPose(altitude_agl_m=None, yaw_deg=None, pitch_deg=None, roll_deg=None)
    draw_photo(tmp_path / "street" / "a.jpg", pose=pose, size_px=(640, 480))
    out = tmp_path / "out"
    command = ("detect", tmp_path / "street", "--out", out, "--models-dir", tmp_path / "models")
    assert run(*command, "--kind", "street") == 0
    assert len(read(out / "detections.json")["annotations"]) == 1
    (candidate,) = read(out / "candidates.geojson")["features"]
    assert candidate["geometry"]["coordinates"] == pytest.approx([pose.lon, pose.lat], abs=1e-4)


def test_results_inside_the_flight_are_not_taken_for_photos(
    run: Run, flight: Path, models_dir: Path
) -> None:
    for name in ("out", "again"):
        out = flight / name
        assert run("detect", flight, "--out", out, "--models-dir", models_dir) == 0
        names = [image["file_name"] for image in read(out / "detections.json")["images"]]
        assert len(names) == 3
        assert not [one for one in names if one.startswith(("out", "again"))]


def test_the_flight_may_lie_inside_the_output_folder(
    run: Run, flight: Path, models_dir: Path
) -> None:
    assert run("detect", flight, "--out", flight.parent, "--models-dir", models_dir) == 0
    assert len(read(flight.parent / "detections.json")["images"]) == 3


def prepare_trouble(kind: str, tmp_path: Path, models_dir: Path) -> tuple[object, ...]:
    """Return the arguments of a command that has to fail in the given way."""
    good, out = tmp_path / "good", tmp_path / "out"
    draw_flight(good, 1)
    (tmp_path / "void").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("x")
    (tmp_path / "blocked").write_text("a file where the folder should be")
    broken = tmp_path / "broken_models"
    broken.mkdir()
    write_channel_model(broken)
    (broken / "manhole.onnx").write_bytes(b"changed")
    common = ("--out", out, "--models-dir", models_dir)
    return {
        "no folder": (tmp_path / "absent", *common),
        "a file": (tmp_path / "texts" / "a.txt", *common),
        "empty folder": (tmp_path / "void", *common),
        "no photo": (tmp_path / "texts", *common),
        "out is flight": (good, "--out", good, "--models-dir", models_dir),
        "out is a file": (good, "--out", tmp_path / "blocked", "--models-dir", models_dir),
        "unknown model": (good, *common, "--model", "pothole"),
        "changed weights": (good, "--out", out, "--models-dir", broken),
        "no models": (good, "--out", out, "--models-dir", tmp_path / "void"),
        "no config": (good, *common, "--config", tmp_path / "absent.yaml"),
        "streams": (good, *common, "--streams", "-4"),
        "unknown option": (good, *common, "--frobnicate"),
        "unknown runtime": (good, *common, "--runtime", "abacus"),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("no folder", 2, "absent"),
        ("a file", 2, "not a folder"),
        ("empty folder", 3, "holds no photo"),
        ("no photo", 3, "1 other files"),
        ("out is flight", 2, "--out"),
        ("out is a file", 2, "cannot be written"),
        ("unknown model", 4, "Known models: manhole"),
        ("changed weights", 4, "manhole.onnx"),
        ("no models", 4, "no active model"),
        ("no config", 5, "absent.yaml"),
        ("streams", 5, "streams"),
        ("unknown option", 2, "--frobnicate"),
        ("unknown runtime", 2, "abacus"),
    ],
)
def test_each_mistake_has_its_exit_code_and_a_remedy(
    *,
    run: Run,
    models_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    code: int,
    words: str,
) -> None:
    assert run("detect", *prepare_trouble(kind, tmp_path, models_dir)) == code
    assert words in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_output_folder_is_named(
    run: Run, models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_flight(tmp_path / "good", 1)
    (tmp_path / "locked").mkdir(mode=0o500)
    out = tmp_path / "locked" / "out"
    assert run("detect", tmp_path / "good", "--out", out, "--models-dir", models_dir) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_help_documents_every_exit_code(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("detect", "--help") == 0
    text = capsys.readouterr().out
    assert all(f"  {code}  " in text for code in (0, 2, 3, 4, 5, 130))


def test_models_are_listed_as_table_and_as_json(
    run: Run, models_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("models", "--models-dir", models_dir) == 0
    assert "manhole" in capsys.readouterr().out
    assert run("models", "--models-dir", models_dir, "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["check"] == "ok"
    assert row["thresholds"] == {
        "manhole_ok": 0.6,
        "manhole_broken": 0.6,
        "manhole_missing": 0.6,
    }


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("importlib.import_module", "Interrupted"),
        ("detection.cli.detect.select_manifests", "Run the same command again"),
        ("detection.cli.flight_source.read_flight", "Run the same command again"),
        ("detection.cli.run.load_detector", "Run the same command again"),
        ("detection.cli.run.write_report", "Run the same command again"),
    ],
)
def test_an_interrupt_at_any_time_ends_with_130(
    *,
    run: Run,
    models_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: str,
    words: str,
) -> None:
    draw_flight(tmp_path / "flight", 1)
    monkeypatch.setattr(place, interrupt)
    command = ("detect", tmp_path / "flight", "--out", tmp_path / "out", "--models-dir", models_dir)
    assert run(*command) == 130
    assert words in capsys.readouterr().err


def test_what_was_left_out_for_its_size_is_counted_again_after_a_rerun(
    run: Run, models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.full((240, 320, 3), 60, dtype=np.uint8)
    pixels[:, :160] = (0, 0, 255)
    draw_photo(tmp_path / "f" / "a.jpg", pose=DrawnPose(altitude_agl_m=90.0), pixels=pixels)
    command = ("detect", tmp_path / "f", "--out", tmp_path / "out", "--models-dir", models_dir)
    said = []
    for _ in range(2):
        assert run(*command) == 0
        said += [line for line in capsys.readouterr().out.splitlines() if "left out" in line]
        assert read(tmp_path / "out" / "detections.json")["annotations"] == []
    assert len(said) == 2
    assert said[0] == said[1]


def test_a_flight_of_broken_photos_has_its_report_and_exit_code(
    run: Run, models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = draw_photo(tmp_path / "f" / "torn.jpg", seed=9).read_bytes()
    (tmp_path / "f" / "torn.jpg").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out"
    assert run("detect", tmp_path / "f", "--out", out, "--models-dir", models_dir) == 3
    assert [row["code"] for row in read(out / "failures.json")] == ["truncated_image"]
    captured = capsys.readouterr()
    assert "torn.jpg" in captured.out
    assert str(out / "report.html") in captured.err


def test_photos_beside_earlier_results_are_not_passed_over(
    run: Run, flight: Path, models_dir: Path, tmp_path: Path
) -> None:
    assert run("detect", flight, "--out", flight.parent, "--models-dir", models_dir) == 0
    assert list((flight.parent / "crops").iterdir())
    out = tmp_path.parent / f"{tmp_path.name}_whole"
    assert run("detect", tmp_path, "--out", out, "--models-dir", models_dir) == 0
    names = [image["file_name"] for image in read(out / "detections.json")["images"]]
    assert len(names) == 3
    assert all(name.startswith("flight/") for name in names)


def test_an_interrupted_flight_goes_on_where_it_stopped(
    run: Run, models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = draw_flight(tmp_path / "flight", 240)  # long enough for a slow signal
    out = tmp_path / "out"
    command = ["detect", tmp_path / "flight", "--out", out, "--models-dir", models_dir]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "hazardlens.py"), *map(str, command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    progress = out / "progress.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if progress.is_file() and progress.read_bytes().count(b"\n") >= 2:
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Run the same command again" in said
    done = progress.read_bytes().count(b"\n")
    assert 2 <= done < len(photos)
    assert not (out / "report.html").exists()
    assert run(*command) == 0
    assert f"{done} of them in an earlier run" in capsys.readouterr().out
    whole = tmp_path / "whole"
    assert run("detect", tmp_path / "flight", "--out", whole, "--models-dir", models_dir) == 0
    for name in ("detections.json", "candidates.geojson", "failures.json"):
        assert read(out / name) == read(whole / name)


GUARD = """
    import socket, sys
    def refuse(*arguments, **named):
        raise SystemExit(f"NETWORK {arguments[:2]}")
    def guard(original):
        def connect(self, address, *rest):
            local = self.family == socket.AF_UNIX or str(address[0]).startswith("127.")
            return original(self, address, *rest) if local else refuse(address)
        return connect
    socket.socket.connect = guard(socket.socket.connect)
    socket.socket.connect_ex = guard(socket.socket.connect_ex)
    socket.socket.sendto = refuse
    socket.getaddrinfo = socket.gethostbyname = refuse
    import hazardlens
    sys.argv[0] = "hazardlens"
    hazardlens.main()
"""


@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_nothing_asks_the_network(runtime: str, models_dir: Path, tmp_path: Path) -> None:
    draw_flight(tmp_path / "flight", 1)
    command = [
        *(sys.executable, "-c", textwrap.dedent(GUARD)),
        *("detect", tmp_path / "flight", "--out", tmp_path / "out"),
        *("--models-dir", models_dir, "--runtime", runtime),
    ]
    ended = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "NETWORK" not in ended.stderr
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out" / "report.html").is_file()
