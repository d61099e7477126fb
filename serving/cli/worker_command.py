"""``hazardlens worker``."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from serving.cli.options import data_dir_option
from serving.db.engine import make_sessions, open_engine
from serving.db.locate import bring_up_database
from serving.db.migrate import upgrade_database
from serving.jobs.context import WorkerContext
from serving.jobs.training_worker import probe_trainer
from serving.jobs.worker import run_training_worker, run_worker
from serving.settings import load_settings, make_data_dir
from serving.storage.objects import ObjectStore
from serving.supervisor.lifeline import hold_lifeline
from serving.supervisor.logs import configure_logging


@click.command()
@click.option("--lifeline", type=int, hidden=True, help="Descriptor that closes with the parent.")
@click.option(
    "--training", is_flag=True, help="Work off trainings, and nothing else: wants the trainer."
)
@data_dir_option
def worker(lifeline: int | None, *, training: bool, data_dir: Path | None) -> None:
    """Look at the photos of submitted flights. More workers on more machines are welcome.

    They need the same HAZARDLENS_DATABASE_URL and the same data folder. With --training it works
    off what engineers order under Training instead, with its own Python or that of
    HAZARDLENS_TRAINING_PYTHON, which needs requirements/train.txt; it also needs the same folder
    of models. Exit codes: 0 stopped as asked, 5 a setting cannot be used or the trainer is not
    installed, 6 the database does not answer.
    """
    if lifeline is not None:
        hold_lifeline(lifeline)
    configure_logging("training" if training else "worker")
    settings = load_settings(data_dir=data_dir)
    device = probe_trainer(settings) if training else ""
    database_url = bring_up_database(settings)
    engine = open_engine(database_url)
    upgrade_database(engine)
    store = ObjectStore(make_data_dir(settings))
    context = WorkerContext(settings, make_sessions(engine), store)
    if training:
        click.echo(f"Trainings are worked off on: {device}. Ctrl-C stops; what runs goes on later.")
        asyncio.run(run_training_worker(context, database_url, device))
    else:
        asyncio.run(run_worker(context, database_url))
