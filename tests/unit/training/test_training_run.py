from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from detection.domain.errors import ConfigurationError, ModelError
from tests.drawn_data import CONFIG, draw_shared
from training.fitting.launch import isolated_environment, prepare_run, run_trainer
from training.record import find_ancestor, read_record, write_record
from training.settings import (
    REPOSITORY_DIR,
    TrainingSettings,
    find_shared_dir,
    load_training_settings,
)


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return draw_shared(tmp_path, monkeypatch)


def list_files(*folders: Path) -> set[Path]:
    return {path for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_run_trains_records_and_writes_nothing_outside_its_folder(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    run_dir = tmp_path / "run"
    sources = {path: path.stat().st_mtime_ns for path in list_files(shared)}
    code = list_files(REPOSITORY_DIR / "training", REPOSITORY_DIR / "configs")
    prepare_run(TrainingSettings.model_validate(CONFIG), shared, run_dir)
    run_trainer(run_dir, "fit")

    record = read_record(run_dir)
    assert record["state"] == "trained"
    assert record["seed"] == 11
    assert record["config"]["optimisation"]["image_px"] == 64
    assert all(re.fullmatch("[0-9a-f]{64}", record[key]) for key in ("data_hash", "config_sha256"))
    assert record["data_counts"]["train"]["photos"] == 3
    assert record["environment"]["torch"] != "not installed"
    assert (run_dir / record["weights"]).is_file()
    assert yaml.safe_load((run_dir / "config.yaml").read_text()) == record["config"]
    library = json.loads((run_dir / "ultralytics" / "Ultralytics" / "settings.json").read_text())
    assert library["sync"] is False

    assert {path: path.stat().st_mtime_ns for path in list_files(shared)} == sources
    assert list_files(tmp_path / "home") == set()
    new = list_files(REPOSITORY_DIR / "training", REPOSITORY_DIR / "configs") - code
    assert {path for path in new if "__pycache__" not in path.parts} == set()


def test_failing_trainer_is_named_with_its_log(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    write_record(run_dir, {"config": {"name": "broken"}})
    with pytest.raises(ModelError, match="ended with status 1"):
        run_trainer(run_dir, "fit")
    assert "Traceback" in (run_dir / "fit.log").read_text()


def test_light_install_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.fitting.launch.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"requirements/train\.txt"):
        run_trainer(tmp_path, "fit")


def test_data_hash_of_a_run_depends_on_the_data_alone(shared: Path, tmp_path: Path) -> None:
    settings = TrainingSettings.model_validate(CONFIG)
    records = []
    for name, change in (("one", {}), ("two", {"seed": 12})):
        prepare_run(settings.model_copy(update=change), shared, tmp_path / name)
        records.append(read_record(tmp_path / name))
    assert records[0]["data_hash"] == records[1]["data_hash"]
    assert records[0]["config_sha256"] != records[1]["config_sha256"]


def test_share_of_the_data_and_balance_are_recorded(shared: Path, tmp_path: Path) -> None:
    change = {"fraction": 0.5, "balance": {"power": 1.0}, "repeat": {"manhole_missing": 3}}
    prepare_run(TrainingSettings.model_validate(CONFIG | change), shared, tmp_path / "half")
    prepare_run(TrainingSettings.model_validate(CONFIG), shared, tmp_path / "whole")
    half, whole = read_record(tmp_path / "half"), read_record(tmp_path / "whole")
    assert half["fraction"] == 0.5
    assert half["data_counts"]["train"]["photos"] == 2  # of three groups, rounded up
    assert half["data_counts"]["val"] == whole["data_counts"]["val"]
    assert half["data_hash"] != whole["data_hash"]
    assert half["repeat_factors"]["manhole_missing"] == 3
    listed = (tmp_path / "half" / "data" / "train.txt").read_text().splitlines()
    assert len(listed) == half["train_images_listed"] > 2
    assert whole["repeat_factors"] == {}
    assert whole["train_images_listed"] == 3


@pytest.mark.parametrize(
    ("fraction", "epochs", "closing"), [(1.0, 12, 3), (0.75, 16, 4), (0.25, 48, 12)]
)
def test_equal_steps_give_a_share_of_the_data_more_epochs(
    fraction: float, epochs: int, closing: int
) -> None:
    change = {"optimisation": {"epochs": 12, "image_px": 64}, "augmentation": {"close_mosaic": 3}}
    settings = TrainingSettings.model_validate(CONFIG | change)
    taken = settings.take_fraction(fraction, equal_steps=True)
    assert (taken.optimisation.epochs, taken.augmentation.close_mosaic) == (epochs, closing)
    assert taken.optimisation.warmup_epochs == pytest.approx(1 / fraction)
    assert taken.fraction == fraction
    assert settings.take_fraction(fraction, equal_steps=False).optimisation.epochs == 12


def test_used_run_folder_is_refused(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "old.txt").write_text("x")
    with pytest.raises(ConfigurationError, match="is not empty"):
        prepare_run(TrainingSettings.model_validate(CONFIG), shared, tmp_path / "run")


def test_missing_starting_weights_are_never_downloaded(shared: Path, tmp_path: Path) -> None:
    settings = TrainingSettings.model_validate(CONFIG | {"started_from": "weights/none.pt"})
    with pytest.raises(ConfigurationError, match=r"weights/none\.pt"):
        prepare_run(settings, shared, tmp_path / "run")


def test_class_that_the_run_does_not_learn_is_refused(shared: Path, tmp_path: Path) -> None:
    settings = TrainingSettings.model_validate(CONFIG | {"classes": ["manhole_ok"]})
    with pytest.raises(ConfigurationError, match="manhole_missing"):
        prepare_run(settings, shared, tmp_path / "run")


def test_trainer_gets_no_secret_and_no_network_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    environment = isolated_environment(tmp_path)
    assert "SOME_API_KEY" not in environment
    assert environment["YOLO_OFFLINE"] == "true"
    assert environment["YOLO_AUTOINSTALL"] == "false"
    assert environment["HOME"] == str(tmp_path)


def test_shipped_configurations_are_valid() -> None:
    folder = REPOSITORY_DIR / "configs" / "training"
    found = [load_training_settings(path) for path in sorted(folder.glob("*.yaml"))]
    assert {settings.name for settings in found} == {
        "added_storey",
        "facade_crack",
        "manhole",
        "manhole_far",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 3},
        {"classes": ["lid"]},
        {"optimisation": {"epochs": 0, "image_px": 64}},
        {"data": [{"rendered": "manhole", "first_seed": 7, "scenes": 2, "photos_per_scene": 1}]},
    ],
)
def test_configuration_is_checked_at_the_edge(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(CONFIG | change))
    with pytest.raises(ConfigurationError, match=r"wrong\.yaml"):
        load_training_settings(path)


def test_shipping_part_of_another_model_is_refused() -> None:
    settings = TrainingSettings.model_validate(CONFIG)
    other = TrainingSettings.model_validate(CONFIG | {"name": "other"})
    with pytest.raises(ConfigurationError, match="of other"):
        settings.with_shipping_of(other)


def test_folder_without_data_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAZARDLENS_SHARED_DIR", str(tmp_path))
    with pytest.raises(ConfigurationError, match="HAZARDLENS_SHARED_DIR"):
        find_shared_dir(None)
    (tmp_path / "data").mkdir()
    assert find_shared_dir(None) == tmp_path.resolve()


def test_weights_near_the_root_were_made_by_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    assert find_ancestor(Path("/weights/yolo26n.pt")) is None


def test_start_of_the_other_task_keeps_its_size(tmp_path: Path) -> None:
    # The library reads its environment on import, so it is asked in a process of its own.
    script = """
from ultralytics import YOLO
from training.fitting.train import _build_model
YOLO("yolo26s-seg.yaml", task="segment").save("outlines.pt")
model = _build_model("detect", "outlines.pt")
assert (model.task, model.model.yaml["scale"]) == ("detect", "s")
"""
    command = [sys.executable, "-c", script]
    environment = isolated_environment(tmp_path)
    subprocess.run(
        command, env=environment, cwd=tmp_path, check=True, timeout=120
    )  # our own interpreter
