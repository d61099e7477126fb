"""A trained run to a shipped model: verified, exported, measured, and only then written."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from detection.detectors.base import TileImage
from detection.detectors.manifest import load_manifest, verify_weights
from detection.domain.errors import ModelError
from detection.domain.hazard import HazardClass
from detection.tiling import cut_tile
from training.card import write_card
from training.data.annotation import AnnotatedPhoto
from training.data.collect import load_catalogue_photos
from training.data.pixels import read_pixels
from training.evaluate import SHIPPED_FLOOR, plan_tiles
from training.export import Parity, export_run
from training.figures import json_from_evaluation
from training.measure import ExportedModel, Measured, measure_model
from training.record import hash_file, read_record
from training.settings import DataSource, TrainingSettings

MAX_WEIGHTS_BYTES = 12 * 1024 * 1024
PARITY_TILES = 6


def promote_run(
    run_dir: Path,
    shared_dir: Path,
    models_dir: Path,
    *,
    settings: TrainingSettings,
    thresholds: Mapping[HazardClass, float] | None = None,
) -> Path:
    """Promote a run and return the path of its manifest.

    Thresholds that are not given are chosen on val.

    Raises:
        ModelError: the weights are not those of the record, the export disagrees with them or
            is too big; nothing is written then.
    """
    record = read_record(run_dir)
    check_trained(run_dir, record)
    val = [photo for photo in load_catalogue_photos(settings, shared_dir) if photo.split == "val"]
    onnx_path, parity = export_run(run_dir, cut_parity_tiles(val, settings.tile_px))
    check_export(onnx_path, parity)
    model = ExportedModel(settings, onnx_path, parity)
    measured = measure_model(model, val, shared_dir, thresholds or {})
    return _write_model(models_dir, settings, record, onnx_path, measured)


def check_trained(run_dir: Path, record: Mapping[str, Any]) -> None:
    """Refuse a run that did not end, or whose weights changed since.

    Raises:
        ModelError: says which.
    """
    if record.get("state") != "trained":
        message = f"The run {run_dir} did not end: its state is {record.get('state')}."
        raise ModelError(message, remedy="Train again, or wait for it.")
    weights = run_dir / str(record["weights"])
    if not weights.is_file() or hash_file(weights) != record["weights_sha256"]:
        message = f"{weights} is not the file that the run recorded."
        raise ModelError(message, remedy="Restore it or train again.")


def check_export(onnx_path: Path, parity: Parity) -> None:
    """Refuse an export that is too big or says something else than its checkpoint.

    Raises:
        ModelError: says which.
    """
    size = onnx_path.stat().st_size
    if size > MAX_WEIGHTS_BYTES:
        message = f"{onnx_path} has {size / 1e6:.1f} MB; at most 12 MiB are shipped."
        raise ModelError(message, remedy="Train a smaller model.")
    if not parity.holds:
        message = (
            f"{onnx_path} disagrees with its checkpoint on {parity.unmatched} of "
            f"{parity.boxes} boxes."
        )
        raise ModelError(message, remedy="Export again; report it if it stays so.")


def cut_parity_tiles(photos: Sequence[AnnotatedPhoto], tile_px: int) -> list[TileImage]:
    """Return tiles of photos that show something, spread over the list."""
    shown = [photo for photo in photos if not photo.is_negative] or list(photos)
    step = max(1, len(shown) // PARITY_TILES)
    return [
        cut_tile(read_pixels(photo.path), plan_tiles(photo, tile_px, None)[0], tile_px)
        for photo in shown[::step][:PARITY_TILES]
    ]


def _write_model(
    models_dir: Path,
    settings: TrainingSettings,
    record: Mapping[str, Any],
    onnx_path: Path,
    measured: Measured,
) -> Path:
    models_dir.mkdir(parents=True, exist_ok=True)
    weights = models_dir / f"{settings.name}.onnx"
    card = models_dir / f"{settings.name}.md"
    manifest_path = models_dir / f"{settings.name}.yaml"
    document = describe_model(settings, record, weights.name, hash_file(onnx_path), measured)
    part = models_dir / f".{settings.name}.onnx.part"
    shutil.copyfile(onnx_path, part)
    part.replace(weights)
    card.write_text(write_card(settings, record, measured), encoding="utf-8")
    manifest_path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    verify_weights(load_manifest(manifest_path))
    return manifest_path


def describe_model(
    settings: TrainingSettings,
    record: Mapping[str, Any],
    weights: str,
    weights_sha256: str,
    measured: Measured,
) -> dict[str, Any]:
    """Return the manifest as it is written."""
    plan = settings.optimisation
    return {
        "name": settings.name,
        "task": "detect",
        "status": "active",
        "classes": [key.value for key in settings.classes],
        "thresholds": {key.value: value for key, value in measured.thresholds.items()},
        "score_floor": min(SHIPPED_FLOOR, *measured.thresholds.values()),
        "tile_px": settings.tile_px,
        "weights": weights,
        "weights_sha256": weights_sha256,
        "format": "onnx",
        "training": {
            "run": record["run"],
            "config": record["config"]["name"],
            "config_sha256": record["config_sha256"],
            "seed": record["seed"],
            "data_hash": record["data_hash"],
            "data": [name_source(item) for item in settings.data],
            "images": record["train_images_listed"],
            "epochs": plan.epochs,
            "image_px": plan.image_px,
            "started_from_sha256": record["started_from_sha256"],
            "environment": record["environment"],
            "trained_at": record["trained_at"],
            "seconds": record["seconds"],
        },
        "evaluation": {
            "val_deployed": json_from_evaluation(measured.deployed),
            "val_whole_photo": json_from_evaluation(measured.whole),
            "boxes_on_flights": {
                row.flight: {
                    "photos": row.photos,
                    **{key.value: count for key, count in row.boxes.items()},
                }
                for row in measured.flights
            },
        },
    }


def name_source(source: DataSource) -> str:
    """Return the kind and the name of a source, such as ``rendered:manhole``."""
    kind, name = next(iter(source.model_dump(mode="json").items()))
    return f"{kind}:{name}"
