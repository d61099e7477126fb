"""The number of a label in its file, where corrections took others out before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from training.data.annotation import AnnotatedPhoto
from training.data.corrections import Correction
from training.data.suspects import LabelInQuestion, Suspect


def number_as_in_files(
    suspects: Iterable[Suspect], stored: Iterable[AnnotatedPhoto]
) -> list[Suspect]:
    """Return the suspects with their labels counted as ``corrections.csv`` counts them.

    ``stored`` are the photos with the labels of their files, nothing corrected.
    """
    boxes = {photo.name: [item.box for item in photo.annotations] for photo in stored}
    found = []
    for suspect in suspects:
        label = suspect.label
        if label is not None:
            number = boxes[suspect.photo.name].index(label.annotation.box) + 1
            label = LabelInQuestion(number, label.annotation)
        found.append(replace(suspect, label=label))
    return found


def leave_out_known(
    suspects: Iterable[Suspect], corrections: Sequence[Correction]
) -> list[Suspect]:
    """Return the suspects without the labels that somebody has listed as doubtful before."""
    known = {(row.photo, row.label) for row in corrections if row.what == "doubtful"}
    return [
        suspect
        for suspect in suspects
        if suspect.label is None or (suspect.photo.name, suspect.label.number) not in known
    ]
