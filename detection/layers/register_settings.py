"""Read ``configs/register.yaml``: which columns of a building register hold what."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detection.domain.errors import ConfigurationError

REGISTER_PATH = Path(__file__).resolve().parents[2] / "configs" / "register.yaml"

Names = tuple[str, ...]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RegisterColumns(_Section):
    """For each role the names that its column may have, the first that a file has goes."""

    building_id: Names = ()
    permitted_storeys: Names = ()
    permitted_area_m2: Names = ()
    permitted_height_m: Names = ()
    use: Names = ()
    land_permit: Names = ()
    planning_permit: Names = ()
    construction_permit: Names = ()
    lon: Names = ()
    lat: Names = ()


class RegisterLimits(_Section):
    """The largest numbers that can be."""

    max_storeys: Annotated[int, Field(ge=1)]
    max_area_m2: Annotated[float, Field(gt=0.0)]
    max_height_m: Annotated[float, Field(gt=0.0)]


class RegisterSettings(_Section):
    """The whole file."""

    columns: RegisterColumns
    limits: RegisterLimits
    header_rows: Annotated[int, Field(ge=1, le=1000)]
    max_file_mb: Annotated[int, Field(ge=1)]


@cache
def load_register_settings(path: Path = REGISTER_PATH) -> RegisterSettings:
    """Return the settings in force.

    Raises:
        ConfigurationError: the file cannot be read, or a value is missing or out of range.
    """
    try:
        return RegisterSettings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        message = f"{name} in {path} cannot be used: {first['msg']}."
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"The register settings {path} cannot be read: {error}."
    raise ConfigurationError(message, remedy="See configs/register.yaml of the release.")
