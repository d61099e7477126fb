"""What of a model thresholds are about (a manifest has it)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from detection.domain.hazard import HazardClass


class ScoringModel(Protocol):
    """One version of a model; another version's scores mean something else."""

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def version(self) -> str:
        """Short hash of what decides its answers."""

    @property
    def classes(self) -> tuple[HazardClass, ...]:
        """What it may say."""

    @property
    def thresholds(self) -> Mapping[HazardClass, float]:
        """Score from which a class is shown, as shipped."""

    @property
    def evaluation(self) -> Mapping[str, Any]:
        """Figures of its own val."""
