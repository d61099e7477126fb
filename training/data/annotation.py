"""What a data set says of a photo: its boxes by class, its group, its part of the split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass


@dataclass(frozen=True, slots=True)
class Annotation:
    """A human's box (or the renderer's exact one) in pixels of the full photo.

    ``polygon`` is the outline where one was drawn, ``(x, y)`` points; ``box`` are its bounds then.
    """

    hazard_class: HazardClass
    box: BBox
    polygon: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a photo comes from, as far as its data set says; empty where it does not.

    ``site`` and ``flight`` may span several groups. ``permissive`` is what the catalogue's table of
    licences says of the source; what is not known is not permissive.
    """

    source: str = ""
    licence: str = ""
    permissive: bool = False
    site: str = ""
    flight: str = ""
    view: str = ""
    surface: str = ""


@dataclass(frozen=True, slots=True)
class AnnotatedPhoto:
    """A photo of a data set. No annotation makes it a negative.

    ``name`` is unique in a run; ``group`` names photos of one place, which a split never parts.
    """

    name: str
    path: Path
    width_px: int
    height_px: int
    split: str
    group: str
    dataset: str
    annotations: tuple[Annotation, ...] = field(default=())
    origin: Origin = field(default=Origin())

    @property
    def is_negative(self) -> bool:
        """Whether nothing is boxed in the photo."""
        return not self.annotations


def hash_photos(photos: Iterable[AnnotatedPhoto]) -> str:
    """Return the sha256 over pixels, boxes (to 0.01 px) and split of every photo.

    The order of the photos and the place of the files do not matter; a moved box, another
    class, a changed pixel or a photo moved to the other side of the split does.
    """
    lines = sorted(_photo_line(photo) for photo in photos)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _photo_line(photo: AnnotatedPhoto) -> str:
    pixels = hashlib.sha256(photo.path.read_bytes()).hexdigest()
    return " ".join([photo.name, photo.split, pixels, *sorted(map(_label, photo.annotations))])


def _label(item: Annotation) -> str:
    numbers = [value for point in item.polygon for value in point] or item.box.xyxy
    return f"{item.hazard_class.value}:" + ",".join(f"{value:.2f}" for value in numbers)
