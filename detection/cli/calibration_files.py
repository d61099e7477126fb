"""Thresholds of cameras given to `hazardlens detect`, and what of them does nothing here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

from detection.calibration import (
    Calibration,
    CalibrationSet,
    camera_of,
    load_calibration_settings,
    read_calibrations,
)
from detection.calibration.document import CalibrationFileError
from detection.detectors.manifest import ModelManifest
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo

Applied = dict[tuple[str, str, HazardClass], tuple[float, str]]
"""Photo, model and class to the score that held there and the calibration that said so."""


def load_calibration_files(paths: Sequence[Path]) -> CalibrationSet:
    """Read the files given with --calibration.

    Raises:
        CalibrationFileError: one cannot be read or is no calibration.
    """
    return read_calibrations(paths)


def check_guarded(calibrations: CalibrationSet, manifests: Sequence[ModelManifest]) -> None:
    """Refuse a higher threshold of a guarded class that no engineer confirmed.

    Raises:
        CalibrationFileError: a file holds one; what it says of the model's own is not believed.
    """
    guarded = load_calibration_settings().guarded
    for one in calibrations.calibrations:
        for manifest, part in product(manifests, one.thresholds):
            key, own = part.hazard_class, one.limits_for(manifest)
            if key not in guarded or key not in own or part.raise_confirmed:
                continue
            if own[key] > manifest.thresholds.get(key, 1.0):
                message = (
                    f"Calibration {one.name} raises the threshold of {key.value} from "
                    f"{manifest.thresholds[key]:g} to {own[key]:g}, and no engineer confirmed it."
                )
                remedy = "Confirm it on the page of the calibration and download the file again."
                raise CalibrationFileError(message, remedy=remedy)


def list_site_bound(calibrations: CalibrationSet) -> Iterator[str]:
    """Yield a line for each threshold that was applied for one site: a folder names none."""
    for one in calibrations.calibrations:
        for part in one.thresholds:
            if part.site is not None:
                yield (
                    f"Calibration {one.name}: {part.threshold:g} for {part.hazard_class.value} was "
                    f"applied for the site {part.site} alone, and holds here all the same. For "
                    "photos of another site leave the file out."
                )


def list_idle_calibrations(
    calibrations: CalibrationSet, photos: Sequence[Photo], manifests: Sequence[ModelManifest]
) -> Iterator[str]:
    """Yield a line for each calibration that changes nothing in this flight, and why."""
    cameras = {camera_of(photo) for photo in photos}
    for one in calibrations.calibrations:
        if one.camera not in cameras:
            yield (
                f"Calibration {one.name} is for the camera {one.camera.key}: no photo of this "
                "flight comes from it, the thresholds of the models hold."
            )
        elif not any(one.limits_for(manifest) for manifest in manifests):
            yield (
                f"Calibration {one.name} is for {_name_models(one)}: another version runs here, "
                "the thresholds of the models hold. Calibrate the camera anew."
            )


def list_applied(
    calibrations: CalibrationSet, photos: Sequence[Photo], manifests: Sequence[ModelManifest]
) -> Applied:
    """Return where a calibration spoke in place of a model, photo by photo."""
    found: Applied = {}
    for photo in photos:
        limits = calibrations.limits_for(photo, manifests)
        for manifest in manifests:
            for key, score in limits.get(manifest.name, {}).items():
                name = calibrations.name_for(photo, manifest, key)
                found[photo.photo_id, manifest.name, key] = (score, name)
    return found


def _name_models(one: Calibration) -> str:
    return ", ".join(sorted({f"{part.model}@{part.version}" for part in one.thresholds}))
