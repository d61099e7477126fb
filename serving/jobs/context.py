"""What a worker process holds: the database, the files, and the models of the present."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from threading import Event, Lock

import numpy as np
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.errors import HazardLensError
from detection.looks import plan_looks
from serving.jobs.change_process import compare_apart
from serving.jobs.change_result import CompareFlights
from serving.jobs.loading import (
    FolderStamp,
    LoadedModels,
    load_models,
    load_shadows,
    stamp_folder,
)
from serving.jobs.model_trail import record_models
from serving.settings import ServingSettings
from serving.storage.objects import ObjectStore

logger = logging.getLogger(__name__)

USUAL_PX = (4000, 3000)
"""Width and height of what most cameras of drones and phones write."""


@dataclass(slots=True)
class WorkerContext:
    """Handed to every job. Models are loaded by the first job that needs them.

    ``stopping`` is set when the process was asked to end: jobs then stop after their photo.
    ``compare`` compares two flights, in a process of its own.
    """

    settings: ServingSettings
    sessions: sessionmaker[Session]
    store: ObjectStore
    stopping: Event = field(default_factory=Event)
    compare: CompareFlights = compare_apart
    _models: LoadedModels | None = None
    _shadows: list[LoadedModels] = field(default_factory=list)
    _stamp: FolderStamp = ()
    _lock: Lock = field(default_factory=Lock)

    def models(self) -> LoadedModels:
        """Return the models in force now; a promoted one is loaded, all others are kept.

        Whoever works keeps what was returned until the end of the chunk. A folder that cannot be
        loaded any more is told of, and the models that were loaded from it before go on.

        Raises:
            ModelError: nothing is loaded yet, and a manifest or its weights are damaged.
            ConfigurationError: a setting of detection cannot be used.
        """
        with self._lock:
            self._refresh()
            if self._models is None:
                message = "models were asked for before they were loaded"
                raise RuntimeError(message)
            return self._models

    def warm_up(self) -> None:
        """Load the models and have each look at empty tiles, so that no flight waits for that.

        A tile of each size that a photo of usual size is looked at through. What is wrong with the
        models is told of by the flight that needs them, too.
        """
        try:
            models = self.models()
            for detector in models.detectors:
                looks = plan_looks(*USUAL_PX, detector.manifest, models.settings)
                sizes = {look.size_px for look in looks}
                blank = [np.zeros((height, width, 3), np.uint8) for width, height in sizes]
                list(detector.detect_tiles(blank))
        except HazardLensError as error:
            logger.error("the models cannot be loaded: %s", error)  # noqa: TRY400 - no bug

    def shadows(self) -> list[LoadedModels]:
        """Return the shadow models, each alone; none where the settings do not want them."""
        with self._lock:
            return list(self._shadows)

    def _refresh(self) -> None:
        stamp = stamp_folder(self.settings.models_dir)
        if self._models is not None and stamp == self._stamp:
            return
        loaded = [self._models, *self._shadows] if self._models else []
        try:
            fresh = load_models(self.settings.models_dir, loaded)
        except HazardLensError as error:
            if self._models is None:
                raise
            logger.error("the changed models are not taken: %s", error)  # noqa: TRY400 - no bug
            self._stamp = stamp
            return
        if self._models is not None and fresh.run != self._models.run:
            names = ", ".join(
                f"{one.manifest.name}@{one.manifest.version}" for one in fresh.detectors
            )
            logger.info("models taken up: %s", names)
        if self._models is None or fresh.run != self._models.run:
            record_models(self.sessions, fresh)
        self._models = fresh
        self._shadows = (
            load_shadows(self.settings.models_dir, loaded) if self.settings.shadow else []
        )
        self._stamp = stamp
