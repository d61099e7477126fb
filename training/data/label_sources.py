"""Which labels of a version are decisions or drawings of people of the review service."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from detection.domain.errors import InvalidInputError
from training.data.suspects import Suspect

PROVENANCE_CSV = "provenance.csv"
WHOLE_PHOTO = 0
"""Label number of a row that speaks of the photo as background."""


@dataclass(frozen=True, slots=True)
class LabelSource:
    """The decisions and drawings that a label goes back to; empty where nobody here made it.

    ``candidate_key`` names what was decided on, so that the numbers are not taken for those of
    another installation.
    """

    event_ids: tuple[int, ...] = ()
    annotation_ids: tuple[int, ...] = ()
    candidate_key: str = ""


@dataclass(frozen=True, slots=True)
class LabelSources:
    """Every label of a version that people of the review service made, by photo and number."""

    by_label: Mapping[tuple[str, int], LabelSource] = field(default_factory=dict)

    def find(self, suspect: Suspect) -> LabelSource:
        """Return where a suspect comes from; a place without a label, from what was rejected."""
        number = suspect.label.number if suspect.label is not None else WHOLE_PHOTO
        return self.by_label.get((suspect.photo.name, number), LabelSource())


def read_label_sources(version: Path) -> LabelSources:
    """Return what ``provenance.csv`` of a version says; nothing where it has none.

    Raises:
        InvalidInputError: it cannot be read.
    """
    path = version / PROVENANCE_CSV
    if not path.is_file():
        return LabelSources()
    found: dict[tuple[str, int], LabelSource] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = row["photo"], int(row["label"])
                before = found.get(key, LabelSource())
                found[key] = LabelSource(
                    before.event_ids + _numbers(row["event_ids"]),
                    before.annotation_ids + _numbers(row["annotation_ids"]),
                    before.candidate_key or row["candidate_key"],
                )
    except (OSError, KeyError, TypeError, ValueError) as error:
        message = f"{path} does not tell whose decisions the labels are ({error})."
        raise InvalidInputError(message, remedy="Build the version anew.") from error
    return LabelSources(found)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split())
