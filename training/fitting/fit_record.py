"""What the library's trainer is told, and what the record says when it starts and ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.fitting.curves import find_best, read_epochs, shorten_figures
from training.fitting.environment import describe_environment
from training.record import hash_file
from training.settings import TrainingSettings


def choose_arguments(run_dir: Path, settings: TrainingSettings, data_yaml: str) -> dict[str, Any]:
    """Return what the library's trainer is told, but for the device."""
    return {
        "data": data_yaml,
        "project": str(run_dir),
        "name": "fit",
        "exist_ok": True,
        "seed": settings.seed,
        "deterministic": True,
        "workers": settings.workers,
        "imgsz": settings.optimisation.image_px,
        "amp": False,  # the check before mixed precision would download a model
        "cache": "ram",
        "plots": False,
        "nms": False,  # judge epochs by the head that is shipped
        "cos_lr": True,
        "patience": 1000,
        "nbs": settings.optimisation.batch,
        **settings.optimisation.model_dump(exclude={"image_px", "start_share"}),
        **settings.augmentation.model_dump(exclude={"degrade"}),
    }


def find_prepared(record: Mapping[str, Any], key: str) -> str:
    """Return the starting weights or the data that were prepared; older records nest them."""
    return str(record[key] if key in record else record["trainer"][key])


def describe_start(record: Mapping[str, Any], epochs_done: int, elapsed_s: float) -> dict[str, Any]:
    """Return the record of a training that starts, or goes on after ``epochs_done`` epochs."""
    started = dict(record) | {"state": "training", "started_at": record.get("started_at", _now())}
    error = started.pop("error", None)
    if record["state"] == "prepared" and not epochs_done:
        return started
    note: dict[str, Any] = {
        "resumed_at": _now(),
        "state": "failed" if record["state"] == "failed" else "interrupted",
        "error": error,
        "epochs_done": epochs_done,
        "elapsed_s": elapsed_s,
    }
    environment = describe_environment()
    if environment != record["environment"]:
        note["environment"] = environment
    return started | {"interruptions": [*record.get("interruptions", []), note]}


def describe_end(run_dir: Path, best: Path, elapsed_s: float) -> dict[str, Any]:
    """Return what the record says of a training that ended with the weights ``best``."""
    epoch = find_best(read_epochs(run_dir)) or {}
    return {
        "state": "trained",
        "trained_at": _now(),
        "seconds": elapsed_s,
        "weights": str(best.relative_to(run_dir)),
        "weights_sha256": hash_file(best),
        "best": {"epoch": int(epoch.get("epoch", 0)), **shorten_figures(epoch)},
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
