"""``datasets/<name>/corrections.csv``: what was put right in a set that others labelled, and why.

A row names a photo, ``what`` (``drop_photo``, ``drop_label``, ``relabel``, ``rebox``,
``add_label``, ``doubtful``), the ``label`` (1 is the first annotation of the photo), the class
``to`` which it is relabelled or which is added, ``why``, and where a label is drawn anew its
``shape``: ``x_min y_min x_max y_max`` or the points ``x y x y x y …`` of an outline, in pixels of
the photo. The column ``shape`` may be missing where no row needs it.

Only training photos are put right: a label of val is listed as ``doubtful`` and stays, so that
figures of different days can be compared.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from detection.domain.errors import ConfigurationError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.label_checks import check_annotations

Act = Literal["drop_photo", "drop_label", "relabel", "rebox", "add_label", "doubtful"]
FILE_NAME = "corrections.csv"
_REMEDY = "Compare it with the photo and its label file."


NEW_CLASS = ("relabel", "add_label")
DRAWN = ("rebox", "add_label")
_BOX_NUMBERS = 4
_OUTLINE_NUMBERS = 6


@dataclass(frozen=True, slots=True)
class Shape:
    """A box, or an outline with its bounds, in pixels of the photo."""

    box: BBox
    polygon: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Correction:
    """One row; ``label`` counts from 1, 0 where the photo is meant or a label is new.

    ``shape`` is what a ``rebox`` or ``add_label`` draws, of the class ``to`` (None: as it was).
    """

    photo: str
    what: Act
    label: int
    to: HazardClass | None
    why: str
    shape: Shape | None = None


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
        raise ConfigurationError(message, remedy="photo,what,label,to,why[,shape].") from error


def _parse_row(row: dict[str, str]) -> Correction:
    what, why = row["what"], row["why"].strip()
    acts: dict[str, Act] = {act: act for act in get_args(Act)}
    if what not in acts or not why:
        message = f"{row['photo']}: {what} is no act, or has no reason"
        raise ValueError(message)
    to = HazardClass(row["to"]) if what in NEW_CLASS else None
    shape = parse_shape(row.get("shape") or "") if what in DRAWN else None
    return Correction(row["photo"], acts[what], int(row["label"] or 0), to, why, shape)


def parse_shape(text: str) -> Shape:
    """Return the box of four numbers, or the outline of six or more.

    Raises:
        ValueError: they are fewer, odd, no numbers, or a box without an area.
    """
    numbers = [float(number) for number in text.split()]
    xs, ys = numbers[::2], numbers[1::2]
    if len(xs) != len(ys) or len(numbers) < _BOX_NUMBERS:
        message = f"{text!r} is neither a box nor an outline"
        raise ValueError(message)
    box = BBox(min(xs), min(ys), max(xs), max(ys))
    if not box.area_px > 0:
        message = f"{text!r} has no area"
        raise ValueError(message)
    is_outline = len(numbers) >= _OUTLINE_NUMBERS
    return Shape(box, tuple(zip(xs, ys, strict=True)) if is_outline else ())


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
        if row.what == "add_label":
            labels.append(_draw(photo, row))
            continue
        if not 1 <= row.label <= len(photo.annotations):
            message = f"{photo.name} has no label {row.label} to correct."
            raise ConfigurationError(message, remedy=_REMEDY)
        old = labels[row.label - 1]
        labels[row.label - 1] = _change(photo, old, row) if old else None
    kept = tuple(item for item in labels if item is not None)
    check_annotations(kept, photo.name)
    return replace(photo, annotations=kept)


def _change(photo: AnnotatedPhoto, old: Annotation, row: Correction) -> Annotation | None:
    if row.what == "rebox":
        return _draw(photo, replace(row, to=old.hazard_class))
    return replace(old, hazard_class=row.to) if row.to else None


def _draw(photo: AnnotatedPhoto, row: Correction) -> Annotation:
    """Return the label that a row draws.

    Raises:
        ConfigurationError: it reaches out of the photo, or the row has no shape or class.
    """
    shape = row.shape
    if (
        shape is None
        or row.to is None
        or shape.box.clip(photo.width_px, photo.height_px) != shape.box
    ):
        message = f"A correction of {photo.name} draws nothing inside the photo."
        raise ConfigurationError(message, remedy="Give the shape in pixels of the photo.")
    return Annotation(row.to, shape.box, shape.polygon)
