"""``hazardlens serve``."""

from __future__ import annotations

from pathlib import Path

import click

from serving.cli.options import data_dir_option
from serving.settings import load_settings
from serving.supervisor.logs import configure_logging
from serving.supervisor.service import Service, stop_on_signals

EXIT_CODES = """\b
Exit codes:
  0  stopped as asked
  5  a setting cannot be used
  6  the database does not start
  7  the data folder is served already
  8  the port cannot be had
"""


@click.command(epilog=EXIT_CODES)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    envvar="PORT",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    default=0,
    show_default=True,
    help="How many processes look at photos, each with its share of the processors; 0: one for"
    " every eight.",
)
@click.option("--demo/--no-demo", default=None, help="Make a demo flight in an empty folder.")
@data_dir_option
def serve(*, host: str, port: int, workers: int, demo: bool | None, data_dir: Path | None) -> None:
    """Run the service: database, HTTP interface, pages and workers."""
    configure_logging("serve")
    settings = load_settings(data_dir=data_dir, demo=demo)
    service = Service(settings, host, port, workers)
    stop_on_signals(service.stop)
    service.run()
