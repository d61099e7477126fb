"""``hazardlens watch``."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from detection.domain.errors import ConfigurationError
from serving.cli.options import data_dir_option
from serving.db.engine import make_sessions, open_engine
from serving.db.locate import bring_up_database
from serving.db.migrate import upgrade_database
from serving.jobs.watching import PlaceWatcher, hold_watch
from serving.settings import load_settings, make_data_dir
from serving.storage.places import open_places
from serving.supervisor.lifeline import hold_lifeline
from serving.supervisor.logs import configure_logging


@click.command()
@click.option("--lifeline", type=int, hidden=True, help="Descriptor that closes with the parent.")
@data_dir_option
def watch(lifeline: int | None, data_dir: Path | None) -> None:
    """Make flights of what appears in the folders and buckets of HAZARDLENS_WATCH.

    `hazardlens serve` starts it by itself where HAZARDLENS_WATCH is set. What lies there is only
    read. Exit codes: 0 stopped as asked, 5 a setting cannot be used, 6 the database does not
    answer.
    """
    if lifeline is not None:
        hold_lifeline(lifeline)
    configure_logging("watch")
    settings = load_settings(data_dir=data_dir)
    places = open_places(settings.watch)
    if not places:
        message = "HAZARDLENS_WATCH names no place."
        raise ConfigurationError(message, remedy="Set it to /folder or s3://bucket/prefix.")
    make_data_dir(settings)
    engine = open_engine(bring_up_database(settings))
    upgrade_database(engine)
    watcher = PlaceWatcher(make_sessions(engine), settings, places)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: watcher.stopping.set())
    with hold_watch(engine, watcher.stopping) as prove_lock:
        if prove_lock is not None:
            watcher.run(prove_lock)
