"""What label errors are spoken of with: a held-out model's box, a label that may be wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from detection.domain.geometry import BBox, Polygon
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto, Annotation

ID_DIGITS = 24


class SuspectKind(StrEnum):
    """How a label may be wrong."""

    MISSING_LABEL = "missing_label"
    NO_OBJECT = "no_object"
    WRONG_CLASS = "wrong_class"
    BAD_BOX = "bad_box"


@dataclass(frozen=True, slots=True)
class Prediction:
    """A box that a model gave of a photo it had not learnt, in pixels of the photo."""

    hazard_class: HazardClass
    score: float
    box: BBox
    polygons: tuple[Polygon, ...] = ()


Predictions = Mapping[str, Sequence[Prediction]]
"""What was said of each photo, by its name; an empty list is a photo that was looked at."""


@dataclass(frozen=True, slots=True)
class LabelInQuestion:
    """A label and its number in the photo: 1 is the first annotation."""

    number: int
    annotation: Annotation


@dataclass(frozen=True, slots=True)
class Suspect:
    """One label, or one place without a label, with which a held-out model disagrees.

    ``suspicion`` lies in [0, 1]; what it is a share of says :mod:`training.data.label_errors`.
    ``label`` is None of a missing label, ``model`` where the model saw nothing there.
    """

    kind: SuspectKind
    suspicion: float
    photo: AnnotatedPhoto
    label: LabelInQuestion | None
    model: Prediction | None

    @property
    def box(self) -> BBox:
        """What is to be looked at: the label, and the model's box where there is none."""
        given = self.label.annotation.box if self.label is not None else None
        found = self.model.box if self.model is not None else None
        if given is None:
            if found is None:
                message = "a suspect is about a label or about a box"
                raise ValueError(message)
            return found
        return given if found is None else _hull(given, found)


def name_suspect(suspect: Suspect, photo_sha256: str) -> str:
    """Return what a suspect is called: the same photo, kind, label and class give the same name.

    The model's box and score are no part of it, so that another training does not ask again for
    what a person has answered; only of a missing label there is nothing else to go by.
    """
    parts: list[object] = [photo_sha256, suspect.kind.value]
    if suspect.label is not None:
        item = suspect.label.annotation
        parts += [item.hazard_class.value, *(f"{side:.1f}" for side in item.box.xyxy)]
    if suspect.model is not None and suspect.kind is SuspectKind.WRONG_CLASS:
        parts.append(suspect.model.hazard_class.value)
    if suspect.model is not None and suspect.kind is SuspectKind.MISSING_LABEL:
        parts += [suspect.model.hazard_class.value, *map(round, suspect.model.box.xyxy)]
    text = " ".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]


def _hull(first: BBox, second: BBox) -> BBox:
    """Return the smallest box around both."""
    a, b = first.xyxy, second.xyxy
    return BBox(min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
