"""The weighted mean of the weights of several runs: a run of its own, without an epoch.

Runs that began with the same weights can be averaged, and the mean is often better than each of
them (model soups, Wortsman et al. 2022): what one learned of close-ups and another at drone scale
is kept in part by both.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from detection.domain.errors import ConfigurationError
from training.fitting.environment import describe_environment
from training.fitting.launch import run_trainer
from training.fitting.run_folder import check_unused, made_whole
from training.record import hash_file, list_earlier_flights, read_record, write_record
from training.settings import TrainingSettings

WEIGHTS = Path("fit", "weights", "best.pt")
_MIN_PARTS = 2
_RUN_OF_WEIGHTS = 2
"""Folders above weights to their run: weights, fit, run."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A run, which of its weights, and their share of the mean."""

    folder: Path
    weights: Path
    record: Mapping[str, Any]
    share: float

    @property
    def settings(self) -> TrainingSettings:
        """The configuration that it was trained by."""
        return TrainingSettings.model_validate(self.record["config"])


def average_runs(run_dir: Path, shares: Sequence[tuple[Path, float]]) -> Path:
    """Make ``run_dir`` a run whose weights are the mean of those of trained runs.

    ``shares`` pairs run folders, or files of weights in them (``fit/weights/last.pt``), with
    positive shares of any sum. Data and configuration are those of the last run.

    Raises:
        ConfigurationError: fewer than two runs, a run that is not trained, runs of different
            classes or networks, or a folder that is not empty.
    """
    parts = [_find_part(path, share) for path, share in shares]
    _check_parts(parts)
    total = math.fsum(part.share for part in parts)
    record = dict(parts[-1].record) | {
        "run": run_dir.name,
        "averaged": [_describe_part(part, part.share / total) for part in parts],
        "parts": [str(part.weights) for part in parts],
        "environment": describe_environment(),
        "seconds": math.fsum(part.record["seconds"] for part in parts),
    }
    check_unused(run_dir)
    with made_whole(run_dir) as folder:
        shutil.copyfile(parts[-1].folder / "config.yaml", folder / "config.yaml")
        write_record(folder, record | {"state": "prepared"})
        run_trainer(folder, "average")
        ended = {
            "state": "trained",
            "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "weights": str(WEIGHTS),
            "weights_sha256": hash_file(folder / WEIGHTS),
        }
        write_record(folder, record | ended)
    return run_dir


def _find_part(path: Path, share: float) -> _Part:
    folder = path.parents[_RUN_OF_WEIGHTS] if path.is_file() else path
    record = read_record(folder)
    if record["state"] != "trained":
        message = f"{folder} is not a trained run: it is {record['state']}."
        raise ConfigurationError(message, remedy="Let it end first.")
    return _Part(folder, path if path.is_file() else folder / record["weights"], record, share)


def _check_parts(parts: Sequence[_Part]) -> None:
    if len(parts) < _MIN_PARTS:
        message = "A mean needs two runs or more."
        raise ConfigurationError(message, remedy="Name them as RUN=SHARE RUN=SHARE.")
    wanted = parts[-1].settings
    for part in parts:
        if not (math.isfinite(part.share) and part.share > 0):
            message = f"The share {part.share} of {part.folder} is not above 0."
            raise ConfigurationError(message, remedy="Leave the run out instead.")
        if (part.settings.task, part.settings.classes) != (wanted.task, wanted.classes):
            message = f"{part.folder} is of another task or other classes than the last run."
            raise ConfigurationError(message, remedy="Average runs of the same classes.")


def _describe_part(part: _Part, share: float) -> dict[str, Any]:
    """Return what the card says of a part, and the flights that it was trained on."""
    trained = (*part.settings.trained_flights(), *list_earlier_flights(part.record))
    return {
        "run": part.folder.name,
        "share": share,
        "weights_sha256": hash_file(part.weights),
        "data_hash": part.record["data_hash"],
        "seed": part.record["seed"],
        "epochs": part.settings.optimisation.epochs,
        "trained_flights": [flight.model_dump(mode="json") for flight in trained],
    }
