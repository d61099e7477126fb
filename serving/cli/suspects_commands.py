"""``hazardlens suspects``: suspected labels in, what people said of them out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.orm import Session

from serving.cli.options import console_actor, data_dir_option
from serving.db.engine import make_sessions, open_engine
from serving.db.locate import database_for_command
from serving.db.migrate import upgrade_database
from serving.learning.suspect_export import export_corrections
from serving.learning.suspect_import import import_suspects
from serving.settings import load_settings
from serving.storage.objects import ObjectStore
from serving.supervisor.logs import configure_logging


@click.group()
def suspects() -> None:
    """Take in labels that may be wrong, and give out what people said of them.

    Exit codes: 0 done, 2 the list cannot be used, 5 a setting cannot be used, 6 the database does
    not start.
    """


@suspects.command("import")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@data_dir_option
def import_list(folder: Path, data_dir: Path | None) -> None:
    """Take in the list of FOLDER, as `hazardlens data label-errors` wrote it.

    The same list again changes nothing; a newer one of the same data set adds what is new.
    """
    settings = load_settings(data_dir=data_dir)
    store = ObjectStore(settings.resolved_data_dir)
    with _session(data_dir) as session:
        found = import_suspects(session, store, folder, console_actor())
    click.echo(
        f"{found.set_name}: {found.new} new, {found.renewed} open ones renewed, "
        f"{found.answered} answered ones left as they are"
    )


@suspects.command("export")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for the corrections.",
)
@click.option("--set", "set_name", help="Only those of one data set.")
@data_dir_option
def export_list(out: Path, set_name: str | None, data_dir: Path | None) -> None:
    """Write what people put right as corrections.csv, each row with its reason and name."""
    with _session(data_dir) as session:
        text = export_corrections(session, set_name)
    draft = out.with_name(f".{out.name}.part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(out)
    click.echo(f"{len(text.splitlines()) - 1} corrections written to {out}")


@contextmanager
def _session(data_dir: Path | None) -> Iterator[Session]:
    configure_logging("suspects")
    with database_for_command(load_settings(data_dir=data_dir)) as database_url:
        engine = open_engine(database_url, pool_size=1)
        upgrade_database(engine)
        with make_sessions(engine).begin() as session:
            yield session
        engine.dispose()
