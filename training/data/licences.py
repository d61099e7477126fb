"""Licence of each source: what its repository says, and whether that permits passing it on."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from detection.domain.errors import ConfigurationError, InvalidInputError
from training.data.annotation import AnnotatedPhoto

LicenceFilter = Literal["any", "permissive"]
LicenceTable = Mapping[tuple[str, str], bool]
FILE_NAME = "licences.csv"

PERMISSIVE = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "CC0-1.0",
        "ISC",
        "MIT",
        "PDDL-1.0",
        "Unlicense",
    }
)
"""SPDX names of licences that permit use and passing on, with no more than naming the author."""


def read_licences(path: Path) -> LicenceTable:
    """Return whether each (source, licence) is permissive; empty where there is no file.

    Raises:
        ConfigurationError: a column is missing, or a row says neither yes nor no.
    """
    if not path.exists():
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {
                (row["source"], row["licence"]): {"yes": True, "no": False}[row["permissive"]]
                for row in csv.DictReader(file)
            }
    except (OSError, KeyError) as error:
        message = f"{path} cannot be read as a table of licences ({error})."
        raise ConfigurationError(message, remedy="source,licence,permissive,... yes|no.") from error


def keep_licensed(photos: Iterable[AnnotatedPhoto], licence: LicenceFilter) -> list[AnnotatedPhoto]:
    """Return the photos whose licence passes the filter.

    Raises:
        InvalidInputError: none does.
    """
    kept = [photo for photo in photos if licence == "any" or photo.origin.permissive]
    if not kept:
        message = "No photo of the set has a permissive licence."
        raise InvalidInputError(message, remedy="See its licences.csv, or drop the filter.")
    return kept
