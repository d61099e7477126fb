"""``run.json``: what a run was made of, so that it can be judged and repeated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from detection.domain.errors import ConfigurationError
from training.composed_settings import FlightPart
from training.settings import TrainingSettings

_RUN_OF_WEIGHTS = 2  # RUN/fit/weights/best.pt


def hash_file(path: Path) -> str:
    """Return the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_record(run_dir: Path) -> dict[str, Any]:
    """Return ``run.json`` of a run folder.

    Raises:
        ConfigurationError: the folder is not a run.
    """
    try:
        record = dict(json.loads((run_dir / "run.json").read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError) as error:
        message = f"{run_dir} is not a run folder ({error})."
        raise ConfigurationError(
            message, remedy="Give a folder that `hazardlens train` wrote."
        ) from error
    return record


def write_record(run_dir: Path, record: Mapping[str, Any]) -> None:
    """Write ``run.json`` whole or not at all."""
    part = run_dir / "run.json.part"
    part.write_text(json.dumps(record, indent=2, sort_keys=True), encoding="utf-8")
    part.replace(run_dir / "run.json")


def find_ancestor(start: Path) -> dict[str, Any] | None:
    """Return what the run that made the starting weights recorded; None where it was no run.

    Raises:
        ConfigurationError: its configuration is refused today.
    """
    folders = start.parents
    if not start.is_file() or len(folders) <= _RUN_OF_WEIGHTS:
        return None
    run_dir = folders[_RUN_OF_WEIGHTS]
    if not (run_dir / "run.json").is_file():
        return None
    record = read_record(run_dir)
    kept = (
        "run",
        "data_hash",
        "seed",
        "config_sha256",
        "started_from_sha256",
        "seconds",
        "ancestor",
        "averaged",
        "rebuilt_of",
    )
    try:
        settings = TrainingSettings.model_validate(record["config"])
    except ValidationError as error:
        message = f"The run that made {start} has a configuration that is refused today: {error}."
        raise ConfigurationError(message, remedy="Start from other weights.") from error
    plan = settings.optimisation
    return {key: record.get(key) for key in kept} | {
        "epochs": plan.epochs,
        "image_px": plan.image_px,
        "trained_flights": [part.model_dump(mode="json") for part in settings.trained_flights()],
    }


def list_earlier_flights(record: Mapping[str, Any]) -> tuple[FlightPart, ...]:
    """Return the flights, or parts of them, that the runs before this one were trained on.

    Those are the run that it started from, and the runs whose mean it is.
    """
    known = FlightPart.model_fields
    ancestor = record.get("ancestor")
    before = [*(record.get("averaged") or ()), *([ancestor] if ancestor else [])]
    parts = [
        FlightPart.model_validate({key: value for key, value in part.items() if key in known})
        for run in before
        for part in run.get("trained_flights", ())
    ]
    return (*parts, *list_earlier_flights(ancestor)) if ancestor else tuple(parts)
