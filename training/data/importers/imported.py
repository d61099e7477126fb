"""What an importer returns, and what the importers share."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.data.annotation import Annotation
from training.data.errors import MalformedLabelError, MissingSplitError, UnknownClassError
from training.data.label_checks import check_annotations, check_area, check_inside
from training.data.pixels import check_decodable, check_upright
from training.data.sources import IMAGE_SUFFIXES

SIDES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
"""Words of other tools for the sides of a split."""

LabelReader = Callable[[tuple[int, int]], tuple[Annotation, ...]]


@dataclass(frozen=True, slots=True)
class ImportedPhoto:
    """A photo of another tool's set; ``name`` is its path in the set, with forward slashes.

    ``labelled`` is False where nobody labelled it, which is not to say that it shows nothing;
    ``split`` is empty where the set gives none.
    """

    name: str
    path: Path
    size_px: tuple[int, int]
    split: str
    labelled: bool
    annotations: tuple[Annotation, ...]


@dataclass(frozen=True, slots=True)
class ClassNames:
    """Names of another tool to our classes: our own keys, and ``given`` ones."""

    given: Mapping[str, HazardClass]

    def find(self, name: str, where: str) -> HazardClass:
        """Return the class of a name.

        Raises:
            UnknownClassError: neither a key of the taxonomy nor mapped.
        """
        if name in self.given:
            return self.given[name]
        try:
            return HazardClass(name)
        except ValueError as error:
            message = f"{where} names the class {name!r}, which the taxonomy does not know."
            remedy = f"Map it with --map {name}=KEY; the keys are in datasets/taxonomy.yaml."
            raise UnknownClassError(message, remedy=remedy) from error


def import_photo(
    name: str, path: Path, *, split: str, read_labels: LabelReader | None, where: str
) -> ImportedPhoto:
    """Decode a photo, read and check its labels; without a reader it was not labelled.

    Raises:
        InvalidInputError: the photo or one of its labels cannot be used, by name.
    """
    size_px = check_decodable(path)
    check_upright(path)
    annotations = read_labels(size_px) if read_labels else ()
    check_annotations(annotations, where)
    check_area(annotations, where)
    return ImportedPhoto(name, path, size_px, split, read_labels is not None, annotations)


def check_name(name: str, where: str) -> str:
    """Return the name of a photo as a set gives it, if it stays in the folder of the set.

    Raises:
        MalformedLabelError: it leads out of it; a file of labels must not fetch other pictures.
    """
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        message = f"{where} names the photo {name}, which is outside the folder of the set."
        raise MalformedLabelError(message, remedy="Name photos relative to --images DIR.")
    return name


def annotation_from_box(
    hazard_class: HazardClass, box: BBox, size_px: tuple[int, int], where: str
) -> Annotation:
    """Return a box as annotation, clipped to the photo.

    Raises:
        MalformedLabelError: a side is no finite number.
        LabelOutsideError: it lies outside the photo.
    """
    _check_finite(box.xyxy, where)
    check_inside(box, size_px, where)
    return Annotation(hazard_class, box.clip(*size_px))


def annotation_from_ring(
    hazard_class: HazardClass,
    ring: Sequence[tuple[float, float]],
    size_px: tuple[int, int],
    where: str,
) -> Annotation:
    """Return a polygon as annotation, its corners clipped to the photo.

    Raises:
        MalformedLabelError: fewer than three corners, or one is no finite number.
        LabelOutsideError: it lies outside the photo.
    """
    if len(ring) < 3:  # noqa: PLR2004  # corners of a triangle
        message = f"{where} is a polygon of {len(ring)} corners."
        raise MalformedLabelError(message, remedy="A polygon has three or more.")
    _check_finite((value for corner in ring for value in corner), where)
    check_inside(_bound(ring), size_px, where)
    width_px, height_px = size_px
    clipped = tuple((min(max(x, 0.0), width_px), min(max(y, 0.0), height_px)) for x, y in ring)
    return Annotation(hazard_class, _bound(clipped), clipped)


def _check_finite(numbers: Iterable[float], where: str) -> None:
    if not all(math.isfinite(number) for number in numbers):
        message = f"{where} has a corner that is no finite number."
        raise MalformedLabelError(message, remedy="Export the set anew.")


def _bound(ring: Sequence[tuple[float, float]]) -> BBox:
    xs, ys = zip(*ring, strict=True)
    return BBox(min(xs), min(ys), max(xs), max(ys))


def list_images(folder: Path) -> list[Path]:
    """Return every image below a folder, in order.

    Raises:
        InvalidInputError: there is none.
    """
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
    )
    if not found:
        message = f"No image lies below {folder}."
        raise InvalidInputError(message, remedy="Give the folder of the set, or --images DIR.")
    return found


def name_in(folder: Path, path: Path) -> str:
    """Return the path of a photo in its set, with forward slashes."""
    return PurePosixPath(os.path.relpath(path, folder)).as_posix()


def side_from_words(words: Iterable[str]) -> str:
    """Return the side of the split that a path or file name speaks of, or nothing."""
    found = [SIDES[word.lower()] for word in words if word.lower() in SIDES]
    return found[-1] if found else ""


def read_list(path: Path) -> list[str]:
    """Return the lines of a list of photos that are not empty.

    Raises:
        MissingSplitError: it is no text.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read as a list of photos ({error})."
        raise MissingSplitError(message, remedy="Write one photo a line.") from error
    return [line.strip() for line in lines if line.strip()]


def check_listed(sides: Mapping[str, str], names: Iterable[str], where: str) -> None:
    """Refuse lists of a split that leave photos out.

    Raises:
        MissingSplitError: a photo is in no list.
    """
    left_out = [name for name in names if name not in sides]
    if sides and left_out:
        message = f"{len(left_out)} photos are in no list of {where}, such as {left_out[0]}."
        raise MissingSplitError(message, remedy="List them, or draw the split: --split draw.")
