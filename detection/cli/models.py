"""The command `hazardlens models`: what is promoted, and whether its weights are whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict

import click
from rich.console import Console
from rich.table import Table

from detection.detectors.history import find_since
from detection.detectors.manifest import (
    MODELS_DIR,
    ModelManifest,
    list_manifests,
    list_versions,
    verify_weights,
)
from detection.domain.errors import ModelError


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option(
    "--models-dir",
    type=click.Path(path_type=Path),
    default=MODELS_DIR,
    help="Folder of manifests. Default: configs/models.",
)
def models(models_dir: Path, *, as_json: bool) -> None:
    """List the models in force and every other version: classes, thresholds, files, signature.

    Exit code 4 where a manifest is damaged.
    """
    since = find_since(models_dir)
    found = [*list_manifests(models_dir), *list_versions(models_dir)]
    rows = [_describe_model(model, since.get((model.name, model.version))) for model in found]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    table = Table("model", "status", "class ≥ threshold", "tile", "trained", "weights", "check")
    for row in rows:
        thresholds = row["thresholds"]
        lines = [f"{key} ≥ {score:.2f}" for key, score in thresholds.items()]
        table.add_row(
            f"{row['name']}\n@{row['version']}",
            f"{row['status']}\n{row['task']}",
            "\n".join(lines),
            f"{row['tile_px']} px",
            row["trained_at"][:10],
            row["weights_sha256"][:12] + ("\n+ INT8" if row["int8_weights"] else ""),
            f"{row['check']}\n{row['signature']}",
        )
    Console().print(table if rows else f"There is no model in {models_dir}.")


class _ModelRow(TypedDict):
    name: str
    task: str
    status: str
    version: str
    since: str | None
    classes: list[str]
    thresholds: dict[str, float]
    score_floor: float
    tile_px: int
    trained_at: str
    data_hash: str
    weights: str
    weights_sha256: str
    int8_weights: str | None
    int8_weights_sha256: str | None
    card: str | None
    signature: str
    forced: str | None
    check: str


def _describe_model(manifest: ModelManifest, since: str | None) -> _ModelRow:
    try:
        verify_weights(manifest)
        check = "ok"
    except ModelError as error:
        check = error.message
    int8 = manifest.int8_weights_path
    return {
        "name": manifest.name,
        "task": manifest.task,
        "status": manifest.status,
        "version": manifest.version,
        "since": since,
        "classes": [key.value for key in manifest.classes],
        "thresholds": {key.value: score for key, score in manifest.thresholds.items()},
        "score_floor": manifest.score_floor,
        "tile_px": manifest.tile_px,
        "trained_at": manifest.trained_at,
        "data_hash": manifest.data_hash,
        "weights": str(manifest.weights_path),
        "weights_sha256": manifest.weights_sha256,
        "int8_weights": str(int8) if int8 else None,
        "int8_weights_sha256": manifest.int8_weights_sha256 or None,
        "card": str(manifest.card_path) if manifest.card_path else None,
        "signature": manifest.signature.value,
        "forced": manifest.promotion.get("forced"),
        "check": check,
    }
