"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
SHARED_OPTION = click.option(
    "--data",
    "shared_dir",
    type=FOLDER,
    help="Folder with data/, weights/ and flights/ [default: HAZARDLENS_SHARED_DIR or ../shared].",
)
