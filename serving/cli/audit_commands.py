"""``hazardlens audit``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.orm import Session

from detection.domain.errors import HazardLensError
from serving.audit.anchors import parse_head, read_heads
from serving.audit.check import check_log
from serving.audit.entries import each_entry, read_head
from serving.audit.export import lines_from_entries, read_export
from serving.audit.verify import Report, verify_entries
from serving.cli.options import data_dir_option
from serving.db.engine import make_sessions, open_engine
from serving.db.locate import database_for_command
from serving.db.migrate import upgrade_database
from serving.settings import load_settings
from serving.supervisor.logs import configure_logging

file_option = click.option(
    "--file",
    "export",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Verify an exported file; no database is needed.",
)
head_option = click.option(
    "--head",
    "heads",
    multiple=True,
    metavar="SEQUENCE:HASH",
    help="A head that was noted before; entry and hash must be there. May be given again.",
)


class AuditBrokenError(HazardLensError):
    """The audit log is not what was written."""

    code = "audit_broken"
    exit_code = 12


@click.group()
def audit() -> None:
    """Verify, export and show the head of the audit log.

    Exit codes: 0 intact or done, 2 an option or file cannot be used, 5 a setting cannot be used,
    6 the database does not start, 12 the log was changed, cut or does not fit the decisions.
    """


@audit.command()
@head_option
@file_option
@data_dir_option
def verify(heads: tuple[str, ...], export: Path | None, data_dir: Path | None) -> None:
    """Compute the whole chain again and hold it against heads noted before.

    In the database, each decision, merge and split must also have its entry, and the heads noted
    in the data folder must be there. Exit codes: 0 intact, 12 not intact.
    """
    noted = [parse_head(each) for each in heads]
    if export is not None:
        report = verify_entries(read_export(export), noted)
    else:
        settings = load_settings(data_dir=data_dir)
        kept = read_heads(settings.resolved_data_dir)
        with _session(data_dir) as session:
            report = check_log(session, [*noted, *kept])
    _tell(report)


@audit.command("export")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@data_dir_option
def export_log(target: Path, data_dir: Path | None) -> None:
    """Write the whole log to TARGET, one entry in each line, as JSON."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    count = 0
    try:
        with _session(data_dir) as session, draft.open("w", encoding="utf-8", newline="\n") as file:
            for line in lines_from_entries(each_entry(session)):
                file.write(line)
                count += 1
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    click.echo(f"{count} entries written to {target}")


@audit.command()
@data_dir_option
def head(data_dir: Path | None) -> None:
    """Print the newest entry as SEQUENCE:HASH; keep it where nobody can change it."""
    with _session(data_dir) as session:
        click.echo(str(read_head(session)))


def _tell(report: Report) -> None:
    """Write what was found.

    Raises:
        AuditBrokenError: something is wrong.
    """
    for each in report.findings:
        click.echo(f"entry {each.sequence or '-'}\t{each.code}\t{each.detail}")
    if report.events_before_log:
        click.echo(f"{report.events_before_log} events are older than the log")
    if not report.is_intact:
        message = f"The audit log is not intact: {report.found} findings."
        raise AuditBrokenError(message, remedy="Keep a copy of the database, then look into each.")
    click.echo(f"intact: {report.entries} entries, head {report.head}")


@contextmanager
def _session(data_dir: Path | None) -> Iterator[Session]:
    configure_logging("audit")
    settings = load_settings(data_dir=data_dir)
    with database_for_command(settings) as database_url:
        engine = open_engine(database_url, pool_size=1)
        upgrade_database(engine)
        with make_sessions(engine)() as session:
            yield session
        engine.dispose()
