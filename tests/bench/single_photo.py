"""What one photo shows of added storeys: held-out renders, and alarms on every real drone photo.

The renders come from seeds (``make storey-renders``, folder ``data/rendered_storeys/test``) and are
no part of the repository; the real photos lie beside it. What is not in reach is null, with why.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from detection.detectors.manifest import MODELS_DIR, ModelManifest, select_manifests
from detection.detectors.registry import load_detector
from detection.domain.errors import HazardLensError, ModelError
from detection.domain.hazard import HazardClass
from detection.domain.photo import Flight, FlightKind
from detection.ingest.flight import read_flight
from detection.pipeline import detect_photos
from detection.settings import load_settings
from training.data.sources import load_yolo_folder
from training.evaluation.answers import RANKING_FLOOR
from training.evaluation.evaluate import answer_photos, evaluate_answers
from training.settings import REPOSITORY_DIR, find_shared_dir

MODELS = ("added_storey", "added_storey@candidate")
"""The model in force, or else the one that waits for it."""
RENDERS_DIR = REPOSITORY_DIR / "data" / "rendered_storeys" / "test"
"""Chose neither epoch nor threshold, as val did."""
FLIGHTS = (
    "minsk_oblique_fc220",
    "turin_nadir_p4m_rtk",
    "sheffield_park_fc300s_800px/passA_heading90",
    "sheffield_park_fc300s_800px/passB_heading180",
)
Figures = dict[str, float | str | None]


def measure_single_photo(renders_dir: Path = RENDERS_DIR) -> Figures:
    """Return ``map50_synthetic`` and ``per_real_photo``; null, and ``why``, without photos."""
    figures: Figures = {"map50_synthetic": None, "per_real_photo": None}
    try:
        manifest = choose_model()
        figures["per_real_photo"] = round(count_alarms(manifest, read_real_flights()), 3)
        figures["map50_synthetic"] = round(measure_renders(manifest, renders_dir), 4)
    except HazardLensError as error:
        figures["why"] = str(error)
    return figures


def choose_model() -> ModelManifest:
    """Return the first of `MODELS` that there is."""
    *others, last = MODELS
    for name in others:
        try:
            return select_manifests((name,), MODELS_DIR)[0]
        except ModelError:
            continue
    return select_manifests((last,), MODELS_DIR)[0]


def read_real_flights() -> list[Flight]:
    """Return the real drone flights with their poses; no photo is known to show an addition."""
    folder = find_shared_dir(None) / "flights"
    return [read_flight(folder / name, FlightKind.DRONE, name) for name in FLIGHTS]


def count_alarms(manifest: ModelManifest, flights: Sequence[Flight]) -> float:
    """Return the boxes per photo at the shipped threshold, through the deployed pipeline."""
    detector, settings = load_detector(manifest), load_settings()
    results = [
        result
        for flight in flights
        for result in detect_photos(flight.photos, [detector], settings)
    ]
    return sum(len(result.detections) for result in results) / len(results)


def measure_renders(manifest: ModelManifest, folder: Path) -> float:
    """Return the AP at IoU 0.5 on held-out renders: deployed tiles and merge, no score floor."""
    classes = {0: HazardClass.ADDED_STOREY}
    photos = load_yolo_folder(folder, classes, dataset="rendered_storeys", split="val")
    ranking = replace(manifest, score_floor=RANKING_FLOOR)
    answers = answer_photos(load_detector(ranking), photos, tiled=True)
    evaluation = evaluate_answers(answers, manifest, manifest.thresholds, tiled=True)
    return evaluation.map50 or 0.0


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure_single_photo()) + "\n")
