from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from training.fitting import environment
from training.fitting.environment import (
    count_cores,
    count_threads,
    describe_commit,
    describe_environment,
)
from training.settings import REPOSITORY_DIR


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 6), ("200000 100000", 2), ("50000 100000", 1), ("nonsense", 6), (None, 6)],
)
def test_cores_are_those_that_this_process_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str | None, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)))
    file = tmp_path / "cpu.max"
    if quota is not None:
        file.write_text(quota)
    assert count_cores(file) == cores


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (16, 15)])
def test_one_core_is_left_over(monkeypatch: pytest.MonkeyPatch, cores: int, threads: int) -> None:
    monkeypatch.setattr(environment, "count_cores", lambda: cores)
    assert count_threads() == threads


def test_commit_and_changes_are_told(tmp_path: Path) -> None:
    assert describe_commit(tmp_path) == {}
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    (tmp_path / "file").write_text("one")
    for arguments in (["init", "-q"], ["add", "file"], ["commit", "-qm", "First"]):
        subprocess.run([*git, *arguments], check=True)
    clean = describe_commit(tmp_path)
    assert len(clean["commit"]) == 40
    assert clean["commit_dirty"] == "false"
    (tmp_path / "file").write_text("two")
    assert describe_commit(tmp_path) == clean | {"commit_dirty": "true"}


def test_environment_names_versions_and_no_place() -> None:
    found = describe_environment()
    assert found["ultralytics"].startswith("8.4")
    assert found["cpu"]
    assert int(found["threads"]) >= 1
    places = (str(REPOSITORY_DIR.parent), os.uname().nodename)
    assert not any(place in value for place in places for value in found.values())
