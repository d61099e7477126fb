"""A shipped model as a run: its ONNX weights, trainable again, with what its manifest remembers.

A run folder stays where it was trained; the shelf of models goes everywhere. From a rebuilt run
trainings start, means are made and other settings of shipping are promoted, as from the first one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from detection.detectors.manifest import ModelManifest
from detection.domain.errors import ConfigurationError
from training.data.annotation import AnnotatedPhoto
from training.fitting.average import WEIGHTS
from training.fitting.run_folder import check_unused, made_whole
from training.promotion.export import Parity
from training.record import hash_file, write_record
from training.retraining.start import rebuild_start
from training.settings import TrainingSettings


def rebuild_run(
    running: ModelManifest,
    settings: TrainingSettings,
    photos: Sequence[AnnotatedPhoto],
    run_dir: Path,
) -> Parity:
    """Make ``run_dir`` a trained run of a shipped model; return how like it answers.

    ``settings`` are the configuration that the model was trained by. ``photos`` give the statistics
    that a folded network has lost: such as it was trained on. Nothing is trained.

    Raises:
        ConfigurationError: the folder is not empty, the configuration is of another training, or
            there is no photo.
        ModelError: the weights are damaged, of another network, or answer otherwise once rebuilt.
    """
    check_same_training(running, settings)
    check_unused(run_dir)
    if not photos:
        message = f"{settings.name} names no labelled photo of train to take statistics of."
        raise ConfigurationError(message, remedy="Give photos such as it sees: --images DIR.")
    resolved = settings.model_dump(mode="json")
    text = yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True)
    with made_whole(run_dir) as folder:
        parity = rebuild_start(running, folder, photos)
        (folder / "config.yaml").write_text(text, encoding="utf-8")
        told = _describe(running, resolved) | {"weights_sha256": hash_file(folder / WEIGHTS)}
        write_record(folder, told | {"run": run_dir.name})
    return parity


def check_same_training(running: ModelManifest, settings: TrainingSettings) -> None:
    """Refuse a configuration that is not the one that a model was trained by.

    Raises:
        ConfigurationError: names what differs.
    """
    known = running.training
    plan = settings.optimisation
    told = {
        "name": (settings.name, running.name),
        "task": (settings.task, running.task),
        "classes": (settings.classes, running.classes),
        "seed": (settings.seed, known.get("seed")),
        "epochs": (plan.epochs, known.get("epochs")),
        "image_px": (plan.image_px, known.get("image_px")),
    }
    other = [name for name, (asked, was) in told.items() if asked != was]
    if other:
        message = f"{running.name}@{running.version} was trained by another configuration: "
        message += ", ".join(f"{name} {told[name][1]}, not {told[name][0]}" for name in other) + "."
        raise ConfigurationError(message, remedy="Give the one of its training: --config FILE.")


def _describe(running: ModelManifest, resolved: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a run that ended elsewhere; how many photos it had its card says."""
    known = running.training
    return {
        "name": running.name,
        "config": resolved,
        "data_counts": {},
        "train_images_listed": known.get("images"),
        **{
            key: known.get(key)
            for key in (
                *("seed", "config_sha256", "data_hash", "started_from_sha256"),
                *("environment", "seconds", "trained_at"),
            )
        },
        "rebuilt_of": f"{running.name}@{running.version}",
        "state": "trained",
        "weights": str(WEIGHTS),
    }
