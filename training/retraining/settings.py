"""``configs/retraining.yaml``: how a model is trained on from the one in force."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError

from detection.domain.errors import ConfigurationError
from training.composed_settings import Strict
from training.settings import REPOSITORY_DIR

SETTINGS_PATH = REPOSITORY_DIR / "configs" / "retraining.yaml"

ReplayKind = Literal["dataset", "version", "negatives", "rendered", "pasted", "shrunk", "name"]


class StartShare(Strict):
    """Share of the old weights in the result: with photos of old shown again, and without."""

    replayed: float = Field(default=0.6, ge=0, lt=1)
    alone: float = Field(default=0.7, ge=0, lt=1)


class RetrainingSettings(Strict):
    """The defaults of ``hazardlens retrain``; what the keys mean stands in the file."""

    epochs: int = Field(default=4, ge=1, le=200)
    batch: int = Field(default=8, ge=1, le=64)
    lr0: float = Field(default=0.0003, gt=0)
    warmup_epochs: float = Field(default=0.3, ge=0)
    weight_decay: float = Field(default=0.001, ge=0)
    mosaic: float = Field(default=0.3, ge=0, le=1)
    close_mosaic: int = Field(default=1, ge=0)
    start_share: StartShare = StartShare()
    replay: tuple[ReplayKind, ...] = ("dataset", "version", "negatives", "rendered")
    min_boxes_for_threshold: int = Field(default=20, ge=1)
    min_boxes_for_verdict: int = Field(default=10, ge=1)
    min_groups_for_verdict: int = Field(default=3, ge=2)
    last_flights: int = Field(default=3, ge=1)


def load_retraining_settings(path: Path = SETTINGS_PATH) -> RetrainingSettings:
    """Read the file.

    Raises:
        ConfigurationError: unreadable, an unknown key or a value out of range.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return RetrainingSettings.model_validate(document)
    except (OSError, yaml.YAMLError, ValidationError) as error:
        message = f"The settings of retraining {path} cannot be used: {error}."
        raise ConfigurationError(
            message, remedy="Compare it with the file of the release."
        ) from error
