"""Read ``configs/storeys.yaml``: how high storeys are, and how much each signal says."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from detection.domain.errors import ConfigurationError

STOREYS_PATH = Path(__file__).resolve().parents[2] / "configs" / "storeys.yaml"

Positive = Annotated[float, Field(gt=0.0)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Metres(_Section):
    """A length and one standard deviation, metres."""

    mean: Annotated[float, Field(ge=0.0)]
    std: Annotated[float, Field(ge=0.0)]


class UseHeights(_Section):
    """Floor to floor of buildings whose use holds one of ``names``."""

    names: tuple[str, ...]
    ground_m: Metres
    upper_m: Metres


class ChangeSignal(_Section):
    """How far a difference of heights is to be believed."""

    prior: Share
    gross_share: Share
    gross_range_m: Positive
    missed_share: Share
    least_rise_m: Positive
    rise_span_m: Positive


class FusionSettings(_Section):
    """How the signals meet; see `detection.storeys.fusion`."""

    prior: Share
    shared: Annotated[float, Field(ge=0.0, le=1.0)]
    photo_weight: Annotated[float, Field(ge=0.0, le=1.0)]
    register_floor: Annotated[float, Field(le=0.0)]


class StoreySettings(_Section):
    """The whole file."""

    uses: dict[str, UseHeights]
    not_countable: tuple[str, ...]
    default_use: str
    foot_m: Metres
    roof_m: Metres
    max_storeys: Annotated[int, Field(ge=1, le=250)]
    min_probability: Share
    change: ChangeSignal
    fusion: FusionSettings

    @model_validator(mode="after")
    def _know_default(self) -> Self:
        if self.default_use not in self.uses:
            message = f"default_use {self.default_use!r} is none of uses"
            raise ValueError(message)
        return self

    def choose_heights(self, use: str) -> UseHeights | None:
        """Return the heights of a building of this use; None where storeys cannot be counted."""
        if any(name in use for name in self.not_countable):
            return None
        fitting = (one for one in self.uses.values() if any(name in use for name in one.names))
        return next(fitting, self.uses[self.default_use])

    def settings_hash(self) -> str:
        """Return the sha256 of all values: results name what they were computed with."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


@cache
def load_storey_settings(path: Path = STOREYS_PATH) -> StoreySettings:
    """Return the settings in force.

    Raises:
        ConfigurationError: the file cannot be read, or a value is missing or out of range.
    """
    try:
        return StoreySettings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        message = f"{name} in {path} cannot be used: {first['msg']}."
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"The storey settings {path} cannot be read: {error}."
    raise ConfigurationError(message, remedy="See configs/storeys.yaml of the release.")
