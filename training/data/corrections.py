"""``datasets/<name>/corrections.csv``: what was put right in a set that others labelled, and why.

A row names a photo, ``what`` (``drop_photo``, ``drop_label``, ``relabel``, ``doubtful``), the
``label`` (1 is the first annotation of the photo), the class ``to`` which it is relabelled, and
``why``. Only training photos are put right: a label of val is listed as ``doubtful`` and stays, so
that figures of different days can be compared.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from detection.domain.errors import ConfigurationError
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto, Annotation

Act = Literal["drop_photo", "drop_label", "relabel", "doubtful"]
FILE_NAME = "corrections.csv"
_REMEDY = "Compare it with the photo and its label file."


@dataclass(frozen=True, slots=True)
class Correction:
    """One row; ``label`` counts from 1, 0 where the photo is meant."""

    photo: str
    what: Act
    label: int
    to: HazardClass | None
    why: str


def read_corrections(path: Path) -> tuple[Correction, ...]:
    """Return the rows of a file; none where there is no file.

    Raises:
        ConfigurationError: an act or class that does not exist, or a row without its reason.
    """
    if not path.exists():
        return ()
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_parse_row(row) for row in csv.DictReader(file))
    except (OSError, KeyError, ValueError) as error:
        message = f"{path} cannot be read as corrections ({error})."
        raise ConfigurationError(message, remedy="photo,what,label,to,why.") from error


def _parse_row(row: dict[str, str]) -> Correction:
    what, why = row["what"], row["why"].strip()
    acts: dict[str, Act] = {act: act for act in get_args(Act)}
    if what not in acts or not why:
        message = f"{row['photo']}: {what} is no act, or has no reason"
        raise ValueError(message)
    to = HazardClass(row["to"]) if what == "relabel" else None
    return Correction(row["photo"], acts[what], int(row["label"] or 0), to, why)


def apply_corrections(
    photos: Iterable[AnnotatedPhoto], corrections: Sequence[Correction]
) -> list[AnnotatedPhoto]:
    """Return the photos as corrected.

    Raises:
        ConfigurationError: a row names a photo or label that is not there, or changes a photo
            that is not for training.
    """
    rows: dict[str, list[Correction]] = defaultdict(list)
    for row in corrections:
        rows[row.photo].append(row)
    kept = []
    for photo in photos:
        corrected = _correct(photo, rows.pop(photo.name, []))
        if corrected is not None:
            kept.append(corrected)
    if rows:
        message = f"A correction names {min(rows)}, which is not in the set."
        raise ConfigurationError(message, remedy=_REMEDY)
    return kept


def _correct(photo: AnnotatedPhoto, rows: Sequence[Correction]) -> AnnotatedPhoto | None:
    acts = [row for row in rows if row.what != "doubtful"]
    if acts and photo.split != "train":
        message = f"A correction changes {photo.name}, which is a photo of {photo.split}."
        raise ConfigurationError(message, remedy="List it as doubtful; only training changes.")
    if any(row.what == "drop_photo" for row in acts):
        return None
    labels: list[Annotation | None] = list(photo.annotations)
    for row in acts:
        if not 1 <= row.label <= len(labels):
            message = f"{photo.name} has no label {row.label} to correct."
            raise ConfigurationError(message, remedy=_REMEDY)
        old = labels[row.label - 1]
        labels[row.label - 1] = replace(old, hazard_class=row.to) if old and row.to else None
    return replace(photo, annotations=tuple(item for item in labels if item is not None))
