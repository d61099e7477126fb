"""The commands behind the kinds of orders, and what is read of what they left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from detection.detectors.manifest import select_manifests
from detection.domain.errors import HazardLensError
from serving.db.tables import TrainingOrderRow
from serving.jobs.context import WorkerContext
from serving.jobs.training_steps import Assignment, Result, Step
from serving.learning.order_errors import TrainingCommandFailedError
from serving.learning.orders import LOG_FILE, ORDERS_DIR, folder_of, read_tail

DECISIONS: Final = "decisions"
RUN: Final = "run"
REPORT: Final = "report.json"
STORE: Final = "versions"
"""Below the folder of all orders: data versions, so that what was a test once stays one."""

NUMBERS: Final = {"minutes": "--minutes", "epochs": "--epochs", "last_flights": "--last-flights"}
"""Parameters of a training with the options of the command."""


def plan_retraining(assignment: Assignment) -> list[Step]:
    """Export the decisions, then let `hazardlens retrain` do the rest, or go on with its run."""
    run = assignment.folder / RUN
    told = run / "retrain.json"
    again = ["retrain", "--resume", str(run), *_threads(assignment)]
    arguments = again if told.is_file() else [*_retrain_arguments(assignment), "--run", str(run)]
    train = Step(
        "retrain",
        arguments,
        needs_training=True,
        leaves=run / REPORT,
        told_in=told,
    )
    return [_export(assignment), train]


def plan_estimate(assignment: Assignment) -> list[Step]:
    """Export the decisions and ask how long a training with them would take."""
    arguments = [*_retrain_arguments(assignment), "--estimate"]
    return [_export(assignment), Step("estimate", arguments, needs_training=True)]


def plan_promotion(assignment: Assignment) -> list[Step]:
    """Bring a version on; into force only through the gate, or over it with a reason."""
    wanted = assignment.parameters
    arguments = [
        "promote",
        f"{assignment.subject}@{wanted['version']}",
        *("--to", str(wanted["to"])),
        *("--models-dir", str(assignment.settings.models_dir)),
        *_why(assignment),
    ]
    if wanted.get("force"):
        arguments += ["--force", assignment.reason]
    if wanted["to"] == "active":
        arguments += _frozen_photos(assignment)
    return [Step("promote", arguments, needs_training=True)]


def plan_rollback(assignment: Assignment) -> list[Step]:
    """Bring a version back; this needs neither key nor trainer."""
    arguments = [
        "rollback",
        assignment.subject,
        "--models-dir",
        str(assignment.settings.models_dir),
    ]
    to = assignment.parameters.get("version")
    if to:
        arguments += ["--to", str(to)]
    return [Step("rollback", [*arguments, *_why(assignment)])]


def take_in_report(context: WorkerContext, order: TrainingOrderRow, folder: Path) -> Result:
    """Return what a training came to, in short; its whole report stays in its folder."""
    del context, order
    report = read_json(folder / RUN / REPORT)
    candidate, verdict = report["candidate"], report["verdict"]
    return {
        "version": candidate["version"],
        "against": report["running"]["version"],
        "verdict": verdict["code"],
        "sentence": verdict["sentence"],
        "seconds": round(sum(each.get("seconds") or 0.0 for each in report.get("stages", [])), 1),
    }


def take_in_estimate(context: WorkerContext, order: TrainingOrderRow, folder: Path) -> Result:
    """Return the last line of the log that is an object: what the command estimates.

    Raises:
        TrainingCommandFailedError: it said nothing that can be read.
    """
    del context, order
    for line in reversed(read_tail(folder / LOG_FILE).splitlines()):
        if line.startswith("{"):
            try:
                return dict(json.loads(line))
            except ValueError:
                continue
    message = "The command said nothing of how long it would take."
    raise TrainingCommandFailedError(message, remedy="See the log below.")


def take_in_status(context: WorkerContext, order: TrainingOrderRow, folder: Path) -> Result:
    """Return which version has which status now.

    Raises:
        ModelError: the models folder cannot be read any more.
    """
    del folder
    version = order.parameters.get("version")
    name = f"{order.subject}@{version}" if version else order.subject
    model = select_manifests((name,), context.settings.models_dir)[0]
    return {"version": model.version, "status": model.status}


def read_json(path: Path) -> dict[str, Any]:
    """Return an object that one of our commands wrote.

    Raises:
        TrainingCommandFailedError: the file is not there or cannot be read.
    """
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        message = f"{path.name} cannot be read: {error}."
        raise TrainingCommandFailedError(message, remedy="See the log below.") from error


def store_of(data_dir: Path) -> Path:
    """Return where the data versions of the trainings lie."""
    return data_dir / ORDERS_DIR / STORE


def _export(assignment: Assignment) -> Step:
    folder = assignment.folder / DECISIONS
    arguments = ["decisions", "export", "--out", str(folder)]
    since = assignment.parameters.get("since")
    if since:
        arguments += ["--since", str(since)]
    return Step("export", arguments, leaves=folder / "decisions.json")


def _retrain_arguments(assignment: Assignment) -> list[str]:
    settings = assignment.settings
    arguments = [
        "retrain",
        assignment.subject,
        *("--decisions", str(assignment.folder / DECISIONS)),
        *("--models-dir", str(settings.models_dir)),
        *("--store", str(store_of(settings.resolved_data_dir))),
    ]
    for name, option in NUMBERS.items():
        value = assignment.parameters.get(name)
        if value is not None:
            arguments += [option, str(value)]
    return [*arguments, *_threads(assignment)]


def _threads(assignment: Assignment) -> list[str]:
    threads = assignment.settings.training_threads
    return ["--threads", str(threads)] if threads else []


def _why(assignment: Assignment) -> list[str]:
    return ["--reason", assignment.reason, "--by", assignment.username]


def _frozen_photos(assignment: Assignment) -> list[str]:
    """Return the photos of the gate, where the training that made the version held some out."""
    trained_by = assignment.parameters.get("trained_by")
    if not isinstance(trained_by, int):
        return []
    path = folder_of(assignment.settings.resolved_data_dir, trained_by) / RUN / REPORT
    try:
        frozen: Mapping[str, Any] = read_json(path).get("frozen") or {}
    except HazardLensError:
        return []
    if not frozen:
        return []
    return ["--images", str(frozen["images"]), "--labels", str(frozen["labels"])]
