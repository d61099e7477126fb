"""The models folder to loaded detectors, and whether it changed since."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detection.calibration import CalibrationSet
from detection.detectors.base import Detector
from detection.detectors.devices import find_device
from detection.detectors.manifest import ModelManifest, list_versions, select_manifests
from detection.detectors.registry import check_trust, choose_weights, load_detector
from detection.domain.errors import HazardLensError
from detection.domain.photo import Photo
from detection.settings import DetectionSettings, config_hash, load_settings
from serving.flights.results import RunIdentity

logger = logging.getLogger(__name__)

WATCHED = ("*.yaml", "versions/*/*.yaml", "trusted_keys/*.pub")

FolderStamp = tuple[tuple[str, int, int, int], ...]
"""Name, time of change, size and inode of every file that says what is in force."""


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """The detectors with the settings they run under and what identifies their results."""

    detectors: tuple[Detector, ...]
    settings: DetectionSettings
    run: RunIdentity

    def identify(self, photo: Photo, calibrations: CalibrationSet) -> RunIdentity:
        """Return with what one photo is looked at: the thresholds of its camera go first."""
        manifests = [detector.manifest for detector in self.detectors]
        limits = calibrations.limits_for(photo, manifests)
        if not limits:
            return self.run
        held = [
            replace(one, thresholds={**one.thresholds, **limits.get(one.name, {})})
            for one in manifests
        ]
        own = CalibrationSet(calibrations.find_for(photo))
        return RunIdentity(
            config_hash(self.settings, held, calibration=own.digest()),
            {(one.name, key): score for one in held for key, score in one.thresholds.items()},
            {
                (one.name, key): int(own.name_for(photo, one, key))
                for one in manifests
                for key in limits.get(one.name, {})
            },
        )


def stamp_folder(models_dir: Path) -> FolderStamp:
    """Return what changes as soon as something else is in force; weights are not opened."""
    found = []
    for pattern in WATCHED:
        for path in models_dir.glob(pattern):
            with contextlib.suppress(OSError):  # gone meanwhile
                state = path.stat()
                found.append((str(path), state.st_mtime_ns, state.st_size, state.st_ino))
    return tuple(sorted(found))


def load_models(models_dir: Path, loaded: Sequence[LoadedModels] = ()) -> LoadedModels:
    """Load every model that the detection settings name; ``loaded`` ones are not loaded again.

    Raises:
        ModelError: a manifest or its weights are missing or damaged, or a signature is refused.
        ConfigurationError: a setting of detection cannot be used.
    """
    settings = load_settings()
    return _load(settings, select_manifests(settings.models, models_dir), loaded)


def load_shadows(models_dir: Path, loaded: Sequence[LoadedModels] = ()) -> list[LoadedModels]:
    """Load each shadow model by itself; one that cannot be loaded is told of and left out."""
    shadows = []
    try:
        settings = load_settings()
        waiting = [model for model in list_versions(models_dir) if model.status == "shadow"]
    except HazardLensError as error:
        logger.error("the shadow models cannot be listed: %s", error)  # noqa: TRY400 - no bug
        return []
    for manifest in waiting:
        try:
            shadows.append(_load(settings, [manifest], loaded))
        except HazardLensError as error:
            logger.error("the shadow model %s is left out: %s", manifest.name, error)  # noqa: TRY400 - no bug
    return shadows


def _load(
    settings: DetectionSettings,
    manifests: Sequence[ModelManifest],
    loaded: Sequence[LoadedModels],
) -> LoadedModels:
    known = {
        _identify(detector.manifest): detector
        for one in loaded
        if one.settings == settings
        for detector in one.detectors
    }
    detectors = tuple(_take_or_load(manifest, settings, known) for manifest in manifests)
    chosen = [detector.manifest for detector in detectors]
    thresholds = {
        (manifest.name, hazard_class): threshold
        for manifest in chosen
        for hazard_class, threshold in manifest.thresholds.items()
    }
    return LoadedModels(detectors, settings, RunIdentity(config_hash(settings, chosen), thresholds))


def _take_or_load(
    manifest: ModelManifest,
    settings: DetectionSettings,
    known: dict[tuple[str, str, str, str], Detector],
) -> Detector:
    check_trust(manifest, require_signed=settings.require_signed_models)
    device = find_device(settings.runtime, settings.device)
    chosen = choose_weights(manifest, settings.precision, runtime=settings.runtime, device=device)
    detector = known.get(_identify(chosen))
    return detector or load_detector(
        manifest,
        runtime=settings.runtime,
        streams=settings.streams,
        threads=settings.threads,
        precision=settings.precision,
        require_signed=settings.require_signed_models,
        device=settings.device,
        batch=settings.batch,
    )


def _identify(manifest: ModelManifest) -> tuple[str, str, str, str]:
    return manifest.name, manifest.version, manifest.weights_sha256, manifest.precision
