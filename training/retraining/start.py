"""Second stage: the weights to go on from, of the model in force: its checkpoint or ONNX file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from detection.detectors.manifest import ModelManifest, verify_file
from detection.domain.errors import ModelError
from training.atomic import write_file
from training.data.annotation import AnnotatedPhoto
from training.fitting.launch import run_trainer
from training.promotion.export import Parity, answer_tiles, measure_mask_iou, measure_parity
from training.promotion.shipping_checks import cut_parity_tiles
from training.record import hash_file, read_record
from training.retraining.order import Order
from training.settings import RUNS_DIR

STARTED = "started.json"
TILES = 24
"""Tiles to take statistics of, and to compare the rebuilt network with the shipped one on."""


def find_start(
    order: Order, running: ModelManifest, run_dir: Path, photos: Sequence[AnnotatedPhoto]
) -> dict[str, Any]:
    """Return where the starting weights are and how far they are from the model in force.

    Raises:
        ModelError: the weights are not there, or say something else than the model in force.
    """
    checkpoint = None if order.weights == "onnx" else find_checkpoint(running)
    if checkpoint is None and order.weights == "checkpoint":
        message = f"The checkpoint of {running.name}@{running.version} is not here."
        remedy = f"Bring back the run folder {running.training.get('run')}, or use --weights onnx."
        raise ModelError(message, remedy=remedy)
    if checkpoint is not None:
        told: dict[str, Any] = {"kind": "checkpoint", "path": str(checkpoint), "parity": None}
    else:
        folder = run_dir / "start"
        parity = rebuild_start(running, folder, photos)
        path = folder / "fit" / "weights" / "best.pt"
        told = {"kind": "onnx", "path": str(path), "parity": asdict(parity)}
    told |= {"sha256": hash_file(Path(told["path"])), "weights_sha256": running.weights_sha256}
    write_file(run_dir / STARTED, json.dumps(told, indent=1).encode())
    return told


def read_started(run_dir: Path) -> dict[str, Any]:
    """Return what the stage kept."""
    return dict(json.loads((run_dir / STARTED).read_text(encoding="utf-8")))


def find_checkpoint(running: ModelManifest, runs_dir: Path = RUNS_DIR) -> Path | None:
    """Return the checkpoint that a model was exported from, where its run folder is here."""
    folder = runs_dir / str(running.training.get("run", ""))
    if not (folder / "run.json").is_file():
        return None
    path = folder / str(read_record(folder).get("weights", ""))
    wanted = running.training.get("checkpoint_sha256")
    return path if path.is_file() and hash_file(path) == wanted else None


def rebuild_start(running: ModelManifest, folder: Path, photos: Sequence[AnnotatedPhoto]) -> Parity:
    """Write a checkpoint of the shipped ONNX weights; return how like it answers.

    Raises:
        ModelError: the file is damaged, of another network, or the checkpoint says otherwise.
    """
    verify_file(running.weights_path, running.weights_sha256, running.name)
    folder.mkdir(parents=True, exist_ok=True)
    tiles = cut_parity_tiles(photos, running.tile_px, TILES)
    np.save(folder / "tiles.npy", np.stack(tiles))
    asked = {
        "onnx": str(running.weights_path),
        "task": running.task,
        "classes": [key.value for key in running.classes],
    }
    write_file(folder / "start.json", json.dumps(asked).encode())
    run_trainer(folder, "rebuild")
    parity = compare_start(running, folder, tiles)
    for made in folder.glob("*.npy"):  # tens of megabytes that say nothing more
        made.unlink()
    if not parity.holds:
        message = (
            f"The weights rebuilt of {running.weights_path} disagree with it on "
            f"{parity.unmatched} of {parity.boxes} boxes."
        )
        raise ModelError(message, remedy="Go on from the checkpoint: --weights checkpoint.")
    return parity


def compare_start(running: ModelManifest, folder: Path, tiles: Sequence[Any]) -> Parity:
    """Compare what the rebuilt network said of the tiles with what the ONNX file says."""
    rows, prototypes = answer_tiles(running.weights_path, tiles)
    said = np.load(folder / "torch_answer.npy")
    parity = measure_parity(said, rows)
    if not prototypes:
        return parity
    drawn = np.load(folder / "torch_prototypes.npy")
    overlap = measure_mask_iou(said, drawn, rows, prototypes)
    return Parity(
        parity.tiles, parity.boxes, parity.unmatched, parity.max_score_difference, overlap
    )
