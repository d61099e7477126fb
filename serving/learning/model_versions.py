"""The versions in the models folder, as orders name them; checked before something is ordered."""

from __future__ import annotations

from pathlib import Path

from detection.detectors.history import read_history
from detection.detectors.manifest import ModelManifest, list_manifests, list_versions
from serving.learning.order_errors import TrainingNothingToDoError, TrainingUnknownModelError


def list_models(models_dir: Path) -> list[ModelManifest]:
    """Return the versions in force, then all others, by name.

    Raises:
        ModelError: a manifest is damaged.
    """
    return [*list_manifests(models_dir), *list_versions(models_dir)]


def list_names(models_dir: Path) -> list[str]:
    """Return the names of the models that have a version in force."""
    return [model.name for model in list_manifests(models_dir) if model.status == "active"]


def get_version(models_dir: Path, name: str, version: str) -> ModelManifest:
    """Return one version of a model.

    Raises:
        TrainingUnknownModelError: there is none of this name and version.
    """
    for model in list_models(models_dir):
        if (model.name, model.version) == (name, version):
            return model
    called = f"{name}@{version}"
    raise TrainingUnknownModelError(called)


def check_name(models_dir: Path, name: str) -> None:
    """Whether a model of this name is in force.

    Raises:
        TrainingUnknownModelError: none is.
    """
    if name not in list_names(models_dir):
        raise TrainingUnknownModelError(name)


def check_can_promote(model: ModelManifest, to: str) -> None:
    """Whether a version can get a status.

    Raises:
        TrainingNothingToDoError: it has it already, or was in force before: that is rolled back to.
    """
    if model.status in {"active", "retired"} or model.status == to:
        message = f"{model.name}@{model.version} is {model.status}; it cannot become {to}."
        raise TrainingNothingToDoError(message)


def find_rollback_target(models_dir: Path, name: str, version: str | None) -> str:
    """Return the version that would be brought back: the one named, or the one before.

    Raises:
        TrainingUnknownModelError: no such model or version.
        TrainingNothingToDoError: it is in force already, or none was in force before.
    """
    check_name(models_dir, name)
    active = next(model for model in list_manifests(models_dir) if model.name == name)
    wanted = version or active.replaced
    if not wanted:
        message = f"No version of {name} was in force before this one."
        raise TrainingNothingToDoError(message)
    if get_version(models_dir, name, wanted).version == active.version:
        message = f"{name}@{active.version} is in force already."
        raise TrainingNothingToDoError(message)
    return wanted


def list_changes(models_dir: Path, name: str, limit: int = 50) -> list[dict[str, str]]:
    """Return who gave which version of a model which status and why, the latest first."""
    rows = [row for row in read_history(models_dir) if row.get("name") == name]
    return rows[::-1][:limit]
