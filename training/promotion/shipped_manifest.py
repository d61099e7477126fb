"""A measured run as the manifest that is written of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from detection.detectors.manifest import ModelManifest
from training.evaluation.figures import json_from_evaluation
from training.promotion.gate import GateReport
from training.promotion.measure import Measured
from training.settings import DataSource, TrainingSettings

SOURCE_KINDS = ("dataset", "version", "negatives", "pasted", "shrunk", "rendered", "name")
"""The field of each kind of source that names it."""


def describe_model(
    settings: TrainingSettings,
    record: Mapping[str, Any],
    draft: ModelManifest,
    measured: Measured,
) -> dict[str, Any]:
    """Return the manifest as it is written, without the names of its weights."""
    plan = settings.optimisation
    return {
        **describe_answers(draft),
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
            "checkpoint_sha256": record["weights_sha256"],
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


def describe_promotion(report: GateReport) -> dict[str, Any]:
    """Return what the manifest says of the gate."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "against": report.against or None,
        "passed": report.passed,
        "forced": report.forced or None,
        "gate": {line.name: line.text for line in report.lines},
    }


def name_source(source: DataSource) -> str:
    """Return the kind and the name of a source, such as ``rendered:manhole``; never a place."""
    described = source.model_dump(mode="json")
    kind = next(key for key in SOURCE_KINDS if key in described)
    return f"{kind}:{Path(described[kind]).name}"


def describe_answers(draft: ModelManifest) -> dict[str, Any]:
    """Return the fields that decide what a model answers, as they are written."""
    described: dict[str, Any] = {
        "name": draft.name,
        "task": draft.task,
        "classes": [key.value for key in draft.classes],
        "thresholds": {key.value: value for key, value in draft.thresholds.items()},
        "score_floor": draft.score_floor,
        "tile_px": draft.tile_px,
        "weights_sha256": draft.weights_sha256,
    }
    if draft.finest_gsd_m is not None:
        described["finest_gsd_m"] = draft.finest_gsd_m
    if draft.coarsest_gsd_m is not None:
        described["coarsest_gsd_m"] = draft.coarsest_gsd_m
    if draft.starts_at_gsd_m is not None:
        described["starts_at_gsd_m"] = draft.starts_at_gsd_m
    if draft.mask_cut:
        described["mask_cut"] = draft.mask_cut
    if draft.int8_weights_sha256:
        described["int8_weights_sha256"] = draft.int8_weights_sha256
    return described
