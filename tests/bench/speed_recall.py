"""What a setting that looks less loses: its boxes against those of the exhaustive run.

``detect_boxes`` runs the shipped pipeline, ``match_boxes`` counts which boxes of a reference were
found again, ``compare_settings`` puts both together with an exact interval. As a program it prints
one line for each set of photos and one JSON object last; settings are given as ``name=value``:

    python -m tests.bench.speed_recall precision=bf16 tile_factor=2 --set mosaics:dev
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from detection.detectors.base import Detector
from detection.detectors.manifest import MODELS_DIR, ModelManifest, select_manifests
from detection.detectors.registry import Precision, load_detector
from detection.domain.finding import Detection
from detection.domain.geometry import compute_iou
from detection.domain.photo import Flight, FlightKind, Photo
from detection.ingest.flight import read_flight
from detection.pipeline import detect_photos
from detection.settings import DetectionSettings, load_settings
from tests.bench.mosaics import KnownBox, find_mosaics, read_known
from training.settings import find_shared_dir

IOU = 0.5
FLIGHTS = {
    "minsk": "minsk_oblique_fc220",
    "turin": "turin_nadir_p4m_rtk",
    "sheffield": "sheffield_park_fc300s_800px/passB_heading180",
}
MOSAICS = ("mosaics:dev", "mosaics:report")

Found = Mapping[str, Sequence[Detection]]
Known = Mapping[str, Sequence[Detection | KnownBox]]


@dataclass(frozen=True, slots=True)
class Loss:
    """How many boxes of a reference were found again, and how many were found besides."""

    matched: int
    total: int
    extra: int

    def tell(self) -> dict[str, float | int | list[float] | None]:
        """Return the figures with the exact 95 % interval of the share."""
        counts = {"matched": self.matched, "total": self.total, "extra": self.extra}
        if not self.total:
            return {**counts, "recall": None, "ci95": None}
        exact = binomtest(self.matched, self.total).proportion_ci(method="exact")
        interval = [round(float(exact.low), 4), round(float(exact.high), 4)]
        return {**counts, "recall": round(self.matched / self.total, 4), "ci95": interval}


def exhaustive_settings(**changes: object) -> DetectionSettings:
    """Return the settings of an exhaustive run: FP32, trained tiles, full size, everything."""
    return load_settings(None, **({"exhaustive": True} | changes))


def read_photos(name: str, *, kind: FlightKind = FlightKind.DRONE) -> Flight:
    """Return a set by name: a real flight of `FLIGHTS`, one of `MOSAICS`, or any folder."""
    if name in MOSAICS:
        return read_flight(_find_canvases(name), kind, name)
    if name in FLIGHTS:
        return read_flight(find_shared_dir(None) / "flights" / FLIGHTS[name], kind, name)
    return read_flight(Path(name), kind, name)


def _find_canvases(name: str) -> Path:
    return find_mosaics("dev" if name.endswith("dev") else "report")


def load_detectors(settings: DetectionSettings, models_dir: Path = MODELS_DIR) -> list[Detector]:
    """Return the detectors that the command line would run with these settings.

    Where INT8 is asked for, a model that ships none is run as ``auto`` would run it.
    """
    return [
        load_detector(
            manifest,
            runtime=settings.runtime,
            streams=settings.streams,
            threads=settings.threads,
            precision=_choose_precision(manifest, settings),
            device=settings.device,
            batch=settings.batch,
        )
        for manifest in select_manifests(settings.models, models_dir)
    ]


def _choose_precision(manifest: ModelManifest, settings: DetectionSettings) -> Precision:
    if settings.precision == "int8" and manifest.int8_weights_path is None:
        return "auto"
    return settings.precision


def detect_boxes(
    photos: Iterable[Photo],
    settings: DetectionSettings,
    *,
    models_dir: Path = MODELS_DIR,
    detectors: Sequence[Detector] | None = None,
    use_thresholds: bool = True,
) -> dict[str, tuple[Detection, ...]]:
    """Return the boxes of each photo by its id, as the shipped pipeline finds them.

    Boxes are those at the shipped thresholds; without ``use_thresholds`` all from the floor up.
    """
    chosen = load_detectors(settings, models_dir) if detectors is None else detectors
    results = detect_photos(photos, chosen, settings, use_thresholds=use_thresholds)
    return {
        result.photo.photo_id: tuple(placed.detection for placed in result.detections)
        for result in results
    }


def match_boxes(reference: Known, found: Found, iou: float = IOU) -> tuple[int, int]:
    """Return how many boxes of the reference were found again, and how many there are.

    One box answers for one: pairs of the same photo and class, the best overlap first.
    """
    pairs = [
        _match_photo(boxes, found.get(photo_id, ()), iou) for photo_id, boxes in reference.items()
    ]
    return sum(pairs), sum(len(boxes) for boxes in reference.values())


def _match_photo(
    reference: Sequence[Detection | KnownBox], found: Sequence[Detection], iou: float
) -> int:
    if not reference or not found:
        return 0
    overlap = compute_iou(
        np.array([_corners(one) for one in reference]), np.array([_corners(one) for one in found])
    )
    same = [[a.hazard_class is b.hazard_class for b in found] for a in reference]
    overlap = np.where(same, overlap, 0.0)
    matched = 0
    while overlap.size and overlap.max() >= iou:
        row, column = np.unravel_index(int(overlap.argmax()), overlap.shape)
        overlap[row, :], overlap[:, column] = 0.0, 0.0
        matched += 1
    return matched


def _corners(one: Detection | KnownBox) -> tuple[float, float, float, float]:
    return one.box.xyxy if isinstance(one, KnownBox) else one.bbox_xyxy.xyxy


def measure_loss(reference: Known, found: Found, iou: float = IOU) -> Loss:
    """Return how many boxes of the reference were found again and how many came besides."""
    matched, total = match_boxes(reference, found, iou)
    return Loss(matched, total, sum(map(len, found.values())) - matched)


def keep_things(boxes: Known, prefix: str) -> dict[str, list[Detection | KnownBox]]:
    """Return only the boxes whose class begins with ``prefix``, such as ``manhole``."""
    return {
        name: [one for one in rows if one.hazard_class.value.startswith(prefix)]
        for name, rows in boxes.items()
    }


def compare_settings(
    name: str, settings: DetectionSettings, *, models_dir: Path = MODELS_DIR
) -> dict[str, Any]:
    """Return what ``settings`` find of the exhaustive run's boxes on one set of photos.

    On mosaics also what either finds of the boxes that were put there.
    """
    photos = read_photos(name).photos
    full = detect_boxes(photos, exhaustive_settings(models=settings.models), models_dir=models_dir)
    less = detect_boxes(photos, settings, models_dir=models_dir)
    figures: dict[str, Any] = {"photos": len(photos), "all": measure_loss(full, less).tell()}
    for thing in ("manhole", "facade_crack", "added_storey"):
        figures[thing] = measure_loss(keep_things(full, thing), _keep(less, thing)).tell()
    if name in MOSAICS:
        known = read_known(_find_canvases(name))
        figures["known_exhaustive"] = measure_loss(known, full).tell()
        figures["known"] = measure_loss(known, less).tell()
    return figures


def _keep(found: Found, prefix: str) -> dict[str, list[Detection]]:
    return {
        name: [one for one in rows if one.hazard_class.value.startswith(prefix)]
        for name, rows in found.items()
    }


def main(given: Sequence[str] | None = None) -> None:
    """Compare settings with the exhaustive run and write the figures to standard output."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", nargs="*", help="name=value; none: the defaults")
    parser.add_argument("--set", action="append", dest="sets", help="photos; may be repeated")
    parser.add_argument("--models-dir", type=Path, default=MODELS_DIR)
    options = parser.parse_args(given)
    changes = dict(one.split("=", 1) for one in options.settings)
    settings = load_settings(None, **changes)
    figures = {}
    for name in options.sets or ["minsk", "mosaics:dev"]:
        figures[name] = compare_settings(name, settings, models_dir=options.models_dir)
        sys.stdout.write(f"{name}: {json.dumps(figures[name])}\n")
        sys.stdout.flush()
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
