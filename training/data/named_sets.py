"""A data set by the name that a command is given: of the catalogue, or a built version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from detection.domain.errors import InvalidInputError
from training.data import manifest
from training.data.annotation import AnnotatedPhoto
from training.data.audit import AuditedSet
from training.data.manifest import read_manifest
from training.data.sources import (
    CATALOGUE_DIR,
    list_catalogue,
    list_photos,
    load_dataset,
    read_catalogue,
)
from training.data.versions import (
    find_version,
    list_version,
    load_version,
    read_classes,
    read_version,
)

WAIVED_KEY = "known_on_both_sides"
"""Where a version that was built from the catalogue keeps the leaks that are known there."""

SharedDir = Callable[[], Path]
"""Finds the folder of shared files when it is needed: a version needs none."""


def is_catalogued(name: str, catalogue_dir: Path = CATALOGUE_DIR) -> bool:
    """Whether the catalogue has a stored set of that name."""
    return name in list_catalogue(catalogue_dir)


def load_named(name: str, store: Path, shared_dir: SharedDir) -> list[AnnotatedPhoto]:
    """Return the photos of a set of the catalogue, as corrected, or of a version.

    Raises:
        InvalidInputError: there is none of that name, or it cannot be read.
    """
    if is_catalogued(name):
        return load_dataset(read_catalogue(name), shared_dir())
    return load_version(_find(name, store))


def list_waived(name: str) -> Mapping[str, str]:
    """Return the sites that a set of the catalogue is known to have on both sides, and why."""
    return read_catalogue(name).waived


def open_for_audit(name: str, store: Path, shared_dir: SharedDir) -> AuditedSet:
    """Return a set as an audit takes it.

    Raises:
        InvalidInputError: there is none of that name, or its lists cannot be read; a photo that
            cannot is for the audit to name.
    """
    if not is_catalogued(name):
        return _open_version(_find(name, store))
    entry = read_catalogue(name)
    root = shared_dir() / entry.path
    path = CATALOGUE_DIR / name / manifest.FILE_NAME
    return AuditedSet(
        name=name,
        photos=tuple(list_photos(entry, shared_dir(), tolerant=True)),
        images=root / entry.images,
        labels=root / entry.labels,
        classes=entry.classes,
        manifest=tuple(read_manifest(path)) if path.is_file() else (),
        corrections=entry.corrections,
        waived=entry.waived,
    )


def _open_version(folder: Path) -> AuditedSet:
    document = read_version(folder)
    return AuditedSet(
        name=f"{document['name']} {folder.name}",
        photos=tuple(list_version(folder, tolerant=True)),
        images=folder / "images",
        labels=folder / "labels",
        classes=read_classes(folder),
        manifest=tuple(read_manifest(folder / manifest.FILE_NAME)),
        waived=document["made"].get(WAIVED_KEY, {}),
    )


def _find(name: str, store: Path) -> Path:
    try:
        return find_version(name, store)
    except InvalidInputError as error:
        message = f"{name} is neither a set of the catalogue ({', '.join(list_catalogue())}) nor"
        message += f" a data version in {store}."
        raise InvalidInputError(message, remedy=error.remedy) from error
