"""The process that compares flights: what it leaves, how it is ended, that it outlives nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

import pytest

from detection.domain.photo import Flight, FlightKind, Photo
from detection.layers.buildings import BuildingLayer
from serving.jobs.change_process import (
    FOLDER_PREFIX,
    LEFT_BEHIND_S,
    ComparisonBrokeOffError,
    compare_apart,
    remove_left_folders,
)
from serving.jobs.change_result import ComparisonTask, Refusal

WAITING_CHILD = """
import threading, time
from serving.jobs.change_child import end_with_parent
threading.Thread(target=end_with_parent, daemon=True).start()
print("up", flush=True)
time.sleep(60)
"""


def bare_flight(name: str) -> Flight:
    """Return a flight whose photos say neither where they were taken nor by what lens."""
    photos = tuple(
        Photo(str(number), Path("gone.jpg"), "a" * 64, 100, 100, None, None, None, None)
        for number in range(3)
    )
    return Flight(name, FlightKind.DRONE, photos, ())


TASK = ComparisonTask(bare_flight("later"), bare_flight("earlier"), BuildingLayer(()), 1)


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the two processes meet, so that a test sees what stays behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_why_flights_cannot_be_compared_comes_back_with_a_remedy(own_folder: Path) -> None:
    answer = compare_apart(TASK, lambda *_: None, lambda: False)
    assert isinstance(answer, Refusal)
    assert answer.code == "change_no_positions"
    assert "earlier" in answer.message
    assert "GPS" in answer.remedy
    assert not list(own_folder.glob(f"{FOLDER_PREFIX}*"))


def test_nobody_wants_it_any_more_and_it_is_gone(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def watch(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        started.append(start(*arguments, **options))  # type: ignore[call-overload]  # as given
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", watch)
    assert compare_apart(TASK, lambda *_: None, lambda: True) is None
    (process,) = started
    assert process.returncode == -signal.SIGKILL
    assert not list(own_folder.glob(f"{FOLDER_PREFIX}*"))


def test_what_a_killed_worker_left_goes_and_what_runs_stays(own_folder: Path) -> None:
    left, running, other = (
        own_folder / name for name in (f"{FOLDER_PREFIX}a", f"{FOLDER_PREFIX}b", "somebody-else")
    )
    for folder in (left, running, other):
        (folder / "hazardlens-refine-x").mkdir(parents=True)
    long_ago = time.time() - LEFT_BEHIND_S - 60
    for folder in (left, other):
        os.utime(folder, (long_ago, long_ago))
    remove_left_folders()
    assert sorted(own_folder.iterdir()) == [running, other]


def test_a_process_that_fails_tells_what_it_wrote_last() -> None:
    with pytest.raises(ComparisonBrokeOffError, match="the folder holds no task"):
        compare_apart(cast("ComparisonTask", "no task"), lambda *_: None, lambda: False)


def test_it_goes_when_its_parent_goes() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING_CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        child.stdin.close()
        assert child.wait(20) == -signal.SIGKILL
