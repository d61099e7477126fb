"""One whole retraining as a user without any shared file runs it, killed in its middle."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from detection.detectors.manifest import MODELS_DIR, select_manifests
from tests.retraining_orders import draw_decisions
from training.fitting.curves import read_epochs
from training.fitting.progress import find_progress
from training.retraining.journal import STAGES, read_journal

REPOSITORY = Path(__file__).resolve().parents[2]
DEADLINE_S = 500


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {
        "HAZARDLENS_SHARED_DIR": str(tmp_path / "none"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "hazardlens", "retrain", *arguments],
        cwd=REPOSITORY,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def wait_for_epoch(run_dir: Path) -> None:
    progress = find_progress(run_dir / "training")
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if progress.is_file() and '"event": "epoch"' in progress.read_text(encoding="utf-8"):
            return
        time.sleep(0.1)
    pytest.fail("no epoch ended in time")


@pytest.mark.soak
def test_killed_loop_goes_on_and_ends_with_a_candidate(tmp_path: Path) -> None:
    models, run_dir = tmp_path / "models", tmp_path / "run"
    shutil.copytree(MODELS_DIR, models)
    draw_decisions(tmp_path / "decisions", 5, photos=3)
    arguments = ["manhole", "--decisions", str(tmp_path / "decisions"), "--run", str(run_dir)]
    arguments += ["--models-dir", str(models), "--store", str(tmp_path / "versions")]
    arguments += ["--weights", "onnx", "--no-replay", "--epochs", "2", "--threads", "1"]
    first = start(tmp_path, *arguments)
    wait_for_epoch(run_dir)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    before = read_journal(run_dir)
    assert (before["state"], before["stage"]) == ("running", "train")
    in_force = select_manifests(("manhole",), models)[0]

    second = start(tmp_path, "--resume", str(run_dir))
    said, _ = second.communicate(timeout=DEADLINE_S)
    assert second.returncode == 0, said
    after = read_journal(run_dir)
    assert after["state"] == "done"
    assert [row["state"] for row in after["stages"]] == ["done"] * len(STAGES)
    assert after["stages"][:2] == before["stages"][:2]  # not done a second time
    assert [row["epoch"] for row in read_epochs(run_dir / "training")] == [1, 2]

    report = json.loads((run_dir / "report.json").read_text(encoding="utf-8"))
    assert report["candidate"]["started_from"] == "onnx"
    assert report["candidate"]["start_parity"]["unmatched"] == 0
    assert report["candidate"]["interruptions"] == 1
    assert {one["key"] for one in report["sets"]} == {"held_out", "last_flights"}
    assert (run_dir / "report.html").stat().st_size > 10_000
    candidate = select_manifests((after["result"]["model"],), models)[0]
    assert candidate.status == "candidate"
    assert candidate.training["run"] == "run/training"
    assert str(tmp_path) not in candidate.card_path.read_text("utf-8")  # type: ignore[union-attr]
    assert select_manifests(("manhole",), models)[0] == in_force
