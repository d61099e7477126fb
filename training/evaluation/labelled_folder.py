"""A folder of photos and YOLO labels that somebody brings, as annotated photos."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detection.domain.errors import InvalidInputError
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto
from training.data.importers.class_names import CLASSES_TXT
from training.data.pixels import UPRIGHT, check_decodable, read_orientation
from training.data.yolo_export import read_yolo_labels
from training.evaluation.class_keys import ClassKeys, find_class_keys
from training.evaluation.source_table import SOURCES_NAME, SourceTable, read_source_table

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"})
IMAGES, LABELS = "images", "labels"


@dataclass(frozen=True, slots=True)
class LabelledFolder:
    """The photos with the annotations that the model can know, and what a person should hear.

    ``ignored`` counts labels of classes that the taxonomy knows and the model does not learn;
    ``label_files`` belong to a photo, ``unused_labels`` to none. ``turned_photos`` are turned by
    their EXIF data: labels are taken as of the stored pixels.
    """

    photos: tuple[AnnotatedPhoto, ...]
    keys_from: str
    ignored: Mapping[HazardClass, int]
    label_files: int
    unused_labels: int
    turned_photos: int
    groups_known: bool


def read_labelled_folder(
    images: Path,
    labels: Path | None,
    model_classes: Sequence[HazardClass],
    *,
    classes: str | None = None,
    sources: Path | None = None,
) -> LabelledFolder:
    """Read every photo below ``images`` with its label file below ``labels``.

    Labels may lie in the same folders as the photos, in the same tree beside them, or flat; case
    of their suffix does not matter. A photo without a label file, or with an empty one, is a
    negative, and so is every photo without ``labels``. ``sources`` is a table of origins; without
    it ``sources.csv`` beside the photos is read where there is one.

    Raises:
        InvalidInputError: no photo, a damaged photo, a label that is malformed, outside its photo
            or of an unknown class, or label files of which none belongs to a photo.
    """
    paths = list_photos(images)
    keys = find_class_keys(classes, _beside(labels, images), model_classes)
    files = _list_label_files(labels) if labels is not None else {}
    found = _find_labels(images, files, paths)
    unused = _count_unused(files, found)
    if unused and not found:
        message = f"None of the {unused} label files in {labels} belongs to a photo in {images}."
        raise InvalidInputError(message, remedy="A label file has the name of its photo, in .txt.")
    table = _find_table(sources, images)
    photos = [_read_photo(path, images, found.get(path), keys, table) for path in paths]
    ignored: Counter[HazardClass] = Counter()
    kept = []
    for photo in photos:
        foreign = [item for item in photo.annotations if item.hazard_class not in model_classes]
        ignored.update(item.hazard_class for item in foreign)
        own = tuple(item for item in photo.annotations if item.hazard_class in model_classes)
        kept.append(replace(photo, annotations=own))
    return LabelledFolder(
        tuple(kept),
        keys.where,
        dict(ignored),
        len(found),
        unused,
        sum(read_orientation(path) not in UPRIGHT for path in paths),
        table.has_groups,
    )


def list_photos(images: Path) -> list[Path]:
    """Return every photo below a folder, by name; what starts with a dot is passed over.

    Raises:
        InvalidInputError: there is none.
    """
    paths = sorted(
        path
        for path in images.rglob("*")
        if path.suffix.lower() in PHOTO_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(images).parts)
    )
    if not paths:
        message = f"No photo lies in {images}."
        raise InvalidInputError(message, remedy="Give a folder of JPEG, PNG or TIFF photos.")
    return paths


def _beside(labels: Path | None, images: Path) -> list[Path]:
    """Return the folders where the class keys may lie, the nearest first."""
    folders = [labels, images] if labels is not None else [images]
    parents = [folder.resolve().parent for folder in folders]
    tops = [
        parent.parent  # of images/test and of test/images alike
        for folder, parent in zip(folders, parents, strict=True)
        if {folder.resolve().name, parent.name} & {IMAGES, LABELS}
    ]
    return [*folders, *parents, *tops]


def _list_label_files(labels: Path) -> dict[Path, Path]:
    """Return every text file below a folder by its place there, without the suffix."""
    return {
        path.relative_to(labels).with_suffix(""): path
        for path in sorted(labels.rglob("*"))
        if path.suffix.lower() == ".txt" and path.name != CLASSES_TXT and path.is_file()
    }


def _find_labels(
    images: Path, files: Mapping[Path, Path], paths: Sequence[Path]
) -> dict[Path, Path]:
    """Return the label file of each photo that has one."""
    names = Counter(path.stem for path in paths)
    above = _parts_below_images(images)
    found = {}
    for path in paths:
        inside = path.relative_to(images).with_suffix("")
        swapped = Path(*(LABELS if part == IMAGES else part for part in inside.parts))
        without = Path(*(part for part in inside.parts[:-1] if part != IMAGES), inside.name)
        places = [inside, swapped, without, Path(*above, inside)]
        if names[path.stem] == 1:  # else a flat file could be of either
            places.append(Path(inside.name))
        place = next((place for place in places if place in files), None)
        if place is not None:
            found[path] = files[place]
    return found


def _parts_below_images(images: Path) -> tuple[str, ...]:
    """Return ``("test",)`` of ``images/test``: so deep the labels lie below ``labels`` too."""
    parts = images.resolve().parts
    if IMAGES not in parts:
        return ()
    return parts[len(parts) - parts[::-1].index(IMAGES) :]


def _count_unused(files: Mapping[Path, Path], found: Mapping[Path, Path]) -> int:
    """Return how many files look like labels and belong to no photo."""
    used = set(found.values())
    return sum(path not in used and _looks_like_labels(path) for path in files.values())


def _looks_like_labels(path: Path) -> bool:
    """Whether the first line is numbers; lists of files and notes are none."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            cells = file.readline().split()
        return bool([float(cell) for cell in cells])
    except (OSError, ValueError):
        return False


def _find_table(sources: Path | None, images: Path) -> SourceTable:
    if sources is not None:
        return read_source_table(sources)
    for folder in _beside(None, images):
        if (folder / SOURCES_NAME).is_file():
            # Nobody asked for this file: one of another form says nothing and stops nothing.
            with contextlib.suppress(InvalidInputError):
                return read_source_table(folder / SOURCES_NAME)
    return SourceTable({}, {})


def _read_photo(
    path: Path, images: Path, label: Path | None, keys: ClassKeys, table: SourceTable
) -> AnnotatedPhoto:
    width_px, height_px = check_decodable(path)
    name = path.relative_to(images).as_posix()
    photo = AnnotatedPhoto(
        name=name,
        path=path,
        width_px=width_px,
        height_px=height_px,
        split="val",
        group=table.group_of(name),
        dataset=images.name,
        origin=table.origin_of(name),
    )
    if label is None:
        return photo
    known = keys.resolve()
    _check_numbers(label, keys, known)
    return replace(photo, annotations=read_yolo_labels(label, known, width_px, height_px))


def _check_numbers(label: Path, keys: ClassKeys, known: Mapping[int, HazardClass]) -> None:
    """Refuse a class that means nothing, by its name; what is malformed is left to the reader.

    Raises:
        UnknownClassError: names the line and the class.
    """
    text = label.read_bytes().decode("utf-8-sig", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        first = line.split()[:1]
        if first and first[0].isdecimal() and int(first[0]) not in known:
            raise keys.explain_unknown(int(first[0]), f"{label}:{number}")
