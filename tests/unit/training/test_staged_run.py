from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from detection.domain.errors import ConfigurationError, ModelError
from tests.drawn_data import CONFIG, draw_shared
from training.cli.train import train
from training.fitting import stages
from training.fitting.stages import read_plan, train_run
from training.fitting_settings import Optimisation
from training.promotion.card import _ancestor_lines, _blend_lines
from training.promotion.shipping_checks import check_trained
from training.record import read_record, write_record
from training.settings import TrainingSettings, load_training_settings

STAGED = CONFIG | {
    "augmentation": {"mosaic": 1.0},
    "stages": [
        {"name": "frozen", "optimisation": {"epochs": 2, "freeze": 10}},
        {"name": "fine", "augmentation": {"mosaic": 0.0}, "seed": 5},
    ],
}
SETTINGS = TrainingSettings.model_validate(STAGED)


class Silent:
    def refresh(self, text: str) -> None:
        del text

    def keep(self, text: str) -> None:
        del text


class FakeTrainer:
    """Writes weights that name their run; fails where it is told to."""

    def __init__(self) -> None:
        self.trained: list[str] = []
        self.fails_at = ""

    def __call__(self, run_dir: Path, action: str, **_: object) -> None:
        assert action == "fit"
        self.trained.append(run_dir.name)
        if run_dir.name == self.fails_at:
            message = "The trainer ended with status 1."
            raise ModelError(message, remedy="Read the log.")
        weights = run_dir / "fit" / "weights" / "best.pt"
        weights.parent.mkdir(parents=True)
        weights.write_bytes(run_dir.name.encode())
        ended = {
            "state": "trained",
            "seconds": 3.0,
            "weights": "fit/weights/best.pt",
            "weights_sha256": hashlib.sha256(run_dir.name.encode()).hexdigest(),
        }
        write_record(run_dir, read_record(run_dir) | ended)


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return draw_shared(tmp_path, monkeypatch)


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> FakeTrainer:
    fake = FakeTrainer()
    monkeypatch.setattr(stages, "run_trainer", fake)
    return fake


def test_each_stage_starts_from_the_best_of_the_one_before(
    shared: Path, tmp_path: Path, trainer: FakeTrainer
) -> None:
    run_dir = tmp_path / "whole"
    train_run(SETTINGS, lambda: shared, run_dir, Silent())
    assert trainer.trained == ["stage-1-frozen", "whole"]
    first, last = read_record(run_dir / "stage-1-frozen"), read_record(run_dir)
    assert first["config"]["optimisation"]["freeze"] == 10
    assert first["config"]["augmentation"]["mosaic"] == 1.0
    assert first["started_from"] == "yolo26n.yaml"
    assert last["config"]["optimisation"] == SETTINGS.optimisation.model_dump(mode="json")
    assert last["config"]["augmentation"]["mosaic"] == 0.0
    assert last["config"]["seed"] == last["seed"] == 5
    assert last["config"]["started_from"] == "whole/stage-1-frozen/fit/weights/best.pt"
    assert last["started_from_sha256"] == first["weights_sha256"]
    assert last["ancestor"]["run"] == "whole/stage-1-frozen"
    (line,) = _ancestor_lines(last)
    assert "`whole/stage-1-frozen`: 2 epochs at 64 px" in line
    assert read_plan(run_dir) == SETTINGS
    assert last["data_yaml"] == str(run_dir / "data" / "data.yaml")  # another seed: data of its own
    check_trained(run_dir, last)


def test_stages_of_one_data_set_share_it(
    shared: Path, tmp_path: Path, trainer: FakeTrainer
) -> None:
    two = [{"name": "frozen", "optimisation": {"freeze": 10}}, {"name": "all"}]
    settings = TrainingSettings.model_validate(CONFIG | {"stages": two})
    run_dir = tmp_path / "whole"
    train_run(settings, lambda: shared, run_dir, Silent())
    first, last = read_record(run_dir / "stage-1-frozen"), read_record(run_dir)
    assert trainer.trained == ["stage-1-frozen", "whole"]
    assert not (run_dir / "data").exists()
    assert last["data_yaml"] == first["data_yaml"]
    assert Path(last["data_yaml"]).is_file()
    assert last["data_hash"] == first["data_hash"]
    assert last["data_counts"] == first["data_counts"]


def test_finished_stages_are_not_trained_again(
    shared: Path, tmp_path: Path, trainer: FakeTrainer
) -> None:
    run_dir = tmp_path / "whole"
    trainer.fails_at = "whole"
    with pytest.raises(ModelError):
        train_run(SETTINGS, lambda: shared, run_dir, Silent())
    with pytest.raises(ModelError, match="did not end"):
        check_trained(run_dir, read_record(run_dir))
    trainer.fails_at = ""
    train_run(read_plan(run_dir), lambda: shared, run_dir, Silent())
    assert trainer.trained == ["stage-1-frozen", "whole", "whole"]
    assert read_record(run_dir)["state"] == "trained"


def test_run_that_waits_for_its_first_stage_is_not_promoted_and_goes_on(
    shared: Path, tmp_path: Path, trainer: FakeTrainer
) -> None:
    run_dir = tmp_path / "whole"
    trainer.fails_at = "stage-1-frozen"
    with pytest.raises(ModelError):
        train_run(SETTINGS, lambda: shared, run_dir, Silent())
    with pytest.raises(ModelError, match="did not end"):
        check_trained(run_dir, read_record(run_dir))
    trainer.fails_at = ""
    (run_dir / "data").mkdir()  # killed while the last stage was prepared
    (run_dir / "preparing.json").write_text("{")
    train_run(read_plan(run_dir), lambda: shared, run_dir, Silent())
    assert read_record(run_dir)["state"] == "trained"


def test_first_stage_that_cannot_be_prepared_leaves_nothing(
    shared: Path, tmp_path: Path, trainer: FakeTrainer
) -> None:
    shutil.rmtree(shared / "data" / "drawn" / "images")
    with pytest.raises(Exception, match="images"):
        train_run(SETTINGS, lambda: shared, tmp_path / "whole", Silent())
    assert not (tmp_path / "whole").exists()
    assert trainer.trained == []


@pytest.mark.parametrize(
    "wrong",
    [
        [{"name": "a", "optimisation": {"epoch": 3}}],
        [{"name": "a", "augmentation": {"mosaic": 2.0}}],
        [{"name": "a"}, {"name": "a"}],
        [{"name": "a", "data": []}],
        [{"name": "../a"}],
    ],
)
def test_stage_that_makes_no_run_is_refused_at_the_edge(
    tmp_path: Path, wrong: list[dict[str, object]]
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(CONFIG | {"stages": wrong}))
    with pytest.raises(ConfigurationError, match=r"wrong\.yaml"):
        load_training_settings(path)


def test_command_goes_on_by_resume_and_by_the_same_run(
    shared: Path, tmp_path: Path, trainer: FakeTrainer
) -> None:
    config = tmp_path / "staged.yaml"
    config.write_text(yaml.safe_dump(STAGED))
    run_dir = tmp_path / "whole"
    arguments = [str(config), "--data", str(shared), "--run", str(run_dir), "--fraction", "0.5"]
    trainer.fails_at = "stage-1-frozen"
    assert isinstance(CliRunner().invoke(train, arguments).exception, ModelError)
    trainer.fails_at = "whole"
    assert isinstance(CliRunner().invoke(train, arguments).exception, ModelError)
    trainer.fails_at = ""
    done = CliRunner().invoke(train, ["--resume", str(run_dir), "--data", str(shared)])
    assert done.exit_code == 0, done.output
    assert trainer.trained == ["stage-1-frozen", "stage-1-frozen", "whole", "whole"]
    assert read_record(run_dir)["config"]["fraction"] == 0.5
    assert "Stage 2 of 2: fine" in done.output
    assert f"hazardlens promote {run_dir}" in done.output


def test_steps_of_stages_cannot_be_made_equal() -> None:
    settings = TrainingSettings.model_validate(STAGED)
    with pytest.raises(ConfigurationError, match="in stages"):
        settings.take_fraction(0.5, equal_steps=True)


def test_resume_alone_and_config_alone(tmp_path: Path) -> None:
    result = CliRunner().invoke(train, ["--resume", str(tmp_path), "--fraction", "0.5"])
    assert isinstance(result.exception, ConfigurationError)
    assert isinstance(CliRunner().invoke(train, []).exception, ConfigurationError)
    result = CliRunner().invoke(train, ["--resume", str(tmp_path)])
    assert isinstance(result.exception, ConfigurationError)
    assert "not a run folder" in str(result.exception)


def test_run_whose_configuration_is_refused_today_is_named(tmp_path: Path) -> None:
    write_record(tmp_path, {"state": "interrupted", "config": {"name": "Old Name"}})
    with pytest.raises(ConfigurationError, match="refused today"):
        read_plan(tmp_path)


def test_card_says_that_weights_are_a_mean() -> None:
    plan = Optimisation(epochs=6, image_px=416, start_share=0.25)
    (line,) = _blend_lines(plan)
    assert "0.25 of those it started from" in line
    assert "0.75 of the last epoch" in line
    assert _blend_lines(Optimisation(epochs=6, image_px=416)) == []
