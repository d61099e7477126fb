"""YOLO sets: images and text labels, boxes or polygons.

Labels lie beside the images, or in ``labels`` where the image's path has ``images``. The split is
that of ``data.yaml`` or of lists ``train.txt`` and ``val.txt``, else of folders of that name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from detection.domain.errors import InvalidInputError
from detection.domain.hazard import HazardClass
from training.data.annotation import Annotation
from training.data.errors import MissingSplitError
from training.data.following import follow
from training.data.importers.class_names import (
    CLASSES_TXT,
    DATA_YAML,
    read_class_names,
    read_data_yaml,
)
from training.data.importers.imported import (
    SIDES,
    ClassNames,
    ImportedPhoto,
    check_listed,
    import_photo,
    list_images,
    name_in,
    read_list,
    side_from_words,
)
from training.data.yolo_export import read_yolo_labels

_LISTS = {"train.txt": "train", "val.txt": "val", "valid.txt": "val", "test.txt": "test"}


def import_yolo(
    folder: Path, class_names: ClassNames, given_names: Sequence[str] = ()
) -> list[ImportedPhoto]:
    """Return every photo of a YOLO set.

    Raises:
        InvalidInputError: a photo, label, class or list cannot be used, by name.
    """
    names = read_class_names([folder], given_names)
    classes = {number: class_names.find(name, str(folder)) for number, name in enumerate(names)}
    images = list_images(folder)
    _check_claimed(folder, images)
    sides = _read_sides(folder, images)
    return [
        _import_image(folder, path, sides, classes) for path in follow(images, "Reading photos")
    ]


def _import_image(
    folder: Path,
    path: Path,
    sides: Mapping[str, str],
    classes: Mapping[int, HazardClass],
) -> ImportedPhoto:
    name = name_in(folder, path)
    label = find_label(path, folder)
    split = sides.get(name) or side_from_words(Path(name).parts[:-1])
    reader = partial(_read, label, classes) if label.is_file() else None
    return import_photo(name, path, split=split, read_labels=reader, where=str(label))


def _read(
    label: Path, classes: Mapping[int, HazardClass], size_px: tuple[int, int]
) -> tuple[Annotation, ...]:
    return read_yolo_labels(label, classes, *size_px)


def find_label(image: Path, folder: Path) -> Path:
    """Return where the label file of an image lies: ``images`` becomes ``labels``, else beside."""
    parts = list(image.relative_to(folder).parts)
    if "images" in parts[:-1]:
        last = len(parts) - 2 - parts[-2::-1].index("images")
        parts[last] = "labels"
    return folder.joinpath(*parts).with_suffix(".txt")


def _check_claimed(folder: Path, images: Sequence[Path]) -> None:
    """Refuse labels in a folder ``labels`` whose photo is missing, or of a kind not read here."""
    claimed = {find_label(path, folder) for path in images}
    for path in sorted(folder.rglob("*.txt")):
        is_label = "labels" in path.relative_to(folder).parts[:-1] and path.name != CLASSES_TXT
        if is_label and path not in claimed:
            message = f"{path} labels a photo that is not there."
            remedy = "Restore the photo as JPEG, PNG or TIFF, or remove its label."
            raise InvalidInputError(message, remedy=remedy)


def _read_sides(folder: Path, images: Sequence[Path]) -> dict[str, str]:
    """Return the given side of each photo by its name; empty where no file gives one."""
    by_name = {name_in(folder, path): path for path in images}
    sides: dict[str, str] = {}
    for where, side in _list_sides(folder):
        for name in _names_of(where, folder, by_name):
            if sides.setdefault(name, side) != side:
                message = f"{name} is on two sides of the split of {folder}."
                raise MissingSplitError(message, remedy="List each photo once.")
    check_listed(sides, by_name, str(folder))
    return sides


def _list_sides(folder: Path) -> list[tuple[Path, str]]:
    """Return the folders and lists that a split names; those of ``data.yaml`` must exist."""
    data_yaml = folder / DATA_YAML
    if data_yaml.is_file():
        document = read_data_yaml(data_yaml)
        base = folder / str(document.get("path") or "")
        given = [
            (_resolve(str(entry), base, folder), side)
            for word, side in SIDES.items()
            for value in [document.get(word)]
            for entry in (value if isinstance(value, list) else [value])
            if entry
        ]
        missing = [path for path, _ in given if not path.exists()]
        if missing:
            message = f"{data_yaml} names {missing[0]}, which is not there."
            raise MissingSplitError(message, remedy="Correct the path, or remove the side.")
        # One folder for all sides is how a set without a split is written.
        return given if len({path for path, _ in given}) > 1 else []
    return [(folder / name, side) for name, side in _LISTS.items() if (folder / name).is_file()]


def _resolve(entry: str, base: Path, folder: Path) -> Path:
    """Return the path of an entry; exports often begin with ``../`` though they lie beside."""
    for root in (base, folder):
        if (root / entry).exists():
            return root / entry
    return folder / entry.removeprefix("../")


def _names_of(where: Path, folder: Path, by_name: Mapping[str, Path]) -> list[str]:
    if where.is_dir():
        return [
            name for name, path in by_name.items() if path.resolve().is_relative_to(where.resolve())
        ]
    found = []
    for line in read_list(where):
        name = _find_name(line, where, folder, by_name)
        if name is None:
            message = f"{where} lists {line}, which is not there."
            raise MissingSplitError(message, remedy="Correct the list or restore the photo.")
        found.append(name)
    return found


def _find_name(line: str, where: Path, folder: Path, by_name: Mapping[str, Path]) -> str | None:
    """Return the photo that a line of a list means: a path, or the name below ``images``."""
    for root in (where.parent, folder, folder / "images"):
        name = name_in(folder, root / line)
        if name in by_name:
            return name
    return None
