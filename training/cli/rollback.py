"""``hazardlens rollback``: the version before, at once, without network, key or torch."""

from __future__ import annotations

from pathlib import Path

import click

from detection.detectors.manifest import MODELS_DIR
from training.promotion.shelf import Change, roll_back

EXIT_CODES = """\b
Exit codes:
    0  done
    4  there is no such version, or its weights are missing or changed; nothing is changed
"""


@click.command(epilog=EXIT_CODES)
@click.argument("name")
@click.option("--to", metavar="VERSION", help="Version [default: the one before].")
@click.option("--reason", default="", help="Why, for the history.")
@click.option("--by", default="", help="Who wants it, for the history [default: this account].")
@click.option(
    "--models-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=MODELS_DIR,
    help="Folder of the models. Default: configs/models.",
)
def rollback(name: str, to: str | None, reason: str, by: str, models_dir: Path) -> None:
    """Bring back the version of the model NAME that was in force before.

    Workers take it with their next chunk of photos. Twice in a row goes back twice; --to goes
    anywhere, also forward again.
    """
    manifest = roll_back(models_dir, name, to, Change("rollback", reason, by))
    click.echo(f"{manifest.name}@{manifest.version} is {manifest.status} again.")
