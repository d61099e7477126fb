"""The model in force and a data version to the configuration of a short training on top of it."""

from __future__ import annotations

from pathlib import Path

from detection.detectors.manifest import ModelManifest, select_manifests
from detection.domain.errors import ConfigurationError, ModelError
from training.retraining.errors import UnknownModelError
from training.retraining.order import Order
from training.retraining.replay import Replay, find_flights
from training.settings import TrainingSettings, VersionSource, load_training_settings


def find_running(model: str, models_dir: Path) -> ModelManifest:
    """Return the version of a model that is in force.

    Raises:
        UnknownModelError: there is none of that name.
    """
    try:
        found = select_manifests((model,), models_dir)[0]
    except ModelError as error:
        message = f"No model named {model} is in force in {models_dir}."
        raise UnknownModelError(message, remedy=error.remedy) from error
    return found


def find_against(order: Order) -> ModelManifest:
    """Return the version that was in force when the order was given, wherever it lies now.

    Raises:
        ModelError: it is on the shelf no more.
    """
    return select_manifests((f"{order.model}@{order.against}",), order.models_dir)[0]


def read_original(order: Order, running: ModelManifest) -> TrainingSettings:
    """Return the configuration whose rules and card hold for the new version too.

    Raises:
        ConfigurationError: it is of another model than the one in force.
    """
    settings = load_training_settings(order.config)
    same = (settings.name, settings.task, settings.classes)
    if same != (running.name, running.task, running.classes):
        message = f"{order.config} is not the configuration of {running.name}@{running.version}."
        remedy = "Give that of a model with the same name, task and classes: --config."
        raise ConfigurationError(message, remedy=remedy)
    return settings


def plan_training(
    order: Order, original: TrainingSettings, replay: Replay, version: Path, start: Path
) -> TrainingSettings:
    """Return the run: the version first, what is shown again after it, few and small steps."""
    told = order.settings
    share = told.start_share.replayed if replay.sources else told.start_share.alone
    optimisation = original.optimisation.model_copy(
        update={
            "epochs": order.epochs,
            "batch": told.batch,
            "lr0": told.lr0,
            "warmup_epochs": told.warmup_epochs,
            "weight_decay": told.weight_decay,
            "start_share": share,
        }
    )
    augmentation = original.augmentation.model_copy(
        update={"mosaic": told.mosaic, "close_mosaic": min(told.close_mosaic, order.epochs)}
    )
    changed = {
        "started_from": str(start),
        "data": (VersionSource(version=str(version)), *replay.sources),
        "optimisation": optimisation,
        "augmentation": augmentation,
        "background_flights": find_flights(original.background_flights, order.shared_dir),
        "unseen_flights": (),
        "stages": (),
        "fraction": 1.0,
    }
    plain = original.model_copy(update=changed).model_dump(mode="json")
    return TrainingSettings.model_validate(plain)
