"""Options that the commands have in common."""

from __future__ import annotations

from pathlib import Path

import click

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for database and photos (HAZARDLENS_DATA_DIR; ./data).",
)
