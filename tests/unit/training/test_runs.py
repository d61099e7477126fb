from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from detection.domain.errors import ConfigurationError
from tests.drawn_data import CONFIG
from training.cli.runs import runs
from training.fitting.run_folder import hold_run
from training.record import write_record
from training.settings import TrainingSettings

HEAD = (
    "epoch,time,train/box_loss,metrics/precision(B),metrics/mAP50(B),metrics/mAP50-95(B),"
    "val/box_loss,lr/pg0\n"
)


def make_run(folder: Path, *figures: float, state: str = "trained", **change: object) -> Path:
    """A run folder with one epoch per figure, without weights."""
    config = TrainingSettings.model_validate(
        CONFIG | {"optimisation": {"epochs": 3, "image_px": 64}} | change
    )
    (folder / "fit").mkdir(parents=True)
    lines = [
        f"{number},{10 * number},1.5,0.6,{value},{value / 2},2.0,0.001\n"
        for number, value in enumerate(figures, start=1)
    ]
    (folder / "fit" / "results.csv").write_text(HEAD + "".join(lines))
    (folder / "config.yaml").write_text("name: smoke\n")
    record: dict[str, Any] = {
        "run": folder.name,
        "name": "smoke",
        "state": state,
        "config": config.model_dump(mode="json"),
        "data_hash": "d" * 64,
        "data_counts": {"train": {"photos": 4}},
        "environment": {"torch": "2.15"},
        "prepared_at": "2026-01-01T00:00:00+00:00",
    }
    if state == "trained":
        record |= {"seconds": 30.0, "trained_at": "2026-01-01T00:01:00+00:00"}
    write_record(folder, record)
    return folder


def ask(*arguments: object) -> str:
    result = CliRunner().invoke(runs, [str(item) for item in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_list_tells_state_and_best_figures(tmp_path: Path) -> None:
    make_run(tmp_path / "a-done", 0.5, 0.75, 0.7)
    make_run(tmp_path / "b-killed", 0.5, state="training")
    make_run(tmp_path / "c-failed", state="failed")
    live = make_run(tmp_path / "d-live", 0.5, 0.6, state="training")
    (tmp_path / "no-run").mkdir()
    with hold_run(live):
        rows = json.loads(ask(tmp_path, "--json"))
        text = ask("list", tmp_path)
    assert [(row["run"], row["state"], row["epochs_done"]) for row in rows] == [
        ("a-done", "trained", 3),
        ("b-killed", "interrupted", 1),
        ("c-failed", "failed", 0),
        ("d-live", "training", 2),
    ]
    assert rows[0]["best_epoch"] == 2
    assert rows[0]["best"] == {"map50": 0.75, "map50_95": 0.375}
    assert rows[0]["seconds"] == 30.0
    lines = text.splitlines()
    assert len(lines) == 5
    assert "0.750" in lines[1]
    assert "epoch 2/3" in lines[1]
    assert "interrupted 1/3" in lines[2]
    assert "training 2/3" in lines[4]


@pytest.mark.parametrize("broken", ["{", "[1]", "{}", '{"config": null}', '{"config": {}}'])
def test_list_shows_stages_before_their_run_and_leaves_out_a_broken_record(
    tmp_path: Path, broken: str
) -> None:
    whole = make_run(tmp_path / "whole", 0.5)
    make_run(whole / "stage-1-frozen", 0.4)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text(broken)
    result = CliRunner().invoke(runs, [str(tmp_path)])
    assert result.exit_code == 0
    found = [line.split()[0] for line in result.stdout.splitlines()]
    assert found == ["run", "stage-1-frozen", "whole"]
    assert "broken is left out" in result.stderr


def test_folder_without_runs_is_said(tmp_path: Path) -> None:
    assert "No run lies in" in ask(tmp_path)
    assert json.loads(ask(tmp_path, "--json")) == []


def test_show_tells_configuration_and_environment(tmp_path: Path) -> None:
    run = make_run(tmp_path / "one", 0.5, 0.75, seed=41)
    text = ask("show", run)
    assert "optimisation.epochs" in text
    assert "2.15" in text
    document = json.loads(ask("show", run, "--json"))
    assert document["record"]["config"]["seed"] == 41
    assert [row["epoch"] for row in document["epochs"]] == [1, 2]


def test_compare_tells_what_differs_and_nothing_else(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one", 0.5)
    two = make_run(tmp_path / "two", 0.5, 0.75, seed=12, augmentation={"mosaic": 0.5})
    found = json.loads(ask("compare", one, two, "--json"))
    assert found["one"]["seed"] == "11"
    assert found["two"]["seed"] == "12"
    assert found["two"]["augmentation.mosaic"] == "0.5"
    assert "optimisation.epochs" not in found["one"]
    assert [found[name]["best map50"] for name in ("one", "two")] == ["0.500", "0.750"]
    assert "augmentation.mosaic" in ask("compare", one, two)


@pytest.mark.parametrize("suffix", ["svg", "html"])
def test_compare_draws_all_runs(tmp_path: Path, suffix: str) -> None:
    one, two = make_run(tmp_path / "one", 0.5), make_run(tmp_path / "t<wo", 0.5, 0.75)
    out = tmp_path / f"both.{suffix}"
    ask("compare", one, two, "--out", out)
    text = out.read_text(encoding="utf-8")
    assert "t&lt;wo" in text
    assert "t<wo" not in text
    assert "http://www.w3.org/2000/svg" in text
    assert ("训练对比" in text) == (suffix == "html")


def test_learning_curve_runs_over_the_share_of_the_data(tmp_path: Path) -> None:
    parts = [
        make_run(tmp_path / f"part-{100 * share:.0f}", figure, fraction=share)
        for share, figure in ((0.25, 0.4), (0.5, 0.6), (1.0, 0.7))
    ]
    out = tmp_path / "learning.svg"
    ask("compare", *parts, "--over", "fraction", "--out", out)
    text = out.read_text(encoding="utf-8")
    assert all(f">{figure:.2f}<" in text for figure in (0.4, 0.6, 0.7))
    assert all(f">{tick}<" in text for tick in (25, 50, 100))


def test_other_kind_of_drawing_is_refused_before_it_is_drawn(tmp_path: Path) -> None:
    run = make_run(tmp_path / "one", 0.5)
    result = CliRunner().invoke(runs, ["compare", str(run), "--out", str(tmp_path / "x.gif")])
    assert isinstance(result.exception, ConfigurationError)
    assert not (tmp_path / "x.gif").exists()


class FakeClient:
    """What MLflow's client was told."""

    made: FakeClient

    def __init__(self, tracking_uri: str) -> None:
        self.uri = tracking_uri
        self.silent = os.environ["MLFLOW_DISABLE_TELEMETRY"], os.environ["DO_NOT_TRACK"]
        self.params: dict[str, str] = {}
        self.metrics: list[tuple[str, float, int, int]] = []
        self.files: list[str] = []
        self.run: dict[str, object] = {}
        self.end: tuple[str, int] = ("", 0)
        FakeClient.made = self

    def get_experiment_by_name(self, name: str) -> None:
        self.experiment = name

    def create_experiment(self, name: str) -> str:
        assert name == self.experiment
        return "7"

    def create_run(self, place: str, **told: object) -> SimpleNamespace:
        assert place == "7"
        self.run = told
        return SimpleNamespace(info=SimpleNamespace(run_id="abc"))

    def log_param(self, run_id: str, key: str, value: str) -> None:
        assert run_id == "abc"
        self.params[key] = value

    def log_metric(self, run_id: str, key: str, value: float, *, timestamp: int, step: int) -> None:
        assert run_id == "abc"
        self.metrics.append((key, value, timestamp, step))

    def log_artifact(self, run_id: str, path: str) -> None:
        assert run_id == "abc"
        self.files.append(Path(path).name)

    def set_terminated(self, run_id: str, *, status: str, end_time: int) -> None:
        assert run_id == "abc"
        self.end = status, end_time


def test_export_to_mlflow_maps_the_run_and_reports_nothing_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("mlflow")
    module.MlflowClient = FakeClient  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlflow", module)
    for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        monkeypatch.setenv(name, "false")
    run = make_run(tmp_path / "one", 0.5, 0.75)
    assert "Exported as abc" in ask("export-mlflow", run, "--uri", "file:store")
    client = FakeClient.made
    assert client.uri == "file:store"
    assert client.silent == ("true", "true")
    assert client.experiment == "hazardlens/smoke"
    assert client.run["run_name"] == "one"
    started = 1767225600000
    assert client.run["start_time"] == started
    assert client.run["tags"]["hazardlens.data_hash"] == "d" * 64  # type: ignore[index]
    assert client.params["optimisation.epochs"] == "3"
    assert ("metrics/mAP50B", 0.75, started + 20000, 2) in client.metrics
    assert {key for key, *_ in client.metrics} >= {"lr/pg0", "val/box_loss", "metrics/mAP50-95B"}
    assert client.files == ["run.json", "config.yaml", "results.csv"]
    assert client.end == ("FINISHED", started + 60000)


def test_missing_mlflow_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    run = make_run(tmp_path / "one", 0.5)
    for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        monkeypatch.setenv(name, "false")
    result = CliRunner().invoke(runs, ["export-mlflow", str(run), "--uri", "file:store"])
    assert isinstance(result.exception, ConfigurationError)
    assert "MLflow is not installed" in str(result.exception)
