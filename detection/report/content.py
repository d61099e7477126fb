"""What a report says, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from detection.domain.finding import Candidate, Detection, GeoDetection
from detection.domain.hazard import HazardClass
from detection.domain.photo import FlightKind, IngestFailure, Photo
from detection.taxonomy import load_taxonomy

CLASS_COLORS: Mapping[HazardClass, str] = {
    HazardClass.MANHOLE_MISSING: "#d1242f",
    HazardClass.MANHOLE_BROKEN: "#d9730d",
    HazardClass.MANHOLE_OK: "#2c8a4b",
    HazardClass.FACADE_CRACK: "#8250df",
    HazardClass.ADDED_STOREY: "#0969da",
    HazardClass.DEMOLISHED: "#8a6d3b",
}
"""One colour per class, in crops, map and page alike."""


@dataclass(frozen=True, slots=True)
class ReportModel:
    """A model that looked at the flight, and from which score it was believed."""

    name: str
    weights_sha256: str
    tile_px: int
    thresholds: Mapping[HazardClass, float]
    trained_at: str


@dataclass(frozen=True, slots=True)
class FlightReport:
    """Everything that the files of a report are written from.

    ``photos`` are those whose header could be read, ``detections`` all that was found in them
    (intact covers too), ``failures`` the files that could not be used. ``config`` is the resolved
    configuration, ``config_hash`` its sha256. ``seconds`` is the time of this run. ``implausible``
    counts the boxes left out because their size on the ground is impossible for their class,
    ``other_files`` the files of the folder that are no photos by their name. ``applied`` holds,
    by photo, model and class, the score of a calibration that went before the model's threshold,
    and the name of the calibration. ``left_out`` are the photos that nobody looked at, because
    ``views`` good ones (or all that there are) show what they show. ``skipped_tiles`` are the
    tiles that a model did not look at, because their ground is too far away for it.
    """

    name: str
    kind: FlightKind
    photos: tuple[Photo, ...]
    detections: tuple[GeoDetection, ...]
    candidates: tuple[Candidate, ...]
    failures: tuple[IngestFailure, ...]
    models: tuple[ReportModel, ...]
    config: Mapping[str, object]
    config_hash: str
    created_at: datetime
    seconds: float
    tiles: int
    implausible: int = 0
    other_files: int = 0
    applied: Mapping[tuple[str, str, HazardClass], tuple[float, str]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    views: int = 0
    skipped_tiles: int = 0

    def threshold_of(self, found: Detection) -> tuple[float | None, str | None]:
        """Return the score from which a detection was shown, and the calibration that said so."""
        own = self.applied.get((found.photo_id, found.model_name, found.hazard_class))
        if own is not None:
            return own
        models = (one for one in self.models if one.name == found.model_name)
        return next((one.thresholds.get(found.hazard_class) for one in models), None), None

    @property
    def photos_looked_at(self) -> tuple[Photo, ...]:
        """The photos whose pixels could be read as well."""
        broken = {failure.photo_id for failure in self.failures}
        return tuple(photo for photo in self.photos if photo.photo_id not in broken)


def rank_candidates(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates in the order in which a person should look at them.

    First what the taxonomy says deserves attention first, then the higher score.
    """
    taxonomy = load_taxonomy()
    return sorted(
        candidates,
        key=lambda one: (taxonomy[one.hazard_class].attention_order, -one.score, one.key),
    )


def count_classes(detections: Iterable[GeoDetection]) -> dict[HazardClass, int]:
    """Return how many detections each class has, in the order of the taxonomy's attention."""
    taxonomy = load_taxonomy()
    found = [geo.detection.hazard_class for geo in detections]
    ranked = sorted(set(found), key=lambda key: taxonomy[key].attention_order)
    return {key: found.count(key) for key in ranked}
