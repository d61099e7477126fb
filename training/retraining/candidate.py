"""Fourth stage: the trained run exported, its thresholds chosen, measured, and put on the shelf."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from detection.detectors.manifest import ModelManifest
from detection.domain.hazard import HazardClass
from training.atomic import write_file
from training.data.annotation import AnnotatedPhoto
from training.data.collect import load_catalogue_photos
from training.evaluation.labelled_folder import read_labelled_folder
from training.promotion.promote import Order as PromotionOrder
from training.promotion.promote import promote_run
from training.record import read_record, write_record
from training.retraining.build import FROZEN
from training.retraining.order import Order
from training.settings import REPOSITORY_DIR, TrainingSettings

CANDIDATE = "candidate.json"


def put_candidate(
    order: Order, run_dir: Path, trained: TrainingSettings, running: ModelManifest
) -> ModelManifest:
    """Return the new version, which waits on the shelf as a candidate.

    Raises:
        ModelError: the export disagrees with its checkpoint, or is too big.
    """
    folder = run_dir / "training"
    # A card goes on with the model: it names what it came from, not where that lay.
    told = f"{running.name}@{running.version}"
    settings = trained.model_copy(update={"started_from": told})
    write_record(folder, read_record(folder) | {"run": f"{run_dir.name}/training"})
    shared_dir = order.shared_dir or REPOSITORY_DIR
    val = [one for one in load_catalogue_photos(settings, shared_dir) if one.split == "val"]
    kept = keep_thresholds(val, running, order.settings.min_boxes_for_threshold)
    frozen = read_labelled_folder(
        run_dir / FROZEN / "images", run_dir / FROZEN / "labels", settings.classes
    )
    manifest = promote_run(
        folder,
        shared_dir,
        order.models_dir,
        settings=settings,
        thresholds=kept,
        order=PromotionOrder(to="candidate", int8=order.int8, frozen=frozen.photos),
    )
    document = {
        "version": manifest.version,
        "thresholds_kept": sorted(key.value for key in kept),
    }
    write_file(run_dir / CANDIDATE, json.dumps(document, indent=1).encode())
    return manifest


def keep_thresholds(
    val: Sequence[AnnotatedPhoto], running: ModelManifest, enough: int
) -> Mapping[HazardClass, float]:
    """Return the thresholds in force of the classes that val shows too rarely to choose one."""
    shown = Counter(item.hazard_class for photo in val for item in photo.annotations)
    return {key: running.thresholds[key] for key in running.classes if shown[key] < enough}


def read_candidate(run_dir: Path) -> dict[str, Any]:
    """Return what the stage kept."""
    return dict(json.loads((run_dir / CANDIDATE).read_text(encoding="utf-8")))
