"""``hazardlens retrain``: decisions to a candidate that was compared with the model in force."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import click

from detection.detectors.manifest import MODELS_DIR
from detection.domain.errors import ConfigurationError, InvalidInputError
from training.cli.options import FOLDER, SHARED_OPTION
from training.cli.terminal import Count, Terminal
from training.data.following import showing
from training.fitting.run_folder import check_unused, hold_run
from training.retraining.estimate import estimate_order, fit_epochs
from training.retraining.journal import FILE_NAME, open_journal, read_journal
from training.retraining.order import Order
from training.retraining.photo_sets import check_readable
from training.retraining.plan import find_running, read_original
from training.retraining.report import REPORT_PAGE
from training.retraining.run import Retraining, name_run
from training.retraining.settings import load_retraining_settings
from training.settings import CONFIGS_DIR, VERSIONS_DIR, find_shared_dir

EXIT_CODES = """\b
Exit codes:
      0  done: the candidate waits on the shelf, the report is written
      2  no or too few decisions, or an option cannot be used
      3  the disk is full; --resume goes on
      4  a model or the trainer failed
      5  a configuration cannot be used, or the run folder is another's
    130  stopped; --resume goes on
"""
_PATHS = click.Path(file_okay=False, path_type=Path)


@click.command(epilog=EXIT_CODES)
@click.argument("model", required=False)
@click.option("--decisions", multiple=True, type=_PATHS, help="Export of decisions; repeatable.")
@click.option("--run", "run_dir", type=_PATHS, help="[default: runs/retrain-MODEL-TIME]")
@click.option("--resume", type=FOLDER, help="Go on with this run folder as it was ordered.")
@click.option("--epochs", type=click.IntRange(1, 200), help="[default: configs/retraining.yaml]")
@click.option("--minutes", type=click.FloatRange(1), help="As many epochs as fit, at least one.")
@click.option("--last-flights", type=click.IntRange(1), help="Newest flights compared apart.")
@click.option(
    "--report-flights",
    multiple=True,
    type=_PATHS,
    help="Flight never trained on to compare on: photos, or an export of decisions; repeatable.",
)
@click.option("--threads", "cores", type=click.IntRange(1), help="Use this many cores at most.")
@click.option(
    "--weights",
    type=click.Choice(["auto", "onnx", "checkpoint"]),
    default="auto",
    help="Start from the checkpoint of the model in force or from its ONNX file "
    "[default: the checkpoint where it is here].",
)
@click.option("--replay/--no-replay", default=True, help="Show the original data again.")
@click.option("--int8", is_flag=True, help="INT8 weights too, where they hold their limits.")
@click.option("--models-dir", type=_PATHS, default=MODELS_DIR, help="Folder of the models.")
@click.option("--store", type=_PATHS, default=VERSIONS_DIR, help="Folder of the data versions.")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Rules and card of the model [default: configs/training/MODEL.yaml].",
)
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", help="Of the report.")
@click.option("--estimate", is_flag=True, help="Only say how long it will take, as JSON.")
@SHARED_OPTION
def retrain(
    model: str | None,
    *,
    run_dir: Path | None,
    resume: Path | None,
    cores: int | None,
    **given: Any,  # noqa: ANN401  # options as click gives them
) -> None:
    """Train MODEL on from the version in force with what people decided, and compare both.

    Decisions become a data version, the weights in force are trained on, the result is measured
    on what was never trained on and put on the shelf as a candidate; RUN/report.html says whether
    it is better, worse, or whether nobody can tell. Nothing is put in force.

    A run that was stopped or killed goes on by --resume RUN; each stage is done once.
    """
    _stop_on_terminate()
    if resume is not None:
        folder = resume.resolve()
        order = _read_order(folder, model)
        _use_cores(cores or order.cores)
    else:
        _use_cores(cores)
        order = _make_order(model, given | {"cores": cores})
        if given["minutes"] is not None or given["estimate"]:
            order, told = _fit_time(order, given["minutes"])
            if given["estimate"]:
                click.echo(json.dumps(told, ensure_ascii=False))
                return
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        folder = (run_dir or name_run(order.model, stamp)).resolve()
    _run(order, folder)


def _run(order: Order, folder: Path) -> None:
    terminal = Terminal()
    with hold_run(folder):
        if not (folder / FILE_NAME).is_file():
            check_unused(folder)
        journal = open_journal(folder, order, terminal.keep)
        click.echo(f"Retraining {order.model}@{order.against} in {folder}")
        report = Retraining(order, folder, journal, terminal).do()
    version = report["candidate"]["version"]
    click.echo(f"{order.model}@{version} is candidate. Report: {folder / REPORT_PAGE}")


def _make_order(model: str | None, given: Mapping[str, Any]) -> Order:
    """Return the order that the options make, every path absolute and every default resolved.

    Raises:
        HazardLensError: an option cannot be used.
    """
    if model is None or not given["decisions"]:
        message = "MODEL and --decisions are needed."
        raise InvalidInputError(message, remedy="Name both, or go on with a run: --resume RUN.")
    for folder in given["report_flights"]:
        check_readable(folder)
    told = load_retraining_settings()
    models_dir = given["models_dir"].resolve()
    running = find_running(model, models_dir)
    order = Order(
        model=running.name,
        against=running.version,
        decisions=tuple(folder.resolve() for folder in given["decisions"]),
        models_dir=models_dir,
        store=given["store"].resolve(),
        config=(given["config"] or CONFIGS_DIR / f"{running.name}.yaml").resolve(),
        shared_dir=_find_shared(given["shared_dir"]),
        report_flights=tuple(folder.resolve() for folder in given["report_flights"]),
        epochs=given["epochs"] or told.epochs,
        last_flights=given["last_flights"] or told.last_flights,
        cores=given["cores"],
        weights=given["weights"],
        replay=given["replay"],
        int8=given["int8"],
        lang=given["lang"],
        settings=told,
    )
    read_original(order, running)
    return order


def _read_order(folder: Path, model: str | None) -> Order:
    """Return the order of a run folder.

    Raises:
        ConfigurationError: it is no such folder, or of another model.
    """
    order = Order.model_validate(read_journal(folder)["order"])
    if model not in {None, order.model}:
        message = f"{folder} is a retraining of {order.model}, not of {model}."
        raise ConfigurationError(message, remedy="Name that model, or none.")
    return order


def _fit_time(order: Order, minutes: float | None) -> tuple[Order, dict[str, Any]]:
    """Return the order with as many epochs as fit, and the estimate of it."""
    with showing(Count(Terminal(to_errors=True)).show):
        told = estimate_order(order)
        if minutes is None:
            return order, told
        epochs = fit_epochs(told["seconds"], minutes, order.epochs)
        fitted = order.model_copy(update={"epochs": epochs})
        return fitted, estimate_order(fitted) if epochs != order.epochs else told


def _find_shared(given: Path | None) -> Path | None:
    """Return the folder of shared files; a user's installation has none, and needs none."""
    try:
        return find_shared_dir(given)
    except ConfigurationError:
        if given is not None:
            raise
        return None


def _use_cores(cores: int | None) -> None:
    """Bind this process and all that it starts to some of its cores, the last ones first."""
    if cores is None or not hasattr(os, "sched_setaffinity"):
        return
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, allowed[-cores:])


def _stop_on_terminate() -> None:
    """Let the signal by which services stop a command end it as a person's interrupt does."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
