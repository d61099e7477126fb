"""Options that the commands have in common."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from serving.audit.log import Actor

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for database and photos (HAZARDLENS_DATA_DIR; ./data).",
)


def console_actor() -> Actor:
    """Return who runs a command, as the machine knows them, for the audit log."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as some containers have
        name = "unknown"
    return Actor(None, name[:64], "console")
