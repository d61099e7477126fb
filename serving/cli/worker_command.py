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
from serving.jobs.worker import run_worker
from serving.settings import load_settings, make_data_dir
from serving.storage.objects import ObjectStore
from serving.supervisor.lifeline import hold_lifeline
from serving.supervisor.logs import configure_logging


@click.command()
@click.option("--lifeline", type=int, hidden=True, help="Descriptor that closes with the parent.")
@data_dir_option
def worker(lifeline: int | None, data_dir: Path | None) -> None:
    """Look at the photos of submitted flights. More workers on more machines are welcome.

    They need the same HAZARDLENS_DATABASE_URL and the same data folder. Exit codes: 0 stopped as
    asked, 5 a setting cannot be used, 6 the database does not answer.
    """
    if lifeline is not None:
        hold_lifeline(lifeline)
    configure_logging("worker")
    settings = load_settings(data_dir=data_dir)
    database_url = bring_up_database(settings)
    engine = open_engine(database_url)
    upgrade_database(engine)
    store = ObjectStore(make_data_dir(settings))
    context = WorkerContext(settings, make_sessions(engine), store)
    asyncio.run(run_worker(context, database_url))
