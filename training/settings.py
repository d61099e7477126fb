"""What a training run is told: one YAML per model, checked once at the edge."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detection.domain.errors import ConfigurationError
from detection.domain.hazard import HazardClass

SHARED_VARIABLE = "HAZARDLENS_SHARED_DIR"
REPOSITORY_DIR = Path(__file__).resolve().parent.parent
RUNS_DIR = REPOSITORY_DIR / "runs"
CONFIGS_DIR = REPOSITORY_DIR / "configs" / "training"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CatalogueSource(_Strict):
    """A data set of the catalogue with its own split."""

    dataset: str


class FlightNegatives(_Strict):
    """Tiles of a flight that is known to show none of the things; training only.

    ``flight`` is relative to the folder of shared files; every ``every``-th photo is cut into
    tiles of ``tile_px``.
    """

    negatives: str
    flight: Path
    tile_px: int = Field(ge=32, le=4096)
    every: int = Field(default=1, ge=1)


class RenderedSource(_Strict):
    """Photos drawn by our own renderer with exact boxes; training only.

    Scenes ``first_seed`` to ``first_seed + scenes - 1``. ``as_negatives`` drops the boxes: facades
    teach a model of covers what is none.
    """

    rendered: Literal["manhole", "facade_crack"]
    first_seed: int = Field(ge=1000)
    scenes: int = Field(ge=1)
    photos_per_scene: int = Field(ge=1)
    as_negatives: bool = False


class FolderSource(_Strict):
    """A folder in YOLO form (``images/``, ``labels/``) below the repository; training only."""

    name: str
    folder: Path
    class_map: dict[int, HazardClass]


DataSource = CatalogueSource | FlightNegatives | RenderedSource | FolderSource


class Optimisation(_Strict):
    """How the weights are found; names and meanings are those of the trainer."""

    epochs: int = Field(ge=1, le=1000)
    image_px: int = Field(ge=64, le=1280, multiple_of=32)
    batch: int = Field(default=16, ge=1, le=256)
    optimizer: Literal["AdamW", "SGD", "MuSGD"] = "AdamW"
    lr0: float = Field(default=0.001, gt=0)
    lrf: float = Field(default=0.01, gt=0, le=1)
    warmup_epochs: float = Field(default=1.0, ge=0)
    weight_decay: float = Field(default=0.0005, ge=0)
    freeze: int = Field(default=0, ge=0)


class Augmentation(_Strict):
    """How training photos are varied; names and meanings are those of the trainer."""

    mosaic: float = Field(default=1.0, ge=0, le=1)
    close_mosaic: int = Field(default=2, ge=0)
    scale: float = Field(default=0.5, ge=0, lt=1)
    translate: float = Field(default=0.1, ge=0, lt=1)
    degrees: float = Field(default=0.0, ge=0, le=180)
    perspective: float = Field(default=0.0, ge=0, le=0.001)
    fliplr: float = Field(default=0.5, ge=0, le=1)
    flipud: float = Field(default=0.0, ge=0, le=1)
    hsv_h: float = Field(default=0.015, ge=0, le=1)
    hsv_s: float = Field(default=0.5, ge=0, le=1)
    hsv_v: float = Field(default=0.4, ge=0, le=1)


class ThresholdRule(_Strict):
    """How the shipped threshold of a class is chosen on val.

    The best F-``beta`` (above 1: a miss weighs more than a false alarm) among the scores that
    give at most ``max_background_alarms`` boxes per photo of the background flights; or
    ``fixed`` by a person, whose ``reason`` goes on the card.
    """

    beta: float = Field(default=1.0, gt=0)
    max_background_alarms: float = Field(default=0.5, ge=0)
    fixed: float | None = Field(default=None, ge=0, le=1)
    reason: str = ""


class Card(_Strict):
    """What a person writes on the model card; figures come from the run."""

    purpose: str = ""
    limits: tuple[str, ...] = ()


class TrainingSettings(_Strict):
    """One training run.

    ``started_from`` is a path relative to the folder of shared files or to the repository, or an
    architecture file of the trainer (``yolo26n.yaml``: from nothing). ``tile_px`` is the side of
    the tile that the shipped model sees. ``background_flights`` bound the false alarms when
    thresholds are chosen, ``unseen_flights`` are only measured; both are relative to the folder
    of shared files and hold none of the hazards.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    classes: tuple[HazardClass, ...] = Field(min_length=1)
    started_from: str
    data: tuple[DataSource, ...] = Field(min_length=1)
    repeat: dict[HazardClass, int] = Field(default_factory=dict)
    seed: int = 0
    tile_px: int = Field(default=640, ge=64, le=1280, multiple_of=32)
    workers: int = Field(default=0, ge=0, le=16)
    device: str = "cpu"
    optimisation: Optimisation
    augmentation: Augmentation = Augmentation()
    thresholds: dict[HazardClass, ThresholdRule] = Field(default_factory=dict)
    background_flights: tuple[Path, ...] = ()
    unseen_flights: tuple[Path, ...] = ()
    card: Card = Card()

    def with_shipping_of(self, other: TrainingSettings) -> TrainingSettings:
        """Return these settings with tile size, card, threshold rules and flights of another file.

        Raises:
            ConfigurationError: the other file is of another model.
        """
        if other.name != self.name or other.classes != self.classes:
            message = f"The configuration is of {other.name}, the run of {self.name}."
            raise ConfigurationError(message, remedy="Give the configuration of the same model.")
        fields = ("tile_px", "card", "thresholds", "background_flights", "unseen_flights")
        return self.model_copy(update={name: getattr(other, name) for name in fields})


def load_training_settings(path: Path) -> TrainingSettings:
    """Read ``configs/training/<name>.yaml``.

    Raises:
        ConfigurationError: unreadable, an unknown key or a value out of range.
    """
    try:
        return TrainingSettings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        message = f"The training configuration {path} cannot be used: {error}."
        raise ConfigurationError(message, remedy="Compare it with configs/training/.") from error


def find_shared_dir(given: Path | None) -> Path:
    """Return the folder that holds ``data/`` and ``weights/``: flag, environment, ``../shared``.

    Raises:
        ConfigurationError: the folder does not exist.
    """
    default = REPOSITORY_DIR.parent / "shared"
    folder = given or Path(os.environ.get(SHARED_VARIABLE) or default)
    if not (folder / "data").is_dir():
        message = f"No labelled data lies in {folder}."
        raise ConfigurationError(message, remedy=f"Give --data DIR or set {SHARED_VARIABLE}.")
    return folder.resolve()
