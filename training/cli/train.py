"""``hazardlens train``: a configuration to weights in a run folder."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from detection.domain.errors import ConfigurationError
from training.cli.options import FOLDER, SHARED_OPTION
from training.cli.terminal import Count, Terminal
from training.data.following import showing
from training.fitting.plots import CURVES
from training.fitting.stages import read_plan, train_run
from training.settings import (
    RUNS_DIR,
    TrainingSettings,
    find_shared_dir,
    load_training_settings,
)


@click.command()
@click.argument(
    "config", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@SHARED_OPTION
@click.option(
    "--run",
    "run_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Run folder to write [default: runs/<name>-<time>]; one that was interrupted goes on.",
)
@click.option("--resume", type=FOLDER, help="Go on with this run folder as it was configured.")
@click.option(
    "--fraction",
    type=click.FloatRange(0, 1, min_open=True),
    help="Train on this share of the training groups; smaller shares are parts of larger ones.",
)
@click.option(
    "--equal-steps",
    is_flag=True,
    help="With --fraction: as many more epochs as the share is smaller, so that learning curves "
    "tell data apart from steps.",
)
def train(
    config: Path | None,
    shared_dir: Path | None,
    run_dir: Path | None,
    resume: Path | None,
    fraction: float | None,
    *,
    equal_steps: bool,
) -> None:
    """Train one model: CONFIG, data and seed to weights in a run folder.

    A training that was killed goes on after its last whole epoch: by the same command with the
    same --run, or by --resume RUN.

    Exit codes: 0 done, 2 invalid input, 4 the trainer failed, 5 configuration error.
    """
    if resume is not None:
        if config is not None or run_dir is not None or fraction is not None or equal_steps:
            message = "--resume goes on as the run was configured."
            raise ConfigurationError(message, remedy="Give --resume RUN alone.")
        folder = resume.resolve()
        settings = read_plan(folder)
    else:
        settings = _read_config(config, fraction, equal_steps=equal_steps)
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        folder = (run_dir or RUNS_DIR / f"{settings.name}-{stamp}").resolve()
    click.echo(f"Training {settings.name}; log: {folder / 'fit.log'}")
    terminal = Terminal()
    with showing(Count(terminal).show):
        train_run(settings, lambda: find_shared_dir(shared_dir), folder, terminal)
    click.echo(f"Curves: {folder / CURVES}")
    click.echo(f"Trained. Promote it with: hazardlens promote {folder}")


def _read_config(
    config: Path | None, fraction: float | None, *, equal_steps: bool
) -> TrainingSettings:
    if config is None:
        message = "No configuration was given."
        raise ConfigurationError(message, remedy="Give CONFIG, or --resume RUN.")
    settings = load_training_settings(config)
    if fraction is None:
        return settings
    return settings.take_fraction(fraction, equal_steps=equal_steps)
