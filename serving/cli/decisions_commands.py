"""``hazardlens decisions``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy.orm import Session

from serving.audit.log import Actor, Subject, record
from serving.cli.options import console_actor, data_dir_option
from serving.db.engine import make_sessions, open_engine
from serving.db.locate import database_for_command
from serving.db.migrate import upgrade_database
from serving.learning.decisions.collect import collect_export
from serving.learning.decisions.files import each_file, write_folder
from serving.settings import ServingSettings, load_settings
from serving.storage.objects import ObjectStore
from serving.supervisor.logs import configure_logging

DAY = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])


@click.group()
def decisions() -> None:
    """Hand out what people decided, corrected and drew, for a model to learn from.

    Exit codes: 0 done, 2 nothing was decided or the folder is in use, 5 a setting cannot be used,
    6 the database does not start.
    """


@decisions.command()
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write; one of an earlier export is written anew.",
)
@click.option("--since", type=DAY, help="Photos on which something was said since then (UTC).")
@click.option(
    "--flight", "--flights", "flight_ids", type=int, multiple=True, help="Only this flight."
)
@data_dir_option
def export(
    out: Path, since: datetime | None, flight_ids: tuple[int, ...], data_dir: Path | None
) -> None:
    """Write photos and decisions.json to OUT for `hazardlens data from-decisions`.

    Photos lose their metadata; faces and number plates that are found are blurred. The last line
    is a JSON object with what was written.
    """
    settings = load_settings(data_dir=data_dir)
    moment = None if since is None else (since if since.tzinfo else since.replace(tzinfo=UTC))
    with _session(settings) as session:
        found = collect_export(session, since=moment, flight_ids=flight_ids)
        _record(session, console_actor(), found.count(), out)
        session.commit()
    store = ObjectStore(settings.resolved_data_dir)
    files = each_file(found, store, datetime.now(UTC), on_photo=_tell_photo)
    document = write_folder(files, out)
    left_out = len(document["left_out_photos"])
    if left_out:
        click.echo(f"{left_out} photos could not be read and are left out.", err=True)
    click.echo(json.dumps(found.count() | {"left_out": left_out, "out": str(out)}))


def _tell_photo(done: int, total: int) -> None:
    click.echo(f"photo {done} of {total}", err=True)


def _record(session: Session, actor: Actor, counts: dict[str, int], out: Path) -> None:
    after = {**counts, "out": out.name}
    record(session, actor, "export_decisions", Subject("decisions", "export"), after=after)


@contextmanager
def _session(settings: ServingSettings) -> Iterator[Session]:
    configure_logging("decisions")
    with database_for_command(settings) as database_url:
        engine = open_engine(database_url, pool_size=1)
        upgrade_database(engine)
        with make_sessions(engine)() as session:
            yield session
        engine.dispose()
