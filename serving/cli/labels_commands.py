"""``hazardlens labels``."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.hazard import HazardClass
from serving.api.label_studio_views import view_status
from serving.cli.options import console_actor, data_dir_option
from serving.db.engine import make_sessions, open_engine
from serving.db.locate import database_for_command
from serving.db.migrate import upgrade_database
from serving.jobs.label_orders import PushFilter, order_push, order_push_filter
from serving.labelstudio.board import Board, check_settings, open_board
from serving.labelstudio.errors import BoardServerError
from serving.labelstudio.projects import set_up_projects
from serving.labelstudio.server import (
    USERNAME,
    Account,
    ServerPlace,
    make_token,
    new_password,
    running_server,
)
from serving.labelstudio.status import read_status
from serving.labelstudio.sync import Synced, pull, push, reconcile
from serving.settings import ServingSettings, load_settings, make_data_dir
from serving.storage.objects import ObjectStore
from serving.supervisor.logs import configure_logging

PROGRAM = Path(".venv-label-studio/bin/label-studio")
DEFAULT_PORT = 8080
STATES = ("pending", "confirmed", "rejected", "unsure", "duplicate")


@click.group()
def labels() -> None:
    """Have photos drawn on in Label Studio, and take in what was drawn.

    Exit codes: 0 done, 1 Label Studio refuses or does not answer (the message says what to do),
    2 an option cannot be used, 5 a setting is missing, 6 the database does not start.
    """


@labels.command("setup")
@data_dir_option
def set_up(data_dir: Path | None) -> None:
    """Make our projects there, or bring them up to date: one for boxes, one for outlines."""
    with _board(data_dir) as (_, board):
        for done in set_up_projects(board, console_actor()):
            what = "new" if done.is_new else "up to date"
            hook = "tells us at once" if done.has_webhook else "no webhook, see labels status"
            click.echo(f"{done.geometry}: project {done.project_id}, {what}, {hook}")


@labels.command("push")
@click.option("--selection", "selection_id", type=int, help="Photos of this selection.")
@click.option("--flight", "flight_id", type=int, help="Candidates of this flight.")
@click.option(
    "--class",
    "hazard_class",
    type=click.Choice([each.value for each in HazardClass]),
    help="Candidates of this class.",
)
@click.option("--state", type=click.Choice(STATES), help="Candidates in this state.")
@click.option(
    "--limit", type=click.IntRange(1, 5000), default=100, show_default=True, help="Photos at most."
)
@data_dir_option
def push_photos(
    *,
    selection_id: int | None,
    flight_id: int | None,
    hazard_class: str | None,
    state: str | None,
    limit: int,
    data_dir: Path | None,
) -> None:
    """Send photos with what our models say: a selection, or the best photo of each candidate."""
    with _board(data_dir) as (sessions, board):
        with sessions.begin() as session:
            if selection_id is not None:
                row = order_push(session, selection_id, console_actor())
            else:
                chosen = PushFilter(flight_id, hazard_class, state, limit)
                row = order_push_filter(session, chosen, console_actor())
            click.echo(f"{row.new_tasks} new tasks, {row.known_tasks} known")
        _tell(push(board))


@labels.command("pull")
@data_dir_option
def pull_drawings(data_dir: Path | None) -> None:
    """Take in what was drawn since."""
    with _board(data_dir) as (_, board):
        _tell(pull(board))


@labels.command("reconcile")
@data_dir_option
def reconcile_all(data_dir: Path | None) -> None:
    """Send what waits, take in, tell what was deleted, remove doubled tasks, renew links."""
    with _board(data_dir) as (_, board):
        _tell(reconcile(board))


@labels.command("status")
@click.option("--json", "as_json", is_flag=True, help="Everything, as the API gives it.")
@data_dir_option
def show_status(as_json: bool, data_dir: Path | None) -> None:  # noqa: FBT001 - click's flag
    """Say how both projects stand. Label Studio itself is not asked."""
    settings = load_settings(data_dir=data_dir)
    with _database(settings) as sessions, sessions() as session:
        status = view_status(settings, read_status(session))
    if as_json:
        click.echo(status.model_dump_json(indent=2))
        return
    for project in status.projects:
        where = project.address or "not set up"
        counts = f"{project.drawn} drawn, {project.skipped} skipped, {project.disagreeing} disputed"
        click.echo(
            f"{project.geometry}: {where}; {project.pushed} of {project.tasks} sent; {counts}"
        )
        if project.failure is not None:
            click.echo(f"  {project.failure.message} {project.failure.remedy}")
    for problem in status.problems:
        click.echo(f"! {problem.code}: {problem.message} {problem.remedy}")


@labels.command("server")
@click.option("--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True)
@click.option(
    "--program",
    type=click.Path(path_type=Path, dir_okay=False),
    default=PROGRAM,
    show_default=True,
    help="Label Studio's own command, in an environment of its own.",
)
@data_dir_option
def run_server(port: int, program: Path, data_dir: Path | None) -> None:
    """Run a Label Studio on this machine until Ctrl-C: loopback alone, reports to nobody.

    On its first start it prints an account and an access token, once.
    """
    settings = load_settings(data_dir=data_dir)
    place = ServerPlace(program.absolute(), make_data_dir(settings) / "label-studio", port)
    password = new_password()
    is_first = not (place.folder / "label_studio.sqlite3").exists()
    public_url = settings.label_studio_public_url
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # the server goes with the command
    with running_server(place, password, public_url=public_url) as process:
        click.echo(f"Label Studio answers at {place.url} (log: {place.folder / 'server.log'})")
        if is_first:
            click.echo(f"Account (shown once): {USERNAME} / {password}")
            token = make_token(place, Account(USERNAME, password))
            click.echo("Settings of the service (the token is shown once):")
            click.echo(f"  HAZARDLENS_LABEL_STUDIO_URL={place.url}")
            click.echo(f"  HAZARDLENS_LABEL_STUDIO_TOKEN={token}")
            click.echo(
                f"  HAZARDLENS_LABEL_STUDIO_PUBLIC_URL={public_url or 'http://127.0.0.1:8000'}"
            )
        process.wait()
        message = "Label Studio has ended by itself."
        raise BoardServerError(message, remedy=f"See {place.folder / 'server.log'}.")


@contextmanager
def _board(data_dir: Path | None) -> Iterator[tuple[sessionmaker[Session], Board]]:
    configure_logging("labels")
    settings = load_settings(data_dir=data_dir)
    check_settings(settings)
    with _database(settings) as sessions:
        store = ObjectStore(make_data_dir(settings))
        with open_board(settings, sessions, store) as board:
            yield sessions, board


@contextmanager
def _database(settings: ServingSettings) -> Iterator[sessionmaker[Session]]:
    with database_for_command(settings) as database_url:
        engine = open_engine(database_url, pool_size=2)
        upgrade_database(engine)
        yield make_sessions(engine)
        engine.dispose()


def _tell(outcomes: list[Synced]) -> None:
    """Say what was done; the first trouble ends the command with its message."""
    for each in outcomes:
        if each.error is None:
            told = {
                "project": each.geometry,
                "sent": each.sent,
                "drawings": each.taken.new_rows,
                "refused": each.taken.refused,
                "deleted": each.deleted,
                "doubled": each.doubled,
                "renewed": each.renewed,
            }
            click.echo(json.dumps(told))
    for each in outcomes:
        if each.error is not None:
            raise each.error
