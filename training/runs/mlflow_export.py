"""A run folder into an MLflow store of the user's choice; MLflow is an optional extra.

Its usage reports are switched off before it is imported.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Mapping
from datetime import datetime
from types import ModuleType
from typing import Any

from detection.domain.errors import ConfigurationError
from training.fitting.curves import find_results
from training.fitting.plots import CURVES
from training.fitting.run_folder import find_state
from training.runs.overview import Run, flatten_config

_SILENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
_FORBIDDEN = re.compile(r"[^\w\-. /]")  # in the name of a metric or parameter
_MAX_VALUE = 500
_STATUS = {"trained": "FINISHED", "failed": "FAILED", "training": "RUNNING"}


def export_run(run: Run, uri: str, experiment: str) -> str:
    """Copy a run into the store at ``uri`` and return its id there.

    Parameters are the resolved configuration, metrics the figures of the epochs, tags the data
    hash and the environment; the record, the configuration, the figures and the curves go along as
    files. Weights stay where they are.

    Raises:
        ConfigurationError: MLflow is not installed.
    """
    client = _import_mlflow().MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(experiment)
    place = found.experiment_id if found else client.create_experiment(experiment)
    started, ended = (_milliseconds(run.record.get(key)) for key in ("prepared_at", "trained_at"))
    made = client.create_run(
        place, start_time=started, tags=describe_tags(run), run_name=str(run.record["run"])
    )
    run_id = str(made.info.run_id)
    for name, value in flatten_config(run.config).items():
        client.log_param(run_id, _FORBIDDEN.sub("", name), value[:_MAX_VALUE])
    for row in run.epochs:
        _log_epoch(client, run_id, row, started)
    for path in (
        run.folder / "run.json",
        run.folder / "config.yaml",
        find_results(run.folder),
        run.folder / CURVES,
    ):
        if path.is_file():
            client.log_artifact(run_id, str(path))
    status = _STATUS.get(find_state(run.folder, run.record), "KILLED")
    client.set_terminated(run_id, status=status, end_time=ended)
    return run_id


def _log_epoch(client: Any, run_id: str, row: Mapping[str, float], started: int | None) -> None:  # noqa: ANN401  # of an optional library
    """Log the figures of one epoch at the time it ended."""
    moment = None if started is None else started + round(1000 * row.get("time", 0.0))
    for name, value in row.items():
        if name not in {"epoch", "time"}:
            key = _FORBIDDEN.sub("", name)
            client.log_metric(run_id, key, value, timestamp=moment, step=int(row["epoch"]))


def describe_tags(run: Run) -> dict[str, str]:
    """Return what a run is found by: its data, its start, its environment."""
    record = run.record
    named = ("name", "data_hash", "config_sha256", "started_from_sha256", "weights_sha256")
    tags = {f"hazardlens.{key}": str(record[key]) for key in named if record.get(key)}
    environment = record.get("environment", {})
    return tags | {f"environment.{key}": str(value) for key, value in environment.items()}


def _import_mlflow() -> ModuleType:
    os.environ.update(_SILENT)
    try:
        return importlib.import_module("mlflow")
    except ImportError as error:
        message = "MLflow is not installed."
        raise ConfigurationError(
            message, remedy="Install it beside the trainer: pip install mlflow."
        ) from error


def _milliseconds(moment: object) -> int | None:
    return (
        round(1000 * datetime.fromisoformat(moment).timestamp())
        if isinstance(moment, str)
        else None
    )
