"""``hazardlens upload``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from detection.domain.errors import INTERRUPTED, EmptyFlightError
from detection.domain.photo import FlightKind
from serving.client.checking import check_source
from serving.client.connection import Account, Connection
from serving.client.display import Display, print_reasons
from serving.client.errors import SignInRefusedError, UploadIncompleteError
from serving.client.flights import FlightCalls, FlightWanted
from serving.client.journal import find_state_folder, open_journal
from serving.client.report import report_outcome
from serving.client.sources import list_source
from serving.client.upload import Upload, UploadOptions

EXIT_CODES = """\b
Exit codes:
    0  every file is in (with --check: every file can be used)
    1  the server refused the upload as a whole; it says why
    2  the folder, the address or an option cannot be used, or another command sends the folder
    3  there is nothing to send, or no file can be used
    9  some files are not in; they are named
   10  the server did not answer for too long; the same command goes on
   11  user name or password do not fit
  130  interrupted; the same command goes on
"""
MEGABYTE = 1024 * 1024
SECONDS = 60.0


@click.command(epilog=EXIT_CODES)
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--server", envvar="HAZARDLENS_SERVER", help="Address, like http://10.0.0.5:8000.")
@click.option("--name", help="Name of the flight. Default: the name of the folder.")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in FlightKind]),
    default=FlightKind.DRONE.value,
    show_default=True,
    help="Photos from the air, or along a street.",
)
@click.option("--site", help="Where it was flown.")
@click.option("--flight", "flight_id", type=click.IntRange(1), help="Send to this draft.")
@click.option(
    "--parallel",
    type=click.IntRange(1, 16),
    default=4,
    show_default=True,
    help="Files on their way at once.",
)
@click.option(
    "--piece-mb",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="Largest piece of a file; at most one per file is sent twice. Bad links get smaller ones.",
)
@click.option("--submit/--no-submit", default=True, help="Have it processed when all is there.")
@click.option("--leave-out", is_flag=True, help="Submit although some files could not be sent.")
@click.option(
    "--patience",
    "patience_min",
    type=click.FloatRange(0, 24 * 60),
    default=10.0,
    show_default=True,
    help="Minutes to wait for a server that does not answer.",
)
@click.option("--check", is_flag=True, help="Only look at the metadata; nothing is sent.")
@click.option("--user", envvar="HAZARDLENS_USER", help="User name (HAZARDLENS_USER; asked for).")
@click.pass_context
def upload(
    context: click.Context,
    *,
    source: Path,
    server: str | None,
    name: str | None,
    kind: str,
    site: str | None,
    flight_id: int | None,
    parallel: int,
    piece_mb: int,
    submit: bool,
    leave_out: bool,
    patience_min: float,
    check: bool,
    user: str | None,
) -> None:
    """Send SOURCE, a folder, a ZIP or a video, to the server as a flight.

    Whatever ends it (Ctrl-C, a closed lid, a restarted server): the same command goes on where it
    was. When it says that the card may be wiped, the server has every file, read again from its
    disk. The password is asked for, or taken from HAZARDLENS_PASSWORD.
    """
    console = Console(stderr=True)
    if check:
        _check(console, source, FlightKind(kind))
        return
    if server is None:
        message = "Name the server with --server."
        raise click.UsageError(message)
    options = UploadOptions(
        FlightWanted(name or source.resolve().name, kind, site),
        flight_id,
        parallel,
        piece_mb * MEGABYTE,
        submit,
        leave_out,
        patience_min * SECONDS,
    )
    try:
        connection = partial(
            Connection, server, _ask_account(user), patience_s=patience_min * SECONDS
        )
        _send(console, source, connection, options)
    except KeyboardInterrupt:
        console.print("Interrupted. Run the same command again to go on from here.")
        context.exit(INTERRUPTED)


def _check(console: Console, source: Path, kind: FlightKind) -> None:
    result = check_source(source, kind)
    failures = ((one.photo_id, one.message, one.remedy) for one in result.failures)
    print_reasons(console, "Cannot be used", failures)
    print_reasons(console, "Can be used, with a flaw", result.explain_warnings())
    console.print(
        f"{result.usable} files can be used, {len(result.failures)} cannot. Nothing was sent."
    )
    if not result.usable:
        raise _nothing_usable(source)
    if result.failures:
        message = "Some files cannot be used."
        raise UploadIncompleteError(message, remedy="Mend them while the card is at hand.")


def _send(
    console: Console,
    source: Path,
    connect: Callable[..., Connection],
    options: UploadOptions,
) -> None:
    listed = list_source(source)
    with Display(console) as display:
        connection = connect(on_wait=display.waits)
        root = source.resolve()
        with open_journal(
            find_state_folder(), connection.server, connection.username, root
        ) as journal:
            outcome = Upload(FlightCalls(connection), journal, options, display).run(listed)
    report_outcome(console, listed, outcome, connection.server)
    if outcome.counts is not None and not outcome.counts.accepted:
        raise _nothing_usable(source)
    if not outcome.is_complete:
        message = "Some files are not in."
        remedy = "Mend them and run the same command again: only what changed is sent."
        raise UploadIncompleteError(message, remedy=remedy)


def _ask_account(user: str | None) -> Account:
    """Return who uploads; asked for at a terminal only.

    Raises:
        SignInRefusedError: nobody can be asked.
    """
    password = os.environ.get("HAZARDLENS_PASSWORD")
    if (user is None or password is None) and not sys.stdin.isatty():
        message = "User name and password are missing."
        remedy = "Set HAZARDLENS_USER and HAZARDLENS_PASSWORD."
        raise SignInRefusedError(message, remedy=remedy)
    user = user or str(click.prompt("User name"))
    return Account(user, password or str(click.prompt("Password", hide_input=True)))


def _nothing_usable(source: Path) -> EmptyFlightError:
    message = f"No file of {source} can be used."
    return EmptyFlightError(message, remedy="Copy the originals from the card again.")
