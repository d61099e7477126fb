"""The mean of runs: what is refused, what is recorded, and that no half of it stays."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from detection.domain.errors import ConfigurationError
from tests.drawn_data import CONFIG
from training.cli.runs import runs
from training.fitting import average
from training.fitting.average import WEIGHTS, average_runs
from training.promotion.card import _average_lines
from training.record import find_ancestor, list_earlier_flights, read_record, write_record


def make_run(
    folder: Path, *, flight: str = "", state: str = "trained", task: str = "detect"
) -> Path:
    data: list[dict[str, Any]] = [{"dataset": "manhole"}]
    if flight:
        data.append({"negatives": folder.name, "flight": flight, "tile_px": 416})
    config = CONFIG | {"data": data, "task": task}
    (folder / WEIGHTS).parent.mkdir(parents=True)
    (folder / WEIGHTS).write_bytes(folder.name.encode())
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    record = {
        "run": folder.name,
        "config": config,
        "config_sha256": "c",
        "data_hash": "d",
        "seed": 1,
        "seconds": 10.0,
        "state": state,
        "started_from_sha256": None,
        "ancestor": None,
        "weights": str(WEIGHTS),
        "weights_sha256": hashlib.sha256(folder.name.encode()).hexdigest(),
    }
    write_record(folder, record)
    return folder


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the trainer's process, which tests/unit/training/test_blended_weights runs."""

    def join(run_dir: Path, action: str) -> None:
        assert action == "average"
        parts = read_record(run_dir)["parts"]
        (run_dir / WEIGHTS).parent.mkdir(parents=True)
        (run_dir / WEIGHTS).write_bytes(b"".join(Path(part).read_bytes() for part in parts))

    monkeypatch.setattr(average, "run_trainer", join)


@pytest.mark.usefixtures("joined")
def test_a_mean_is_a_trained_run_that_knows_its_parts(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one", flight="flights/a")
    two = make_run(tmp_path / "two", flight="flights/b")
    mean = average_runs(tmp_path / "mean", [(one, 1.0), (two / WEIGHTS, 3.0)])
    record = read_record(mean)
    assert (record["state"], record["run"], record["seconds"]) == ("trained", "mean", 20.0)
    assert record["weights_sha256"] == hashlib.sha256(b"onetwo").hexdigest()
    assert [(part["run"], part["share"]) for part in record["averaged"]] == [
        ("one", 0.25),
        ("two", 0.75),
    ]
    assert sorted(path.name for path in mean.parent.iterdir()) == ["mean", "one", "two"]
    (line,) = _average_lines(record)
    assert "0.25 of `one`" in line
    assert "0.75 of `two`" in line


@pytest.mark.usefixtures("joined")
def test_flights_of_every_part_count_as_trained_on(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one", flight="flights/a")
    two = make_run(tmp_path / "two", flight="flights/b")
    mean = average_runs(tmp_path / "mean", [(one, 1.0), (two, 1.0)])
    flights = {str(part.flight) for part in list_earlier_flights(read_record(mean))}
    assert flights == {"flights/a", "flights/b"}
    later = {"ancestor": find_ancestor(mean / WEIGHTS)}
    assert {str(part.flight) for part in list_earlier_flights(later)} >= flights


def test_what_cannot_be_averaged_is_named(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one")
    going = make_run(tmp_path / "going", state="training")
    other = make_run(tmp_path / "other", task="segment")
    for parts, words in (
        ([(one, 1.0)], "two runs or more"),
        ([(one, 1.0), (going, 1.0)], "not a trained run"),
        ([(other, 1.0), (one, 1.0)], "another task"),
        ([(one, 0.0), (one, 1.0)], "not above 0"),
        ([(one, float("nan")), (one, 1.0)], "not above 0"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            average_runs(tmp_path / "mean", parts)
    assert not (tmp_path / "mean").exists()


def test_a_mean_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(run_dir: Path, action: str) -> None:
        message = f"{action} {run_dir.name}"
        raise ConfigurationError(message)

    monkeypatch.setattr(average, "run_trainer", fail)
    one, two = make_run(tmp_path / "one"), make_run(tmp_path / "two")
    with pytest.raises(ConfigurationError):
        average_runs(tmp_path / "mean", [(one, 1.0), (two, 1.0)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


@pytest.mark.usefixtures("joined")
def test_a_folder_in_use_is_kept(tmp_path: Path) -> None:
    one, two = make_run(tmp_path / "one"), make_run(tmp_path / "two")
    copy = tmp_path / "copy"
    shutil.copytree(one, copy)
    with pytest.raises(ConfigurationError, match="not empty"):
        average_runs(copy, [(one, 1.0), (two, 1.0)])


def test_the_command_wants_run_and_share(tmp_path: Path) -> None:
    done = CliRunner().invoke(runs, ["average", str(tmp_path / "mean"), str(tmp_path)])
    assert done.exit_code == 2
    assert "RUN=SHARE" in done.output
