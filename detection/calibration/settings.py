"""Read ``configs/calibration.yaml``: what a miss costs, how far cameras differ."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detection.calibration.curve import StoredCurve
from detection.domain.errors import ConfigurationError
from detection.domain.hazard import HazardClass

CALIBRATION_PATH = Path(__file__).resolve().parents[2] / "configs" / "calibration.yaml"

Positive = Annotated[float, Field(gt=0.0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shift(_Section):
    """How far a new camera or place may lie from the model's own val, one standard deviation.

    ``log_odds`` moves the curve of truth over score, ``log_slope`` stretches it.
    """

    log_odds: Positive
    log_slope: Positive


class CalibrationSettings(_Section):
    """The whole file.

    ``alarms_per_miss`` says how many false alarms one missed thing is worth. Of ``guarded``
    classes a threshold is never raised unless an engineer confirms it in so many words.
    """

    alarms_per_miss: dict[HazardClass, Positive]
    guarded: tuple[HazardClass, ...]
    shift: Shift
    least_labels: Annotated[int, Field(ge=5, le=200)]
    boxes_per_class: Annotated[int, Field(ge=10, le=200)]
    photos: Annotated[int, Field(ge=1, le=500)]
    curves: dict[str, dict[HazardClass, StoredCurve]] = {}

    def cost_of(self, hazard_class: HazardClass) -> float:
        """Return how many false alarms one missed thing of a class is worth."""
        return self.alarms_per_miss.get(hazard_class, 1.0)


@cache
def load_calibration_settings(path: Path = CALIBRATION_PATH) -> CalibrationSettings:
    """Return the settings in force.

    Raises:
        ConfigurationError: the file cannot be read, or a value is missing or out of range.
    """
    try:
        return CalibrationSettings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        message = f"{name} in {path} cannot be used: {first['msg']}."
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"The calibration settings {path} cannot be read: {error}."
    raise ConfigurationError(message, remedy="See configs/calibration.yaml of the release.")
