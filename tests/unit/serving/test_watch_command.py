from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from detection.domain.errors import ConfigurationError
from hazardlens import cli
from serving.settings import load_settings
from serving.supervisor.service import Service


def names_of_children(tmp_path: Path, watch: str) -> list[str]:
    settings = load_settings(data_dir=tmp_path, watch=watch)
    reading, writing = os.pipe()
    children = Service(settings, "127.0.0.1", 0, 1)._children("postgresql:///x", reading, writing)
    os.close(reading)
    os.close(writing)
    return [child.name for child in children]


def test_a_watcher_runs_where_a_place_is_named(tmp_path: Path) -> None:
    assert names_of_children(tmp_path, "") == ["http", "worker 1"]
    assert names_of_children(tmp_path, "/dock") == ["http", "worker 1", "watch"]


def test_a_mistake_in_the_places_is_told_before_anything_starts(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, watch="dock/media")
    with pytest.raises(ConfigurationError, match="HAZARDLENS_WATCH"):
        Service(settings, "127.0.0.1", 0, 1).run()
    assert list(tmp_path.iterdir()) == []


def test_watching_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HAZARDLENS_WATCH", raising=False)
    result = CliRunner().invoke(cli, ["watch", "--data-dir", str(tmp_path)])
    assert isinstance(result.exception, ConfigurationError)
