"""Manifests: the sha256 of each photo and of its label file, so that data is known to be the same.

A catalogue entry keeps ``manifest.csv`` over files that are not ours to pass on; a built version
keeps one over its own files, and is named by it.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from training.data.annotation import AnnotatedPhoto
from training.data.errors import DamagedVersionError
from training.data.following import follow

FILE_NAME = "manifest.csv"
COLUMNS = ("photo", "split", "image_sha256", "label_sha256")
ORIGIN_COLUMNS = ("source", "licence", "permissive", "site", "flight", "view", "surface")

ManifestRow = Mapping[str, str]


def hash_bytes(path: Path) -> str:
    """Return the sha256 of a file, or nothing where there is no file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def list_files(photos: Iterable[AnnotatedPhoto], labels: Path) -> list[ManifestRow]:
    """Return a row for each photo with the hashes of its image and label file, by name."""
    return [
        {
            "photo": photo.name,
            "split": photo.split,
            "image_sha256": hash_bytes(photo.path),
            "label_sha256": hash_bytes(labels / f"{photo.path.stem}.txt"),
        }
        for photo in sorted(photos, key=lambda photo: photo.name)
    ]


def format_manifest(rows: Iterable[ManifestRow], columns: Sequence[str] = COLUMNS) -> str:
    """Return the text of a manifest."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_manifest(path: Path) -> list[ManifestRow]:
    """Return the rows of a manifest.

    Raises:
        DamagedVersionError: it is not there or lacks a column.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows: list[ManifestRow] = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"{path} cannot be read as a manifest ({error})."
        raise DamagedVersionError(message, remedy="Build or copy the set anew.") from error
    if not rows or not set(COLUMNS) <= set(rows[0]):
        message = f"{path} is not a manifest: it lacks rows or columns."
        raise DamagedVersionError(message, remedy="Build or copy the set anew.")
    return rows


def find_changed(rows: Collection[ManifestRow], photos: Path, labels: Path) -> list[str]:
    """Return the names of photos whose image or label file is not what the manifest says."""
    return [
        row["photo"]
        for row in follow(rows, "Hashing photos")
        if hash_bytes(photos / row["photo"]) != row["image_sha256"]
        or hash_bytes(labels / f"{Path(row['photo']).stem}.txt") != row["label_sha256"]
    ]
