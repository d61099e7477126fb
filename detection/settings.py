"""Settings of a detection run: code defaults < YAML < environment < flags, checked once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Protocol

import yaml
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)

from detection.domain.errors import ConfigurationError
from detection.domain.hazard import HazardClass

DEFAULT_CONFIG_PATH = Path(__file__).resolve().parents[1] / "configs" / "detection" / "default.yaml"
ENV_PREFIX = "HAZARDLENS_DETECTION_"

DEVICE_PATTERN = r"^(auto|cpu|cuda(:[0-9]{1,2})?)$"

PIPELINE_VERSION = 9
"""Raised when outlining, merging, placing, judging sizes or measuring gives other results: older
progress is then done again."""


EXHAUSTIVE: Final[Mapping[str, object]] = {
    "precision": "fp32",
    "tile_factor": 1,
    "scale_by_gsd": False,
    "narrow_overlap": False,
    "views": 0,
}
"""What the setting ``exhaustive`` means for the others."""


class DetectionSettings(BaseSettings):
    """How photos are looked at. What a model may say is in its manifest."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="forbid", yaml_file=DEFAULT_CONFIG_PATH
    )

    runtime: Literal["openvino", "onnx", "torch"] = "openvino"
    """Which library runs the models."""
    streams: Annotated[int, Field(ge=0, le=256)] = 0
    """How much of a photo is looked at in parallel; 0 takes what the machine has."""
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """Processors that one process uses; 0 takes all that it may run on."""
    precision: Literal["auto", "fp32", "bf16", "int8"] = "auto"
    """Arithmetic of the models; auto takes bfloat16 where the processor computes it, else FP32, and
    int8 the INT8 weights of the models that ship them, auto for the others."""
    tile_factor: Annotated[int, Field(ge=1, le=4)] = 1
    """How many times the side of a trained tile a tile may have; 1 takes trained tiles alone. Wider
    ones are faster, and models that learned narrow ones find less through them."""
    exhaustive: bool = False
    """Leave nothing out: FP32, trained tiles, every tile of every photo at its full size. Goes
    before the settings that look at less."""
    device: Annotated[str, Field(pattern=DEVICE_PATTERN)] = "auto"
    """Where the runtimes onnx and torch compute: auto (a GPU where they can use one), cpu, cuda, or
    cuda:1 and so on. OpenVINO computes on the CPU."""
    batch: Annotated[int, Field(ge=0, le=256)] = 0
    """Tiles that a model is given at once by onnx and torch; 0: one on the CPU, 32 on a GPU."""
    require_signed_models: bool = False
    """Refuse models without a valid signature; a wrong signature is refused in any case."""
    overlap: Annotated[float, Field(ge=0.0, le=0.5)] = 0.2
    """Share of a tile that neighbouring tiles see both, at most."""
    narrow_overlap: bool = True
    """Let neighbouring tiles share no more than what is sought needs: cracks are joined across
    seams, covers are as small as the ground sampling distance says."""
    include_overview: bool = True
    """Also look at the whole photo made small."""
    views: Annotated[int, Field(ge=0, le=20)] = 0
    """Good photos that must show every spot of the ground; 0 looks at every photo. What a photo
    says does not hang on it, so it is no part of the configuration's hash."""
    scale_by_gsd: bool = True
    """Make photos smaller that are finer than a model learned, and leave out ground too far away
    for it, where the pose tells."""
    exiftool: str = "auto"
    """ExifTool for photos that miss something: auto where it is installed, off, or its path."""
    models: Annotated[tuple[str, ...], NoDecode] = ()
    """Names of the models to run; empty runs every active one. Commas part names in text."""

    @field_validator("models", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take flags before the environment before the file; nothing else is read."""
        del cls, dotenv_settings, file_secret_settings
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls)


def load_settings(config_path: Path | None = None, **flags: object) -> DetectionSettings:
    """Return the settings in force; flags that are None were not given.

    Raises:
        ConfigurationError: the file cannot be read, or a setting is unknown or out of range.
    """
    path = config_path or DEFAULT_CONFIG_PATH
    if not path.is_file():
        message = f"The configuration file {path} does not exist."
        raise ConfigurationError(message, remedy="Give the path of a YAML file.")

    class _FromFile(DetectionSettings, yaml_file=path):
        """The same settings, read from the chosen file."""

    given = {name: value for name, value in flags.items() if value is not None}
    try:
        settings = _FromFile.model_validate(given)
        overruled = EXHAUSTIVE if settings.exhaustive else {}
        return DetectionSettings.model_construct(**{**dict(settings), **overruled})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        message = f"The setting {name} cannot be used: {first['msg']}."
    except (SettingsError, yaml.YAMLError, OSError, UnicodeDecodeError, TypeError) as error:
        message = f"The configuration {path} cannot be read: {error}."
    remedy = f"See configs/detection/default.yaml; {ENV_PREFIX}<NAME> and flags overrule the file."
    raise ConfigurationError(message, remedy=remedy)


class HashedModel(Protocol):
    """What of a model decides the results (a manifest has it)."""

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def weights_sha256(self) -> str:
        """Hash of its weights."""

    @property
    def thresholds(self) -> Mapping[HazardClass, float]:
        """Score from which a class is shown."""

    @property
    def tile_px(self) -> int:
        """Side of the square that it sees."""

    @property
    def precision(self) -> str:
        """Arithmetic in which it runs."""

    @property
    def finest_gsd_m(self) -> float | None:
        """Metres a pixel; finer photos are made smaller for it. None: never."""

    @property
    def coarsest_gsd_m(self) -> float | None:
        """Metres a pixel; ground that is coarser shows nothing to it. None: not known."""

    @property
    def starts_at_gsd_m(self) -> float | None:
        """Metres a pixel; finer ground is another model's of its classes. None: it has no other."""

    @property
    def mask_cut(self) -> float:
        """Logit above which a cell belongs to an outline."""


def resolve_config(
    settings: DetectionSettings,
    models: Iterable[HashedModel],
    surroundings: Mapping[str, object] | None = None,
    calibration: str = "",
) -> dict[str, object]:
    """Return everything that decides the results, as it is written beside them.

    ``surroundings`` are the hashes of the ground model and the layers, where there are any,
    ``calibration`` that of the thresholds that were re-fitted for cameras.
    """
    return {
        **({"surroundings": dict(surroundings)} if surroundings else {}),
        **({"calibration": calibration} if calibration else {}),
        "pipeline_version": PIPELINE_VERSION,
        "runtime": settings.runtime,
        "overlap": settings.overlap,
        "narrow_overlap": settings.narrow_overlap,
        "include_overview": settings.include_overview,
        "tile_factor": settings.tile_factor,
        "scale_by_gsd": settings.scale_by_gsd,
        "models": [_resolve_model(model) for model in sorted(models, key=lambda one: one.name)],
    }


def _resolve_model(model: HashedModel) -> dict[str, object]:
    resolved: dict[str, object] = {
        "name": model.name,
        "weights_sha256": model.weights_sha256,
        "precision": model.precision,
        "tile_px": model.tile_px,
        "thresholds": {key.value: score for key, score in model.thresholds.items()},
    }
    if model.finest_gsd_m is not None:  # else the hash is that of before the field was there
        resolved["finest_gsd_m"] = model.finest_gsd_m
    if model.coarsest_gsd_m is not None:
        resolved["coarsest_gsd_m"] = model.coarsest_gsd_m
    if model.starts_at_gsd_m is not None:
        resolved["starts_at_gsd_m"] = model.starts_at_gsd_m
    if model.mask_cut:
        resolved["mask_cut"] = model.mask_cut
    return resolved


def config_hash(
    settings: DetectionSettings,
    models: Iterable[HashedModel],
    surroundings: Mapping[str, object] | None = None,
    calibration: str = "",
) -> str:
    """Return the sha256 of the resolved configuration; equal hashes give equal results."""
    resolved = resolve_config(settings, models, surroundings, calibration)
    text = json.dumps(resolved, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
