"""What a worker process holds: the database, the files, and the models, loaded once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock

from sqlalchemy.orm import Session, sessionmaker

from detection.detectors.base import Detector
from detection.detectors.manifest import select_manifests
from detection.detectors.registry import load_detector
from detection.settings import DetectionSettings, config_hash, load_settings
from serving.flights.results import RunIdentity
from serving.settings import ServingSettings
from serving.storage.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """The detectors with the settings they run under and what identifies their results."""

    detectors: tuple[Detector, ...]
    settings: DetectionSettings
    run: RunIdentity


@dataclass(slots=True)
class WorkerContext:
    """Handed to every job. Models are loaded by the first job that needs them.

    ``stopping`` is set when the process was asked to end: jobs then stop after their photo.
    """

    settings: ServingSettings
    sessions: sessionmaker[Session]
    store: ObjectStore
    stopping: Event = field(default_factory=Event)
    _models: LoadedModels | None = None
    _lock: Lock = field(default_factory=Lock)

    def models(self) -> LoadedModels:
        """Return the loaded models.

        Raises:
            ModelError: a manifest or its weights are missing or damaged.
            ConfigurationError: a setting of detection cannot be used.
        """
        with self._lock:
            if self._models is None:
                self._models = load_models(self.settings.models_dir)
            return self._models


def load_models(models_dir: Path) -> LoadedModels:
    """Load every model that the detection settings name.

    Raises:
        ModelError: a manifest or its weights are missing or damaged.
        ConfigurationError: a setting of detection cannot be used.
    """
    settings = load_settings()
    manifests = select_manifests(settings.models, models_dir)
    detectors = tuple(
        load_detector(manifest, runtime=settings.runtime, streams=settings.streams)
        for manifest in manifests
    )
    thresholds = {
        (manifest.name, hazard_class): threshold
        for manifest in manifests
        for hazard_class, threshold in manifest.thresholds.items()
    }
    return LoadedModels(
        detectors, settings, RunIdentity(config_hash(settings, manifests), thresholds)
    )
