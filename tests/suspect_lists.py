"""Lists of suspected labels as the training side writes them, with drawn photos.

Import as ``from tests.suspect_lists import write_list``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.label_sources import LabelSource, LabelSources
from training.data.suspects import LabelInQuestion, Prediction, Suspect, SuspectKind
from training.data.suspects_file import write_suspects

SIDE_PX = 400
LABEL, BESIDE = BBox(100, 100, 200, 200), BBox(150, 150, 260, 250)


def make_photo(folder: Path, name: str, *, split: str = "train") -> AnnotatedPhoto:
    """Draw a photo with one labelled square."""
    pixels = np.full((SIDE_PX, SIDE_PX, 3), 120, dtype=np.uint8)
    pixels[100:200, 100:200] = (60, 50, 40)
    pixels[300:340, 300:340] = sum(name.encode()) % 200
    path = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    given = Annotation(HazardClass.MANHOLE_OK, LABEL)
    return AnnotatedPhoto(name, path, SIDE_PX, SIDE_PX, split, name, "drawn", (given,))


def make_suspects(folder: Path, *, split: str = "train") -> list[Suspect]:
    """Return one suspect of each kind, each in a photo of its own, the most suspicious first."""
    found = Prediction(HazardClass.MANHOLE_MISSING, 0.8, BESIDE)
    models: dict[SuspectKind, Prediction | None] = {
        SuspectKind.WRONG_CLASS: replace(found, box=LABEL),
        SuspectKind.MISSING_LABEL: replace(found, box=BBox(290, 290, 350, 350)),
        SuspectKind.BAD_BOX: replace(found, hazard_class=HazardClass.MANHOLE_OK),
        SuspectKind.NO_OBJECT: None,
    }
    suspects = []
    for number, (kind, model) in enumerate(models.items()):
        photo = make_photo(folder, f"{kind.value}.png", split=split)
        is_about_label = kind is not SuspectKind.MISSING_LABEL
        label = LabelInQuestion(1, photo.annotations[0]) if is_about_label else None
        suspects.append(Suspect(kind, 0.9 - number / 10, photo, label, model))
    return suspects


def write_list(
    folder: Path,
    *,
    name: str = "covers",
    split: str = "train",
    decided: LabelSource | None = None,
) -> Path:
    """Write a list with a suspect of each kind; ``decided`` is whose the first label is."""
    suspects = make_suspects(folder / "photos", split=split)
    by_label = {(suspects[0].photo.name, 1): decided} if decided is not None else {}
    write_suspects(
        folder,
        suspects,
        name=name,
        photos=[suspect.photo for suspect in suspects],
        made_by={"kind": "predictions"},
        sources=LabelSources(by_label),
    )
    return folder
