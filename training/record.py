"""``run.json``: what a run was made of, so that it can be judged and repeated."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from detection.domain.errors import ConfigurationError
from training.settings import TrainingSettings

PACKAGES = ("torch", "torchvision", "ultralytics", "numpy", "opencv-python-headless")


def hash_file(path: Path) -> str:
    """Return the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_record(run_dir: Path) -> dict[str, Any]:
    """Return ``run.json`` of a run folder.

    Raises:
        ConfigurationError: the folder is not a run.
    """
    try:
        record = json.loads((run_dir / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{run_dir} is not a run folder ({error})."
        raise ConfigurationError(
            message, remedy="Give a folder that `hazardlens train` wrote."
        ) from error
    return dict(record)


def write_record(run_dir: Path, record: Mapping[str, Any]) -> None:
    """Write ``run.json`` whole or not at all."""
    part = run_dir / "run.json.part"
    part.write_text(json.dumps(record, indent=2, sort_keys=True), encoding="utf-8")
    part.replace(run_dir / "run.json")


def find_ancestor(start: Path) -> dict[str, Any] | None:
    """Return what the run that made the starting weights recorded; None where it was no run."""
    if not start.is_file() or not (start.parents[2] / "run.json").is_file():
        return None
    record = read_record(start.parents[2])
    kept = (
        "run",
        "data_hash",
        "seed",
        "config_sha256",
        "started_from_sha256",
        "seconds",
        "ancestor",
    )
    plan = TrainingSettings.model_validate(record["config"]).optimisation
    return {key: record.get(key) for key in kept} | {
        "epochs": plan.epochs,
        "image_px": plan.image_px,
    }


def describe_environment() -> dict[str, str]:
    """Return the versions that a repetition of the run needs."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
