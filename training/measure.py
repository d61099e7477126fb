"""Everything that is measured of an exported model before it may be shipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from detection.detectors.base import Detector
from detection.detectors.manifest import ModelManifest
from detection.detectors.registry import load_detector
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto
from training.data.negatives import list_flight
from training.evaluate import (
    RANKING_FLOOR,
    Evaluation,
    PhotoAnswer,
    answer_photos,
    evaluate_answers,
    show_boxes,
)
from training.export import Parity
from training.record import hash_file
from training.settings import TrainingSettings
from training.thresholds import choose_thresholds


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """An ONNX file with the settings of its run and its distance from the checkpoint."""

    settings: TrainingSettings
    onnx_path: Path
    parity: Parity


@dataclass(frozen=True, slots=True)
class FlightAlarms:
    """Boxes per class at the shipped thresholds on a flight without known defects."""

    flight: str
    trained_on: str
    photos: int
    boxes: Mapping[HazardClass, int]

    @property
    def hazards_per_photo(self) -> float:
        """Boxes of hazard classes per photo."""
        return sum(count for key, count in self.boxes.items() if key.is_hazard) / self.photos


@dataclass(frozen=True, slots=True)
class Measured:
    """Thresholds and figures of one model.

    ``deployed`` is val through tiles, thresholds and merge; ``whole`` the same photos each in
    one tile, the usual way of reporting.
    """

    thresholds: Mapping[HazardClass, float]
    deployed: Evaluation
    whole: Evaluation
    flights: tuple[FlightAlarms, ...]
    parity: Parity


def measure_model(
    model: ExportedModel,
    val: Sequence[AnnotatedPhoto],
    shared_dir: Path,
    given: Mapping[HazardClass, float],
) -> Measured:
    """Measure a model on val and on the flights of its configuration.

    Thresholds that are not ``given`` are chosen on ``val`` under the caps of the background
    flights; the unseen flights are measured last and choose nothing.
    """
    settings = model.settings
    manifest = build_manifest(settings, model.onnx_path)
    detector = load_detector(manifest)
    deployed = answer_photos(detector, val, tiled=True)
    background = {
        flight: _answer_flight(detector, shared_dir, flight)
        for flight in settings.background_flights
    }
    quiet = [answer for answers in background.values() for answer in answers]
    limits = choose_thresholds(deployed, quiet, manifest, settings.thresholds) | dict(given)
    flights = [
        *(
            _count(flight, "same ground, used to choose thresholds", answers, manifest, limits)
            for flight, answers in background.items()
        ),
        *(
            _count(flight, "no", _answer_flight(detector, shared_dir, flight), manifest, limits)
            for flight in settings.unseen_flights
        ),
    ]
    whole = answer_photos(detector, val, tiled=False)
    return Measured(
        thresholds=limits,
        deployed=evaluate_answers(deployed, manifest, limits, tiled=True),
        whole=evaluate_answers(whole, manifest, limits, tiled=False),
        flights=tuple(flights),
        parity=model.parity,
    )


def build_manifest(settings: TrainingSettings, onnx_path: Path) -> ModelManifest:
    """Return the manifest of a model that is still being measured: nothing is held back."""
    return ModelManifest(
        name=settings.name,
        task="detect",
        classes=settings.classes,
        thresholds=dict.fromkeys(settings.classes, RANKING_FLOOR),
        score_floor=RANKING_FLOOR,
        tile_px=settings.tile_px,
        weights_path=onnx_path,
        weights_sha256=hash_file(onnx_path),
        format="onnx",
    )


def _answer_flight(detector: Detector, shared_dir: Path, flight: Path) -> list[PhotoAnswer]:
    photos = list_flight(shared_dir / flight, dataset=flight.name, split="val")
    return answer_photos(detector, photos, tiled=True)


def _count(
    flight: Path,
    trained_on: str,
    answers: Sequence[PhotoAnswer],
    manifest: ModelManifest,
    thresholds: Mapping[HazardClass, float],
) -> FlightAlarms:
    shown = [box for answer in answers for box in show_boxes(answer, manifest, thresholds)]
    counts = {
        key: sum(box.detection.hazard_class is key for box in shown) for key in manifest.classes
    }
    return FlightAlarms("/".join(flight.parts[1:]), trained_on, len(answers), counts)
