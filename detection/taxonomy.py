"""Read ``datasets/taxonomy.yaml``, the law for every label map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from detection.domain.errors import ConfigurationError
from detection.domain.hazard import HazardClass

TAXONOMY_PATH = Path(__file__).resolve().parent.parent / "datasets" / "taxonomy.yaml"

STRAIGHT_DOWN_DEG = 90.0


@dataclass(frozen=True, slots=True)
class TaxonomyEntry:
    """What the taxonomy says of one class.

    ``target_height_m`` is the assumed height above ground and its standard deviation, metres;
    ``min_size_m`` and ``max_size_m`` bound the longer side of a box where it can be measured;
    ``max_depression_deg`` is how far below the horizon a camera may look and still see what the
    class is on: 90, straight down, unless that stands upright.
    ``attention_order`` ranks the review queue (1 first); it is never a legal grade.
    """

    hazard_class: HazardClass
    name_zh: str
    name_en: str
    thing: str
    is_hazard: bool
    attention_order: int
    definition_zh: str
    definition_en: str
    include_zh: tuple[str, ...]
    include_en: tuple[str, ...]
    exclude_zh: tuple[str, ...]
    exclude_en: tuple[str, ...]
    target_height_m: float
    target_height_std_m: float
    min_size_m: float
    max_size_m: float
    max_depression_deg: float = STRAIGHT_DOWN_DEG


@cache
def load_taxonomy(path: Path = TAXONOMY_PATH) -> dict[HazardClass, TaxonomyEntry]:
    """Return every class of the taxonomy by key.

    Raises:
        ConfigurationError: the file is not readable or names a class that the code does not know.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {HazardClass(key): _entry(key, row) for key, row in document["classes"].items()}
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        message = f"The taxonomy {path} cannot be read: {error}."
        raise ConfigurationError(message, remedy="Restore the file from the release.") from error


def _entry(key: str, row: Mapping[str, Any]) -> TaxonomyEntry:
    height = row["target_height_m"]
    return TaxonomyEntry(
        hazard_class=HazardClass(key),
        name_zh=row["name"]["zh"],
        name_en=row["name"]["en"],
        thing=row["thing"],
        is_hazard=row["is_hazard"],
        attention_order=row["attention_order"],
        definition_zh=row["definition"]["zh"],
        definition_en=row["definition"]["en"],
        include_zh=tuple(row["include"]["zh"]),
        include_en=tuple(row["include"]["en"]),
        exclude_zh=tuple(row["exclude"]["zh"]),
        exclude_en=tuple(row["exclude"]["en"]),
        target_height_m=float(height["mean"]),
        target_height_std_m=float(height["std"]),
        min_size_m=float(row["size_m"]["min"]),
        max_size_m=float(row["size_m"]["max"]),
        max_depression_deg=float(row.get("max_depression_deg", STRAIGHT_DOWN_DEG)),
    )
