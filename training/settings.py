"""What a training run is told: one YAML per model, checked once at the edge."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from detection.domain.errors import ConfigurationError
from detection.domain.hazard import HazardClass
from training.composed_settings import (
    AnyFlight,
    FlightNegatives,
    FlightPart,
    PastedSource,
    ShrunkSource,
)
from training.fitting_settings import Augmentation, Balance, Optimisation
from training.promotion_rules import PromotionRules

SHARED_VARIABLE = "HAZARDLENS_SHARED_DIR"
REPOSITORY_DIR = Path(__file__).resolve().parent.parent
RUNS_DIR = REPOSITORY_DIR / "runs"
VERSIONS_DIR = REPOSITORY_DIR / "versions"
CONFIGS_DIR = REPOSITORY_DIR / "configs" / "training"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CatalogueSource(_Strict):
    """A data set of the catalogue with its own split."""

    dataset: str
    licence: Literal["any", "permissive"] = "any"


class VersionSource(_Strict):
    """A version that ``hazardlens data build`` wrote: its folder, or its hash in ``versions/``.

    Photos of its side ``test`` are left out: a run neither trains nor chooses on them.
    """

    version: str = Field(min_length=4)
    licence: Literal["any", "permissive"] = "any"


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


DataSource = (
    CatalogueSource
    | VersionSource
    | FlightNegatives
    | RenderedSource
    | FolderSource
    | PastedSource
    | ShrunkSource
)


def _flights_of(source: DataSource) -> tuple[FlightPart, ...]:
    if isinstance(source, ShrunkSource) and source.side != "train":
        return ()
    if isinstance(source, (PastedSource, ShrunkSource)):
        return source.ground_flights
    return (source,) if isinstance(source, FlightNegatives) else ()


class Stage(_Strict):
    """One of several trainings in a row; what is not named here is as in the whole configuration.

    ``optimisation`` and ``augmentation`` name the keys that differ, the rest replaces as a whole.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    optimisation: dict[str, Any] = Field(default_factory=dict)
    augmentation: dict[str, Any] = Field(default_factory=dict)
    data: tuple[DataSource, ...] | None = Field(default=None, min_length=1)
    repeat: dict[HazardClass, int] | None = None
    balance: Balance | None = None
    seed: int | None = None


class ThresholdRule(_Strict):
    """How the shipped threshold of a class is chosen on val.

    Caps come first: at most ``max_background_alarms`` boxes per photo of the background flights
    and, where given, ``max_background_alarms_per_12_mp`` per 12 megapixels of them and
    ``max_alarms_per_negative`` boxes per val photo without any annotation. Under the caps, with a
    ``min_recall``: the highest score that reaches it (or, with ``place`` middle, the middle of
    all that do, which other photos are the least likely to tip), or else the lowest score
    allowed; ``recall_of`` boxes (IoU 0.5) or of photos (the class is shown at all where it is).
    Without one: the best F-``beta`` (above 1: a miss weighs more than a false alarm), ``by``
    boxes or, of a model of outlines, by pixels. Or ``fixed`` by a person, whose ``reason`` goes on
    the card.
    """

    beta: float = Field(default=1.0, gt=0)
    by: Literal["boxes", "pixels"] = "boxes"
    max_background_alarms: float = Field(default=0.5, ge=0)
    max_background_alarms_per_12_mp: float | None = Field(default=None, ge=0)
    max_alarms_per_negative: float | None = Field(default=None, ge=0)
    min_recall: float | None = Field(default=None, gt=0, le=1)
    recall_of: Literal["boxes", "photos"] = "boxes"
    place: Literal["highest", "middle"] = "highest"
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
    the tile that the shipped model sees, ``finest_gsd_m`` the finest ground sampling distance that
    it learned: drone photos that are finer are made smaller for it; beyond ``coarsest_gsd_m`` it
    finds nothing on the ground, so that nobody need look there; ground finer than
    ``starts_at_gsd_m`` is that of another model of its classes. ``mask_cut`` is the logit above
    which a cell belongs to an outline. ``background_flights`` bound
    the false alarms when thresholds are chosen, ``unseen_flights`` are only measured; both are
    relative to the folder of shared files, whole or a range of photos, and hold none of the
    hazards.

    ``fraction`` is the share of the training groups that is used, ``repeat`` says how often photos
    of a class are shown (for the others ``balance`` does). ``device`` ``auto`` is the first GPU
    where there is one; ``precision`` ``auto`` is bfloat16 on a GPU and float32 on the CPU.
    ``stages`` are trained one after another, each from the best weights of the one before.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    task: Literal["detect", "segment"] = "detect"
    classes: tuple[HazardClass, ...] = Field(min_length=1)
    started_from: str
    data: tuple[DataSource, ...] = Field(min_length=1)
    repeat: dict[HazardClass, int] = Field(default_factory=dict)
    balance: Balance | None = None
    fraction: float = Field(default=1.0, gt=0, le=1)
    seed: int = 0
    tile_px: int = Field(default=640, ge=64, le=1280, multiple_of=32)
    finest_gsd_m: float | None = Field(default=None, gt=0, le=1)
    coarsest_gsd_m: float | None = Field(default=None, gt=0, le=1)
    starts_at_gsd_m: float | None = Field(default=None, gt=0, le=1)
    mask_cut: float = Field(default=0.0, ge=-5, le=5)
    workers: int = Field(default=0, ge=0, le=16)
    device: str = Field(default="auto", pattern=r"^(auto|cpu|\d)$")
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    optimisation: Optimisation
    augmentation: Augmentation = Augmentation()
    thresholds: dict[HazardClass, ThresholdRule] = Field(default_factory=dict)
    background_flights: tuple[AnyFlight, ...] = ()
    unseen_flights: tuple[AnyFlight, ...] = ()
    card: Card = Card()
    promotion: PromotionRules = Field(default_factory=PromotionRules)
    stages: tuple[Stage, ...] = ()

    @model_validator(mode="after")
    def _check_stages(self) -> Self:
        """Refuse a stage that makes no valid run, and two of one name."""
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            message = f"two stages have one name: {', '.join(names)}"
            raise ValueError(message)
        self.split_into_stages()
        return self

    def split_into_stages(self) -> tuple[TrainingSettings, ...]:
        """Return the runs of ``stages`` in order; these settings alone where there are none."""
        whole = self.model_dump(exclude={"stages"})
        found = []
        for stage in self.stages:
            own = stage.model_dump(exclude_none=True, exclude={"name"})
            parts = {
                name: whole[name] | own.pop(name, {}) for name in ("optimisation", "augmentation")
            }
            found.append(TrainingSettings.model_validate(whole | own | parts))
        return tuple(found) or (self,)

    @model_validator(mode="after")
    def _measure_on_other_photos(self) -> TrainingSettings:
        """Refuse a photo of a flight that is trained on and measured."""
        seen = self.list_seen_flights()
        if seen:
            message = f"photos of {', '.join(seen)} are trained on and measured"
            raise ValueError(message)
        return self

    def list_seen_flights(self) -> list[str]:
        """Return the flights that are measured although some of their photos are trained on."""
        return [
            measured.label
            for measured in (*self.background_flights, *self.unseen_flights)
            if any(part.overlaps(measured) for part in self.trained_flights())
        ]

    def trained_flights(self) -> tuple[FlightPart, ...]:
        """Return the flights, or parts of them, whose pixels the run trains on."""
        return tuple(part for source in self.data for part in _flights_of(source))

    def take_fraction(self, fraction: float, *, equal_steps: bool) -> TrainingSettings:
        """Return these settings with a share of the training groups.

        ``equal_steps`` divides the epochs by the share, those of the warm-up and without mosaic
        too, so that the network takes about as many steps as on all data.

        Raises:
            ConfigurationError: steps cannot be made equal, because each stage has its own.
        """
        told: dict[str, object] = {"fraction": fraction}
        if equal_steps:
            if self.stages:
                message = "The steps of a training in stages cannot be made equal."
                raise ConfigurationError(message, remedy="Give a configuration without stages.")
            epochs = {
                "epochs": round(self.optimisation.epochs / fraction),
                "warmup_epochs": self.optimisation.warmup_epochs / fraction,
            }
            closing = {"close_mosaic": round(self.augmentation.close_mosaic / fraction)}
            told["optimisation"] = self.optimisation.model_copy(update=epochs)
            told["augmentation"] = self.augmentation.model_copy(update=closing)
        return self.model_copy(update=told)

    def with_shipping_of(self, other: TrainingSettings) -> TrainingSettings:
        """Return these settings with tile size, card, threshold rules and flights of another file.

        Raises:
            ConfigurationError: the other file is of another model, or measures photos of a flight
                that the run was trained on.
        """
        if other.name != self.name or other.classes != self.classes:
            message = f"The configuration is of {other.name}, the run of {self.name}."
            raise ConfigurationError(message, remedy="Give the configuration of the same model.")
        fields = (
            *("tile_px", "finest_gsd_m", "coarsest_gsd_m", "starts_at_gsd_m", "mask_cut"),
            *("card", "thresholds", "promotion"),
            *("background_flights", "unseen_flights"),
        )
        mixed = self.model_copy(update={name: getattr(other, name) for name in fields})
        seen = mixed.list_seen_flights()
        if seen:
            message = f"The run was trained on photos of {', '.join(seen)}."
            raise ConfigurationError(message, remedy="Measure other flights or other photos of it.")
        return mixed


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
