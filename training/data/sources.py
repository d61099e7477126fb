"""Catalogue (``datasets/<name>/``) and plain YOLO folders to annotated photos."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from PIL import Image, UnidentifiedImageError

from detection.domain.errors import ConfigurationError, InvalidInputError
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto
from training.data.yolo_export import read_yolo_labels

CATALOGUE_DIR = Path(__file__).resolve().parents[2] / "datasets"
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A data set of the catalogue: where its files lie, and what their labels mean."""

    name: str
    path: Path
    images: str
    labels: str
    classes: Mapping[int, HazardClass]
    splits: Mapping[str, tuple[str, ...]]
    group_column: str | None


def read_catalogue(name: str, catalogue_dir: Path = CATALOGUE_DIR) -> CatalogueEntry:
    """Read ``datasets/<name>/dataset.yaml`` and its split lists.

    Raises:
        ConfigurationError: no such data set, or a field is missing or names an unknown class.
    """
    folder = catalogue_dir / name
    try:
        document = yaml.safe_load((folder / "dataset.yaml").read_text(encoding="utf-8"))
        splits = {
            side: tuple((folder / file).read_text(encoding="utf-8").split())
            for side, file in document["split"]["files"].items()
        }
        return CatalogueEntry(
            name=name,
            path=Path(document["path"]),
            images=document["images"],
            labels=document["labels"],
            classes={int(k): HazardClass(v) for k, v in document["class_map"].items()},
            splits=splits,
            group_column=document["split"].get("group_column"),
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        message = f"Data set {name} cannot be read from {folder}: {error}."
        raise ConfigurationError(message, remedy="See datasets/ for the names.") from error


def load_dataset(entry: CatalogueEntry, data_dir: Path) -> list[AnnotatedPhoto]:
    """Return every photo that the split lists of a catalogue entry name.

    Args:
        entry: the data set.
        data_dir: the folder that holds the labelled data; never part of this project.

    Raises:
        InvalidInputError: a listed photo is missing or unreadable, or a label is malformed.
    """
    root = data_dir / entry.path
    groups = _read_groups(root / "sources.csv", entry.group_column)
    photos = [
        read_header(
            root / entry.images / name,
            dataset=entry.name,
            split=split,
            group=groups.get(name, name),
        )
        for split, names in entry.splits.items()
        for name in names
    ]
    return load_yolo_labels_dir(photos, root / entry.labels, entry.classes)


def load_yolo_folder(
    folder: Path, classes: Mapping[int, HazardClass], *, dataset: str, split: str
) -> list[AnnotatedPhoto]:
    """Return every image of ``folder/images`` with its labels from ``folder/labels``."""
    images = sorted(p for p in (folder / "images").glob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    if not images:
        message = f"No image lies in {folder / 'images'}."
        raise InvalidInputError(message, remedy="Expect images/*.jpg and labels/*.txt.")
    photos = [read_header(path, dataset=dataset, split=split, group=path.stem) for path in images]
    return load_yolo_labels_dir(photos, folder / "labels", classes)


def load_yolo_labels_dir(
    photos: Iterable[AnnotatedPhoto], labels: Path, classes: Mapping[int, HazardClass]
) -> list[AnnotatedPhoto]:
    """Return photos with the labels of the same stem; a photo without a file is a negative."""
    return [_with_labels(photo, labels / f"{photo.path.stem}.txt", classes) for photo in photos]


def read_header(path: Path, *, dataset: str, split: str, group: str) -> AnnotatedPhoto:
    """Return a photo with its size from the header and, so far, without annotations.

    Raises:
        InvalidInputError: the file is missing or not an image.
    """
    try:
        with Image.open(path) as image:
            width_px, height_px = image.size
    except (OSError, UnidentifiedImageError) as error:
        message = f"{path} cannot be read as an image ({error})."
        raise InvalidInputError(message, remedy="Check the data folder (--data).") from error
    return AnnotatedPhoto(path.name, path, width_px, height_px, split, group, dataset)


def _with_labels(
    photo: AnnotatedPhoto, label: Path, classes: Mapping[int, HazardClass]
) -> AnnotatedPhoto:
    annotations = read_yolo_labels(label, classes, photo.width_px, photo.height_px)
    return replace(photo, annotations=annotations)


def _read_groups(path: Path, column: str | None) -> dict[str, str]:
    if column is None:
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {Path(row["image"]).name: row[column] for row in csv.DictReader(file)}
    except (OSError, KeyError) as error:
        message = f"{path} does not give the {column} of each photo ({error})."
        raise InvalidInputError(message, remedy="Check the data folder (--data).") from error
