"""Thresholds of one camera as a file, and what of them holds for a photo."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detection.calibration.camera import Camera, camera_of
from detection.calibration.model import ScoringModel
from detection.domain.errors import InvalidInputError
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo

Score = Annotated[float, Field(gt=0.0, lt=1.0)]


class CalibrationFileError(InvalidInputError):
    """A file of thresholds that cannot be used."""

    code = "calibration_unreadable"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CameraPart(_Part):
    """A camera in a file."""

    model: Annotated[str, Field(min_length=1, max_length=120)]
    long_px: Annotated[int, Field(gt=0)]
    short_px: Annotated[int, Field(gt=0)]
    focal_mm: int | None = None


class ThresholdPart(_Part):
    """The score from which a class is shown, for one version of a model and no other.

    ``raise_confirmed``: an engineer confirmed that the threshold of a guarded class rises.
    ``site``: it was applied for flights of that site alone.
    """

    model: str
    version: str
    hazard_class: HazardClass
    threshold: Score
    model_threshold: Score
    raise_confirmed: bool = False
    site: Annotated[str | None, Field(min_length=1, max_length=200)] = None


class CalibrationDocument(_Part):
    """The whole file, as the page of a calibration gives it out."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    calibration: Annotated[str, Field(min_length=1, max_length=80)]
    camera: CameraPart
    thresholds: Annotated[tuple[ThresholdPart, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds that were applied for one camera; ``name`` says which calibration said so."""

    name: str
    camera: Camera
    thresholds: tuple[ThresholdPart, ...]

    def limits_for(self, manifest: ScoringModel) -> dict[HazardClass, float]:
        """Return the scores of this model; none where it is another version: scores differ."""
        return {
            part.hazard_class: part.threshold
            for part in self.thresholds
            if (part.model, part.version) == (manifest.name, manifest.version)
            and part.hazard_class in manifest.classes
        }


Limits = dict[str, dict[HazardClass, float]]
"""Scores by class by name of the model, where they differ from the model's own."""


@dataclass(frozen=True, slots=True)
class CalibrationSet:
    """The calibrations in force; of two of one camera the later speaks, class by class."""

    calibrations: tuple[Calibration, ...] = ()

    def find_for(self, photo: Photo) -> tuple[Calibration, ...]:
        """Return those of the camera of a photo."""
        camera = camera_of(photo)
        return tuple(
            one for one in self.calibrations if camera is not None and one.camera == camera
        )

    def limits_for(self, photo: Photo, manifests: Iterable[ScoringModel]) -> Limits:
        """Return the scores that hold for a photo where they are not the models' own."""
        found: Limits = {}
        own = self.find_for(photo)
        for manifest in manifests:
            limits = {key: score for one in own for key, score in one.limits_for(manifest).items()}
            if limits:
                found[manifest.name] = limits
        return found

    def name_for(self, photo: Photo, manifest: ScoringModel, key: HazardClass) -> str:
        """Return the name of the calibration whose score a class has in a photo; empty: none."""
        names = [one.name for one in self.find_for(photo) if key in one.limits_for(manifest)]
        return names[-1] if names else ""

    def digest(self) -> str:
        """Return the sha256 of all that decides results; empty where there is nothing."""
        if not self.calibrations:
            return ""
        parts = [
            {
                "camera": one.camera.key,
                "thresholds": [
                    p.model_dump(mode="json", exclude_none=True) for p in one.thresholds
                ],
            }
            for one in self.calibrations
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def document_from_calibration(calibration: Calibration) -> dict[str, object]:
    """Return a calibration as the JSON document that ``hazardlens detect`` reads."""
    camera = calibration.camera
    return {
        "schema": 1,
        "calibration": calibration.name,
        "camera": {
            "model": camera.model,
            "long_px": camera.long_px,
            "short_px": camera.short_px,
            "focal_mm": camera.focal_mm,
        },
        "thresholds": [
            part.model_dump(mode="json", exclude_none=True) for part in calibration.thresholds
        ],
    }


def calibration_from_document(value: Mapping[str, object]) -> Calibration:
    """Return the calibration that a document describes.

    Raises:
        ValidationError: a part is missing, unknown or out of range.
    """
    read = CalibrationDocument.model_validate(value)
    camera = Camera(**read.camera.model_dump())
    return Calibration(read.calibration, camera, read.thresholds)


def read_calibrations(paths: Iterable[Path]) -> CalibrationSet:
    """Read files of thresholds; of two of one camera the later one speaks.

    Raises:
        CalibrationFileError: a file cannot be read or is none; the message names it.
    """
    return CalibrationSet(tuple(_read_one(path) for path in paths))


def _read_one(path: Path) -> Calibration:
    remedy = "Download the file from the page of the calibration again."
    try:
        return calibration_from_document(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        message = f"{path} is no calibration: {name}: {first['msg']}."
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, TypeError) as error:
        message = f"The calibration {path} cannot be read: {error}."
    raise CalibrationFileError(message, remedy=remedy)
