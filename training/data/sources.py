"""Catalogue (``datasets/<name>/``) and plain YOLO folders to annotated photos."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml
from PIL import Image

from detection.domain.errors import ConfigurationError, InvalidInputError
from detection.domain.hazard import HazardClass
from training.data import corrections, licences
from training.data.annotation import AnnotatedPhoto, Origin
from training.data.corrections import Correction, apply_corrections, read_corrections
from training.data.errors import CorruptImageError
from training.data.licences import LicenceTable, read_licences
from training.data.yolo_export import read_yolo_labels

CATALOGUE_DIR = Path(__file__).resolve().parents[2] / "datasets"
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A data set of the catalogue: where its files lie, and what their labels mean.

    ``facts`` is the table beside the photos that tells where each comes from. ``waived`` are leaks
    of the given split that are known, by site, with the reason why they stay.
    """

    name: str
    path: Path
    images: str
    labels: str
    classes: Mapping[int, HazardClass]
    splits: Mapping[str, tuple[str, ...]]
    group_column: str | None
    facts: str = "sources.csv"
    corrections: tuple[Correction, ...] = ()
    licences: LicenceTable = field(default_factory=dict)
    waived: Mapping[str, str] = field(default_factory=dict)


def list_catalogue(catalogue_dir: Path = CATALOGUE_DIR) -> list[str]:
    """Return the names of the data sets whose photos are stored files."""
    return sorted(
        path.parent.name
        for path in catalogue_dir.glob("*/dataset.yaml")
        if "path" in yaml.safe_load(path.read_text(encoding="utf-8"))
    )


def read_catalogue(name: str, catalogue_dir: Path = CATALOGUE_DIR) -> CatalogueEntry:
    """Read ``datasets/<name>/dataset.yaml`` with its lists of split, licences and corrections.

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
            facts=document.get("facts", "sources.csv"),
            corrections=read_corrections(folder / corrections.FILE_NAME),
            licences=read_licences(folder / licences.FILE_NAME),
            waived=document["split"].get("known_on_both_sides", {}),
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        message = f"Data set {name} cannot be read from {folder}: {error}."
        raise ConfigurationError(message, remedy="See datasets/ for the names.") from error


def load_dataset(entry: CatalogueEntry, data_dir: Path) -> list[AnnotatedPhoto]:
    """Return every photo that the split lists of a catalogue entry name, as corrected.

    Args:
        entry: the data set.
        data_dir: the folder that holds the labelled data; never part of this project.

    Raises:
        InvalidInputError: a listed photo is missing or unreadable, or a label is malformed.
        ConfigurationError: a correction does not fit the data.
    """
    photos = list_photos(entry, data_dir)
    labels = data_dir / entry.path / entry.labels
    return apply_corrections(load_yolo_labels_dir(photos, labels, entry.classes), entry.corrections)


def list_photos(
    entry: CatalogueEntry, data_dir: Path, *, tolerant: bool = False
) -> list[AnnotatedPhoto]:
    """Return the listed photos of a catalogue entry with their origin, so far without labels.

    Raises:
        InvalidInputError: the table of sources cannot be read, or (but ``tolerant``) a photo.
    """
    root = data_dir / entry.path
    facts = read_facts(root / entry.facts) if entry.facts else {}
    if entry.group_column and any(entry.group_column not in row for row in facts.values()):
        message = f"{root / entry.facts} does not give the {entry.group_column} of each photo."
        raise InvalidInputError(message, remedy="Check the data folder (--data).")
    photos = []
    for split, names in entry.splits.items():
        for name in names:
            row = facts.get(name, {})
            group = row.get(entry.group_column or "", "") or name
            path = root / entry.images / name
            photo = read_header(
                path, dataset=entry.name, split=split, group=group, tolerant=tolerant
            )
            photos.append(replace(photo, origin=read_origin(row, entry.licences)))
    return photos


def read_facts(path: Path) -> dict[str, Mapping[str, str]]:
    """Return the rows of a table of sources by the file name in its column ``image``.

    Raises:
        InvalidInputError: it cannot be read or has no such column.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {Path(row["image"]).name: row for row in csv.DictReader(file)}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        message = f"{path} does not tell where each photo comes from ({error})."
        raise InvalidInputError(message, remedy="Check the data folder (--data).") from error


def read_origin(row: Mapping[str, str], table: LicenceTable) -> Origin:
    """Return what a row of a table of sources says, with the licence judged by ``table``."""
    source = row.get("source_repo") or row.get("source") or ""
    licence = row.get("licence") or ""  # None in a row that is cut short
    return Origin(
        source=source,
        licence=licence,
        permissive=table.get((source, licence), licence in licences.PERMISSIVE),
        **{key: row.get(key) or "" for key in ("site", "flight", "view", "surface")},
    )


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


def read_header(
    path: Path, *, dataset: str, split: str, group: str, tolerant: bool = False
) -> AnnotatedPhoto:
    """Return a photo with its size from the header and, so far, without annotations.

    Where it cannot be read and the caller is ``tolerant``, because it looks for such photos, its
    size is 0 x 0.

    Raises:
        CorruptImageError: the file is missing or not an image.
    """
    try:
        with Image.open(path) as image:
            width_px, height_px = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if tolerant:
            return AnnotatedPhoto(path.name, path, 0, 0, split, group, dataset)
        message = f"{path} cannot be read as an image ({error})."
        raise CorruptImageError(message, remedy="Check the data folder (--data).") from error
    return AnnotatedPhoto(path.name, path, width_px, height_px, split, group, dataset)


def _with_labels(
    photo: AnnotatedPhoto, label: Path, classes: Mapping[int, HazardClass]
) -> AnnotatedPhoto:
    annotations = read_yolo_labels(label, classes, photo.width_px, photo.height_px)
    return replace(photo, annotations=annotations)
