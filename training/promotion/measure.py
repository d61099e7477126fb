"""Everything that is measured of an exported model before it may be shipped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detection.detectors.base import Detector
from detection.detectors.manifest import ModelManifest
from detection.detectors.registry import load_detector
from detection.domain.finding import Detection
from detection.domain.hazard import HazardClass
from training.composed_settings import FlightPart
from training.data.annotation import AnnotatedPhoto
from training.data.negatives import list_flight
from training.evaluation.answers import LOWEST_THRESHOLD
from training.evaluation.evaluate import (
    RANKING_FLOOR,
    Evaluation,
    PhotoAnswer,
    answer_photos,
    evaluate_answers,
    show_boxes,
)
from training.promotion.export import Parity
from training.promotion.thresholds import choose_thresholds
from training.record import hash_file
from training.settings import TrainingSettings


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """An ONNX file with the settings of its run and its distance from the checkpoint.

    ``earlier_flights`` are those that the runs before it were trained on.
    """

    settings: TrainingSettings
    onnx_path: Path
    parity: Parity
    earlier_flights: tuple[FlightPart, ...] = ()


@dataclass(frozen=True, slots=True)
class FlightAlarms:
    """Boxes per class at the shipped thresholds on a flight without known defects.

    ``megapixels`` are those of all its photos; ``listed`` holds every box of a hazard class.
    """

    flight: str
    trained_on: str
    photos: int
    boxes: Mapping[HazardClass, int]
    megapixels: float = 0.0
    listed: tuple[Detection, ...] = ()

    @property
    def hazards(self) -> int:
        """Boxes of hazard classes."""
        return sum(count for key, count in self.boxes.items() if key.is_hazard)

    @property
    def hazards_per_photo(self) -> float:
        """Boxes of hazard classes per photo, whatever its size."""
        return self.hazards / self.photos

    @property
    def hazards_per_12_mp(self) -> float | None:
        """Boxes of hazard classes per 12 megapixels, one photo of a common drone."""
        return self.hazards * 12 / self.megapixels if self.megapixels else None


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
    detector = load_detector(manifest, precision="fp32")  # what every processor computes
    # A flight has thousands of tiles: what no threshold could show is not kept.
    floor = min([LOWEST_THRESHOLD, *given.values()])
    surveyor = load_detector(replace(manifest, score_floor=floor), precision="fp32")
    deployed = answer_photos(detector, val, tiled=True)
    background = {
        flight: _answer_flight(surveyor, shared_dir, flight)
        for flight in settings.background_flights
    }
    quiet = [answer for answers in background.values() for answer in answers]
    limits = choose_thresholds(deployed, quiet, manifest, settings.thresholds) | dict(given)
    trained = (*settings.trained_flights(), *model.earlier_flights)
    flights = [
        *(
            _count(flight, "same ground, used to choose thresholds", answers, manifest, limits)
            for flight, answers in background.items()
        ),
        *(
            _count(
                flight,
                describe_acquaintance(trained, flight),
                _answer_flight(surveyor, shared_dir, flight),
                manifest,
                limits,
            )
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
        task=settings.task,
        classes=settings.classes,
        thresholds=dict.fromkeys(settings.classes, RANKING_FLOOR),
        score_floor=RANKING_FLOOR,
        tile_px=settings.tile_px,
        weights_path=onnx_path,
        weights_sha256=hash_file(onnx_path),
        format="onnx",
        finest_gsd_m=settings.finest_gsd_m,
        coarsest_gsd_m=settings.coarsest_gsd_m,
        starts_at_gsd_m=settings.starts_at_gsd_m,
        mask_cut=settings.mask_cut,
    )


def describe_acquaintance(trained: Iterable[FlightPart], flight: FlightPart) -> str:
    """Return whether a measured flight, or other photos of it, were trained on, for the card."""
    same = [part for part in trained if part.flight == flight.flight]
    labels = ", ".join(dict.fromkeys(part.label for part in same))
    if any(part.overlaps(flight) for part in same):
        return f"yes, in an earlier stage: {labels}"
    return f"other photos of it: {labels}" if same else "no"


def _answer_flight(detector: Detector, shared_dir: Path, flight: FlightPart) -> list[PhotoAnswer]:
    photos = list_flight(
        shared_dir / flight.flight,
        dataset=flight.flight.name,
        split="val",
        photos=flight.photos,
    )
    return answer_photos(detector, photos, tiled=True)


def _count(
    flight: FlightPart,
    trained_on: str,
    answers: Sequence[PhotoAnswer],
    manifest: ModelManifest,
    thresholds: Mapping[HazardClass, float],
) -> FlightAlarms:
    shown = [box for answer in answers for box in show_boxes(answer, manifest, thresholds)]
    counts = {
        key: sum(box.detection.hazard_class is key for box in shown) for key in manifest.classes
    }
    return FlightAlarms(
        flight.label,
        trained_on,
        len(answers),
        counts,
        sum(answer.photo.width_px * answer.photo.height_px for answer in answers) / 1e6,
        tuple(box.detection for box in shown if box.detection.hazard_class.is_hazard),
    )
