"""Read ``configs/coverage.yaml``: what each class needs of a photo for a place to be seen."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detection.domain.errors import ConfigurationError

NEEDS_PATH = Path(__file__).resolve().parents[1] / "configs" / "coverage.yaml"

Positive = Annotated[float, Field(gt=0.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ManholeNeeds(_Section):
    """A lid of ``cover_m`` metres must be ``min_px`` pixels across to tell its state."""

    cover_m: Positive
    min_px: Positive

    def max_gsd_m(self, diameter_m: float | None = None) -> float:
        """Return the coarsest pixel, metres, for a lid of the given diameter."""
        return (diameter_m or self.cover_m) / self.min_px


class FacadeCrackNeeds(_Section):
    """Coarsest pixel, millimetres, to measure a width and to see a crack at all."""

    max_gsd_mm: Positive
    max_seen_gsd_mm: Positive


class AddedStoreyNeeds(_Section):
    """Coarsest pixel on a roof, millimetres."""

    max_gsd_mm: Positive


class PhotoNeeds(_Section):
    """Limits beyond which a photo does not count; see `detection.domain.quality`."""

    max_blur_px: Positive
    min_brightness: Share
    max_brightness: Share
    max_dark_share: Share
    max_bright_share: Share


class TargetNeeds(_Section):
    """When a building, a cover or a part of an area counts as seen."""

    min_share: Share
    min_views: Annotated[int, Field(ge=1)]
    max_incidence_deg: Annotated[float, Field(gt=0.0, lt=90.0)]
    min_gap_m2: Positive


class Needs(_Section):
    """The whole file."""

    manhole: ManholeNeeds
    facade_crack: FacadeCrackNeeds
    added_storey: AddedStoreyNeeds
    photo: PhotoNeeds
    target: TargetNeeds


@cache
def load_needs(path: Path = NEEDS_PATH) -> Needs:
    """Return the needs in force.

    Raises:
        ConfigurationError: the file cannot be read, or a value is missing or out of range.
    """
    try:
        return Needs.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        message = f"{name} in {path} cannot be used: {first['msg']}."
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"The needs {path} cannot be read: {error}."
    raise ConfigurationError(message, remedy="See configs/coverage.yaml of the release.")
