"""Built data sets: immutable folders named by what they hold.

``<store>/<12 hex>/`` has ``images/``, ``labels/`` (YOLO), ``splits/``, ``classes.txt``,
``manifest.csv`` and ``version.json``. The name is the hash of the classes and the manifest, which
has the hash of every image and label file and the side of the split. Pixels are stored once, by
hash, under ``<store>/objects/``, and linked from there. A version may hold further tables
(``extras``), whose hashes are part of its name too.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from detection.domain.errors import InvalidInputError
from detection.domain.hazard import HazardClass
from training.data import manifest
from training.data.annotation import AnnotatedPhoto, Origin
from training.data.errors import DamagedVersionError
from training.data.following import follow
from training.data.importers.class_names import CLASSES_TXT
from training.data.manifest import COLUMNS, ORIGIN_COLUMNS, format_manifest, read_manifest
from training.data.sources import load_yolo_labels_dir, read_header
from training.data.yolo_export import format_yolo_labels

NAME_LENGTH = 12
VERSION_JSON = "version.json"
OBJECTS = "objects"
EXTRAS = "extras"
_COLUMNS = (*COLUMNS, "group", *ORIGIN_COLUMNS)
_READ_ONLY = 0o444
_PART = ".building-"


@dataclass(frozen=True, slots=True)
class Built:
    """A version in the store; ``is_new`` is False where the same data was built before."""

    folder: Path
    is_new: bool


def build_version(
    photos: Sequence[AnnotatedPhoto],
    store: Path,
    *,
    name: str,
    note: Mapping[str, Any],
    extras: Mapping[str, str] | None = None,
) -> Built:
    """Write photos as a version, whole or not at all; the same data gives the same version.

    Args:
        photos: with split, group and origin; already checked.
        store: folder of versions; made where there is none.
        name: what the set is called in runs and reports.
        note: how it was made; kept in ``version.json``, no part of the hash.
        extras: further tables by their file name.

    Raises:
        InvalidInputError: two photos have one stem, so that their labels would mix.
    """
    photos = sorted(photos, key=lambda photo: photo.name)
    _check_stems(photos)
    classes = list_classes(photos)
    labels = {p.name: format_yolo_labels(p, {c: n for n, c in enumerate(classes)}) for p in photos}
    table = format_manifest(_list_rows(photos, labels), _COLUMNS)
    class_lines = "".join(f"{item.value}\n" for item in classes)
    extra = dict(extras or {})
    hashes = {file: hashlib.sha256(text.encode()).hexdigest() for file, text in extra.items()}
    digest = hash_version(class_lines, table, hashes)
    folder = store / digest[:NAME_LENGTH]
    if folder.exists():
        load_version(folder)
        return Built(folder, is_new=False)
    store.mkdir(parents=True, exist_ok=True)
    _clear_abandoned(store)
    with tempfile.TemporaryDirectory(prefix=f"{_PART}{os.getpid()}-", dir=store) as part:
        half = Path(part) / "version"
        document = {"name": name, "sha256": digest, "photos": len(photos), "made": dict(note)}
        document |= {EXTRAS: hashes} if hashes else {}
        texts = {
            **extra,
            CLASSES_TXT: class_lines,
            manifest.FILE_NAME: table,
            VERSION_JSON: json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n",
            **_list_splits(photos),
            **{f"labels/{Path(key).stem}.txt": text for key, text in labels.items()},
        }
        for path, text in texts.items():
            (half / path).parent.mkdir(parents=True, exist_ok=True)
            (half / path).write_text(text, encoding="utf-8")
            (half / path).chmod(_READ_ONLY)
        _link_images(photos, half / "images", store / OBJECTS)
        half.rename(folder)
    return Built(folder, is_new=True)


def list_classes(photos: Sequence[AnnotatedPhoto]) -> list[HazardClass]:
    """Return the classes that the photos show, in the order of the taxonomy."""
    shown = {item.hazard_class for photo in photos for item in photo.annotations}
    return [hazard_class for hazard_class in HazardClass if hazard_class in shown]


def hash_version(class_lines: str, table: str, extras: Mapping[str, str] | None = None) -> str:
    """Return the sha256 that names a version: its classes, manifest and hashes of more tables."""
    more = "".join(f"\n{file} {sha256}" for file, sha256 in sorted((extras or {}).items()))
    return hashlib.sha256(f"{class_lines}\n{table}{more}".encode()).hexdigest()


def find_version(given: str, store: Path) -> Path:
    """Return the folder of a version given by path or by the beginning of its hash.

    Raises:
        InvalidInputError: none or several have that name.
    """
    if (Path(given) / VERSION_JSON).is_file():
        return Path(given).resolve()
    stored = (path.parent for path in sorted(store.glob(f"*/{VERSION_JSON}")))
    found = [folder for folder in stored if given and folder.name.startswith(given)]
    if len(found) == 1:
        return found[0].resolve()
    message = f"{given} is {'no' if not found else 'more than one'} data version in {store}."
    raise InvalidInputError(message, remedy="See the folder, or make one: hazardlens data build.")


def load_version(folder: Path) -> list[AnnotatedPhoto]:
    """Return the photos of a version with their labels, split, group and origin.

    Raises:
        DamagedVersionError: the folder is not what its name says, to the last file.
        InvalidInputError: a photo or label cannot be read.
    """
    rows = read_manifest(folder / manifest.FILE_NAME)
    changed = manifest.find_changed(rows, folder / "images", folder / "labels")
    if changed:
        message = f"{len(changed)} photos of {folder} are not what its manifest says, such as "
        message += f"{changed[0]}: image or labels were changed."
        raise DamagedVersionError(message, remedy="Versions are immutable: remove it, build anew.")
    return load_yolo_labels_dir(list_version(folder), folder / "labels", read_classes(folder))


def list_version(folder: Path, *, tolerant: bool = False) -> list[AnnotatedPhoto]:
    """Return the photos of a version, so far without labels; their files are not compared.

    Raises:
        DamagedVersionError: classes or manifest are not what the name of the folder says.
        CorruptImageError: a photo cannot be read (but ``tolerant``).
    """
    name = str(read_version(folder)["name"])
    rows = read_manifest(folder / manifest.FILE_NAME)
    return [_photo_from_row(row, folder, name, tolerant=tolerant) for row in rows]


def read_classes(folder: Path) -> dict[int, HazardClass]:
    """Return the classes of a version by their number in its label files."""
    names = (folder / CLASSES_TXT).read_text(encoding="utf-8").split()
    return {number: HazardClass(name) for number, name in enumerate(names)}


def read_version(folder: Path) -> dict[str, Any]:
    """Return ``version.json`` of a folder whose classes and manifest are what it says.

    Raises:
        DamagedVersionError: they are not, or the folder is no version.
    """
    try:
        document = dict(json.loads((folder / VERSION_JSON).read_text(encoding="utf-8")))
        class_lines = (folder / CLASSES_TXT).read_text(encoding="utf-8")
        table = (folder / manifest.FILE_NAME).read_text(encoding="utf-8")
    except (OSError, ValueError, TypeError) as error:
        message = f"{folder} is not a data version ({error})."
        raise DamagedVersionError(message, remedy="Build it anew.") from error
    extras = {file: manifest.hash_bytes(folder / file) for file in document.get(EXTRAS, {})}
    if hash_version(class_lines, table, extras) != document.get("sha256"):
        message = f"{folder} is not what {VERSION_JSON} says: classes or tables were changed."
        raise DamagedVersionError(message, remedy="Versions are immutable: build another.")
    return document


def _photo_from_row(
    row: manifest.ManifestRow, folder: Path, dataset: str, *, tolerant: bool
) -> AnnotatedPhoto:
    photo = read_header(
        folder / "images" / row["photo"],
        dataset=dataset,
        split=row["split"],
        group=row["group"],
        tolerant=tolerant,
    )
    said = {key: row[key] for key in ORIGIN_COLUMNS if key != "permissive"}
    return replace(photo, origin=Origin(permissive=row["permissive"] == "yes", **said))


def _list_rows(
    photos: Sequence[AnnotatedPhoto], labels: Mapping[str, str]
) -> list[manifest.ManifestRow]:
    return [_row(photo, labels[photo.name]) for photo in follow(photos, "Hashing photos")]


def _row(photo: AnnotatedPhoto, label: str) -> manifest.ManifestRow:
    said = {key: str(getattr(photo.origin, key)) for key in ORIGIN_COLUMNS}
    return {
        "photo": photo.name,
        "split": photo.split,
        "image_sha256": manifest.hash_bytes(photo.path),
        "label_sha256": hashlib.sha256(label.encode()).hexdigest(),
        "group": photo.group,
        **said,
        "permissive": "yes" if photo.origin.permissive else "no",
    }


def _check_stems(photos: Sequence[AnnotatedPhoto]) -> None:
    stems: dict[str, str] = {}
    for photo in photos:
        other = stems.setdefault(Path(photo.name).stem, photo.name)
        if other != photo.name or Path(photo.name).name != photo.name:
            message = f"{photo.name} and {other} would share a label file."
            raise InvalidInputError(message, remedy="Rename one of them.")
    if len({photo.name for photo in photos}) < len(photos):
        message = "Two photos have the same name."
        raise InvalidInputError(message, remedy="Rename one of them.")


def _list_splits(photos: Sequence[AnnotatedPhoto]) -> dict[str, str]:
    return {
        f"splits/{side}.txt": "".join(f"{p.name}\n" for p in photos if p.split == side)
        for side in sorted({photo.split for photo in photos})
    }


def _link_images(photos: Sequence[AnnotatedPhoto], images: Path, objects: Path) -> None:
    """Link each image from the store of pixels; what is new there goes away if one fails."""
    images.mkdir(parents=True)
    objects.mkdir(parents=True, exist_ok=True)
    added: list[Path] = []
    try:
        for photo in follow(photos, "Storing photos"):
            digest = manifest.hash_bytes(photo.path)
            stored = objects / f"{digest}{photo.path.suffix.lower()}"
            if manifest.hash_bytes(stored) != digest:  # new, or damaged since
                _store(photo.path, stored, images)
                added.append(stored)
            _link(stored, images / photo.name)
    except BaseException:
        for stored in added:
            stored.unlink()
        raise


def _clear_abandoned(store: Path) -> None:
    """Remove what a build left that was killed; one that still runs has its number in the name."""
    for part in store.glob(f"{_PART}*"):
        try:
            os.kill(int(part.name.removeprefix(_PART).partition("-")[0]), 0)
        except ProcessLookupError:
            shutil.rmtree(part)
        except PermissionError:
            continue  # it runs, as somebody else


def _store(source: Path, stored: Path, images: Path) -> None:
    part = images.parent / stored.name
    shutil.copyfile(source, part)
    part.chmod(_READ_ONLY)
    part.replace(stored)


def _link(stored: Path, target: Path) -> None:
    try:
        os.link(stored, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(stored, target)
