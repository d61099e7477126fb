"""Settings of comparing heights: ``configs/change.yaml`` < environment < flags, checked once."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)

from detection.domain.errors import ConfigurationError

DEFAULT_CONFIG_PATH = Path(__file__).resolve().parents[2] / "configs" / "change.yaml"
ENV_PREFIX = "HAZARDLENS_CHANGE_"

METHOD_VERSION = 2
"""Raised when the same settings give other heights or verdicts; part of the settings' hash."""

Metres = Annotated[float, Field(gt=0.0, le=100.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class ChangeSettings(BaseSettings):
    """How heights are measured, and what counts as a change."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="forbid", yaml_file=DEFAULT_CONFIG_PATH
    )

    cell_m: Annotated[float, Field(ge=0.05, le=1.0)] = 0.25
    """Side of a cell of the grid."""
    step_m: Annotated[float, Field(ge=0.05, le=1.0)] = 0.25
    """Between two heights that are tried."""
    margin_m: Metres = 4.0
    """Ring of ground round a footprint that is measured with it."""
    max_views: Annotated[int, Field(ge=2, le=32)] = 10
    """Photos compared at one building."""
    min_views: Annotated[int, Field(ge=2, le=32)] = 3
    """Photos that must see a cell."""
    max_tilt_deg: Annotated[float, Field(gt=0.0, lt=85.0)] = 65.0
    """From straight down, of the line from a photo to the building."""
    window_m: Metres = 1.4
    """Side of the window whose likeness is compared."""
    min_score: Share = 0.35
    """Likeness (correlation) that the photos must reach."""
    min_texture: Annotated[float, Field(ge=0.0, le=64.0)] = 2.0
    """Standard deviation of the grey values (of 255) in a window below which it is blank."""
    min_rise_m: Metres = 2.0
    """Difference of heights that counts."""
    min_area_m2: Annotated[float, Field(gt=0.0)] = 10.0
    """Connected area over which it must be reached."""
    footprint_error_m: Annotated[float, Field(ge=0.0, le=5.0)] = 0.8
    """How far the walls of the layer may be off: cells nearer to one alone prove nothing."""
    min_seen_share: Share = 0.5
    """Share of a roof that both flights must show."""

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

    def settings_hash(self) -> str:
        """Return the SHA-256 of what decides the results."""
        text = f"{METHOD_VERSION} {self.model_dump_json()}"
        return hashlib.sha256(text.encode()).hexdigest()


def load_change_settings(config_path: Path | None = None, **flags: object) -> ChangeSettings:
    """Return the settings in force; flags that are None were not given.

    Raises:
        ConfigurationError: the file cannot be read, or a setting is unknown or out of range.
    """
    path = config_path or DEFAULT_CONFIG_PATH
    if not path.is_file():
        message = f"The configuration file {path} does not exist."
        raise ConfigurationError(message, remedy="Give the path of a YAML file.")

    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return ChangeSettings.model_construct(**dict(_read_from(path).model_validate(given)))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        message = f"The setting {name} cannot be used: {first['msg']}."
    except (SettingsError, yaml.YAMLError, OSError, UnicodeDecodeError, TypeError) as error:
        message = f"The configuration {path} cannot be read: {error}."
    remedy = f"See configs/change.yaml; {ENV_PREFIX}<NAME> and flags overrule the file."
    raise ConfigurationError(message, remedy=remedy)


@cache
def _read_from(path: Path) -> type[ChangeSettings]:
    class _FromFile(ChangeSettings, yaml_file=path):
        """The same settings, read from the chosen file."""

    return _FromFile
