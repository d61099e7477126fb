"""``hazardlens data correct``: a set with corrections applied, as a new version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from training.cli.options import SHARED_OPTION
from training.cli.terminal import Count, Terminal
from training.data.corrected_tables import correct_tables
from training.data.corrections import apply_corrections, read_corrections
from training.data.decisions_tables import MADE_OF_DECISIONS
from training.data.following import showing
from training.data.manifest import hash_bytes
from training.data.named_sets import is_catalogued, load_named
from training.data.sources import load_dataset, read_catalogue
from training.data.versions import build_version, find_version
from training.settings import VERSIONS_DIR, find_shared_dir


@click.command()
@click.argument("name")
@click.option(
    "--corrections",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="corrections.csv, as `hazardlens suspects export` writes it.",
)
@click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    default=VERSIONS_DIR,
    help="Folder of the built versions [default: versions/].",
)
@SHARED_OPTION
def correct(name: str, corrections: Path, store: Path, shared_dir: Path | None) -> None:
    """Apply corrections to NAME and build the result as a version; NAME stays as it is.

    Labels are counted as in the files of NAME. Only training photos are changed: a row of another
    side can only say doubtful.

    Exit codes: 0 done, 2 invalid input, 5 a correction does not fit the data.
    """
    rows = read_corrections(corrections)
    with showing(Count(Terminal(to_errors=True)).show):
        if is_catalogued(name):
            entry = read_catalogue(name)
            stored = load_dataset(replace(entry, corrections=()), find_shared_dir(shared_dir))
            rows = (*entry.corrections, *rows)
        else:
            stored = load_named(name, store, lambda: find_shared_dir(shared_dir))
        photos = apply_corrections(stored, rows)
        note = {"corrected": name, "corrections_sha256": hash_bytes(corrections)}
        extras = {} if is_catalogued(name) else correct_tables(find_version(name, store), rows)
        note |= {"kind": MADE_OF_DECISIONS} if extras else {}
        built = build_version(photos, store, name=f"{name}-corrected", note=note, extras=extras)
    changed = sum(row.what != "doubtful" for row in rows)
    click.echo(f"{changed} corrections, {len(rows) - changed} doubtful")
    click.echo(f"{'Built' if built.is_new else 'Already built, unchanged'}: {built.folder}")
