"""A shipped model as a run: what its record says, what is refused, and real weights."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from detection.detectors.manifest import MODELS_DIR, ModelManifest, select_manifests
from detection.domain.errors import ConfigurationError, ModelError
from tests.drawn_data import CONFIG
from tests.fakes import build_manifest
from training.cli.runs import runs
from training.data.annotation import AnnotatedPhoto
from training.fitting.average import WEIGHTS
from training.promotion.export import Parity
from training.promotion.shipping_checks import check_trained
from training.record import find_ancestor, read_record
from training.retraining import rebuilt
from training.retraining.rebuilt import rebuild_run
from training.settings import TrainingSettings

SETTINGS = TrainingSettings.model_validate(CONFIG)
PLAN = SETTINGS.optimisation
PHOTO = AnnotatedPhoto("a.jpg", Path("a.jpg"), 64, 64, "train", "a", "drawn")
REMEMBERED = {
    "seed": SETTINGS.seed,
    "epochs": PLAN.epochs,
    "image_px": PLAN.image_px,
    "images": 7,
    "data_hash": "d" * 64,
    "config_sha256": "c" * 64,
    "started_from_sha256": "5" * 64,
    "environment": {"cpu": "a common one"},
    "seconds": 60.0,
    "trained_at": "2026-11-22T13:56:25+00:00",
}


@pytest.fixture
def running() -> ModelManifest:
    made = build_manifest(SETTINGS.name, SETTINGS.classes, task=SETTINGS.task)
    return replace(made, version="0123456789ab", training=REMEMBERED)


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Stand in for the trainer's process, which the last test runs."""
    made: list[Path] = []

    def rebuild(running: ModelManifest, folder: Path, photos: Sequence[Any]) -> Parity:
        assert photos
        (folder / WEIGHTS).parent.mkdir(parents=True)
        (folder / WEIGHTS).write_bytes(running.name.encode())
        made.append(folder)
        return Parity(24, 9, 0, 0.0)

    monkeypatch.setattr(rebuilt, "rebuild_start", rebuild)
    return made


@pytest.mark.usefixtures("trainer")
def test_a_rebuilt_run_remembers_the_training_of_the_model(
    running: ModelManifest, tmp_path: Path
) -> None:
    rebuild_run(running, SETTINGS, [PHOTO], tmp_path / "again")
    record = read_record(tmp_path / "again")
    check_trained(tmp_path / "again", record)
    assert record["rebuilt_of"] == f"{running.name}@0123456789ab"
    assert record["run"] == "again"
    ancestor = find_ancestor(tmp_path / "again" / WEIGHTS)
    assert ancestor is not None
    assert {key: ancestor[key] for key in ("data_hash", "seconds", "rebuilt_of")} == {
        "data_hash": "d" * 64,
        "seconds": 60.0,
        "rebuilt_of": record["rebuilt_of"],
    }


@pytest.mark.usefixtures("trainer")
@pytest.mark.parametrize("key", ["seed", "epochs", "image_px"])
def test_the_configuration_of_another_training_is_refused(
    running: ModelManifest, tmp_path: Path, key: str
) -> None:
    other = replace(running, training=REMEMBERED | {key: 9999})
    with pytest.raises(ConfigurationError, match=f"{key} 9999, not"):
        rebuild_run(other, SETTINGS, [PHOTO], tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.usefixtures("trainer")
def test_without_photos_it_says_which_to_give(running: ModelManifest, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no labelled photo"):
        rebuild_run(running, SETTINGS, [], tmp_path / "again")


def test_weights_that_cannot_be_rebuilt_leave_nothing(
    running: ModelManifest, tmp_path: Path, trainer: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: ModelManifest, folder: Path, __: object) -> Parity:
        (folder / "half").write_text("half")
        message = "of another network"
        raise ModelError(message)

    monkeypatch.setattr(rebuilt, "rebuild_start", fail)
    with pytest.raises(ModelError):
        rebuild_run(running, SETTINGS, [PHOTO], tmp_path / "again")
    assert list(tmp_path.iterdir()) == []
    assert trainer == []


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "option", "folder"),
    [
        pytest.param("facade_crack", "--data", "", marks=pytest.mark.soak),
        ("manhole_far", "--images", "flights/minsk_oblique_fc220"),
    ],
)
def test_a_shipped_model_becomes_a_run_that_answers_alike(
    shared_dir: Path, tmp_path: Path, name: str, option: str, folder: str
) -> None:
    given = ["rebuild", name, str(tmp_path / "again"), option, str(shared_dir / folder)]
    done = CliRunner().invoke(runs, given)
    assert done.exit_code == 0, done.output
    assert " 0 unmatched" in done.output
    (running,) = select_manifests((name,), MODELS_DIR)
    assert read_record(tmp_path / "again")["data_hash"] == running.training["data_hash"]
    shutil.rmtree(tmp_path / "again")
