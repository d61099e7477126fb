from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from detection.domain.errors import ConfigurationError, HazardLensError, InvalidInputError
from tests.retraining_orders import draw_decisions
from tests.tiny_model import write_tiny_model
from training.cli.retrain import retrain
from training.retraining import run as retraining
from training.retraining.errors import DiskFullError, OtherOrderError, TooFewDecisionsError
from training.retraining.journal import read_journal
from training.settings import SHARED_VARIABLE


@pytest.fixture(autouse=True)
def _nothing_shared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(SHARED_VARIABLE, str(tmp_path / "none"))
    monkeypatch.setattr("training.cli.retrain._stop_on_terminate", lambda: None)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(retrain, [str(one) for one in arguments])


def refused(result: Result) -> HazardLensError:
    assert isinstance(result.exception, HazardLensError), result.output
    return result.exception


def order(tmp_path: Path, *more: object) -> Result:
    write_tiny_model(tmp_path / "models")
    return call(
        *("manhole", "--decisions", tmp_path / "decisions", "--no-replay", "--epochs", 1),
        *("--store", tmp_path / "versions", "--models-dir", tmp_path / "models"),
        *("--run", tmp_path / "run", *more),
    )


def test_model_and_decisions_are_needed(tmp_path: Path) -> None:
    assert "needed" in refused(call()).message
    assert "needed" in refused(call("manhole")).message
    del tmp_path


def test_unknown_model_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    result = call("roof", "--decisions", tmp_path, "--run", tmp_path / "run")
    assert refused(result).code == "model_unknown"
    assert not (tmp_path / "run").exists()


def test_flight_to_report_on_must_be_there(tmp_path: Path) -> None:
    result = order(tmp_path, "--report-flights", tmp_path / "gone")
    assert isinstance(refused(result), InvalidInputError)
    assert not (tmp_path / "run").exists()


def test_too_few_decisions_are_recorded_with_the_remedy(tmp_path: Path) -> None:
    draw_decisions(tmp_path / "decisions", 1)
    assert isinstance(refused(order(tmp_path)), TooFewDecisionsError)
    journal = read_journal(tmp_path / "run")
    assert (journal["state"], journal["stages"][0]["state"]) == ("failed", "failed")
    assert journal["error"]["code"] == "too_few_decisions"
    assert "2 more flights" in journal["error"]["remedy"]


def test_estimate_is_one_line_of_json_and_starts_nothing(tmp_path: Path) -> None:
    draw_decisions(tmp_path / "decisions", 4)
    result = order(tmp_path, "--estimate", "--minutes", 1)
    told = json.loads(result.output.splitlines()[-1])
    assert told["epochs"] == 1
    assert told["enough"]
    assert not (tmp_path / "run").exists()


def test_full_disk_can_be_gone_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_decisions(tmp_path / "decisions", 4)

    def fill(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(retraining, "build_data", fill)
    error = refused(order(tmp_path))
    assert isinstance(error, DiskFullError)
    assert str(tmp_path / "run") in error.remedy
    assert read_journal(tmp_path / "run")["error"]["code"] == "disk_full"


def test_stages_are_done_in_order_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_decisions(tmp_path / "decisions", 4)
    done: list[str] = []
    fails = {"evaluate"}

    def stand_in(name: str) -> None:
        def do(self: retraining.Retraining) -> None:
            done.append(name)
            if name in fails:
                raise KeyboardInterrupt
            if name == "report":
                report = {"candidate": {"version": "v"}, "verdict": {"code": "better"}}
                (self.run_dir / "report.json").write_text(json.dumps(report), encoding="utf-8")

        monkeypatch.setattr(retraining.Retraining, f"_{name}", do)

    for name in ("build", "start", "train", "evaluate", "compare", "report"):
        stand_in(name)
    assert order(tmp_path).exit_code != 0
    assert read_journal(tmp_path / "run")["state"] == "interrupted"
    assert done == ["build", "start", "train", "evaluate"]

    fails.clear()
    result = call("manhole", "--resume", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert done[4:] == ["evaluate", "compare", "report"]
    assert result.output.splitlines()[-1].startswith("manhole@v is candidate. Report: ")
    assert read_journal(tmp_path / "run")["result"]["verdict"] == "better"
    assert isinstance(refused(call("--resume", tmp_path / "run")), OtherOrderError)


def test_run_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    draw_decisions(tmp_path / "decisions", 4)
    (tmp_path / "run").mkdir()
    assert isinstance(refused(call("--resume", tmp_path / "run")), ConfigurationError)
    (tmp_path / "run" / "holiday.txt").write_text("", encoding="utf-8")
    assert "holiday.txt" in refused(order(tmp_path)).message


def test_resumed_run_is_of_the_model_that_was_named(tmp_path: Path) -> None:
    draw_decisions(tmp_path / "decisions", 1)
    order(tmp_path)
    error = refused(call("facade_crack", "--resume", tmp_path / "run"))
    assert "retraining of manhole" in error.message
