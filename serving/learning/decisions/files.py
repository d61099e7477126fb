"""An export as files: photos without metadata, people blurred, and ``decisions.json`` last.

The list comes last and appears whole, so that a folder with a list is a whole export.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import simplejpeg

from detection.domain.photo import Photo
from detection.ingest.decode import PhotoUnreadableError, decode_photo
from serving.learning.decisions.blurring import blur_people
from serving.learning.decisions.errors import FolderInUseError
from serving.learning.decisions.rows import (
    DecisionsExport,
    ExportedPhoto,
    json_from_export,
    json_from_photo,
)
from serving.storage.objects import ObjectStore

LIST_NAME = "decisions.json"
PHOTOS = "photos"
JPEG_QUALITY = 95

_LOG = logging.getLogger(__name__)


def each_file(
    export: DecisionsExport,
    store: ObjectStore,
    exported_at: datetime,
    *,
    on_photo: Callable[[int, int], None] | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every file of an export, the list last.

    A photo that cannot be read is left out with what was said of it; the list names it.
    ``on_photo`` is told how many photos are done, of how many.
    """
    boxes: dict[str, list[tuple[float, float, float, float]]] = {}
    for label in export.labels:
        boxes.setdefault(label.photo_sha256, []).append(label.bbox_xyxy)
    rows: list[dict[str, Any]] = []
    written: dict[str, dict[str, Any]] = {}
    for done, photo in enumerate(export.photos, start=1):
        if photo.sha256 not in written:
            made = _make_photo(photo, store, boxes.get(photo.sha256, []))
            if made is None:
                continue
            facts, data = made
            written[photo.sha256] = facts
            yield str(facts["file"]), data
        rows.append(json_from_photo(photo) | written[photo.sha256])
        if on_photo is not None:
            on_photo(done, len(export.photos))
    document = json_from_export(export, rows, exported_at)
    yield LIST_NAME, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def write_folder(files: Iterator[tuple[str, bytes]], out: Path) -> dict[str, Any]:
    """Write an export to a folder and return its list; photos of an earlier one there go away.

    Raises:
        FolderInUseError: the folder holds something else.
    """
    list_path = out / LIST_NAME
    if out.exists() and any(out.iterdir()) and not (list_path.is_file() or (out / PHOTOS).is_dir()):
        raise FolderInUseError(str(out))
    (out / PHOTOS).mkdir(parents=True, exist_ok=True)
    list_path.unlink(missing_ok=True)  # half a folder must not look like a whole one
    names: set[str] = set()
    document: dict[str, Any] = {}
    for name, data in files:
        if name == LIST_NAME:
            document = json.loads(data)
            for path in (out / PHOTOS).iterdir():
                if f"{PHOTOS}/{path.name}" not in names:
                    path.unlink()
        _write(out / name, data)
        names.add(name)
    return document


def zip_files(files: Iterator[tuple[str, bytes]]) -> Iterator[bytes]:
    """Yield an archive of an export piece by piece; it is never held whole."""
    pieces = _Pieces()
    with zipfile.ZipFile(pieces, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files:
            archive.writestr(name, data)
            yield pieces.take()
    yield pieces.take()


def _make_photo(
    photo: ExportedPhoto, store: ObjectStore, labelled: list[tuple[float, float, float, float]]
) -> tuple[dict[str, Any], bytes] | None:
    path = store.path_of(photo.sha256)
    sizes = (photo.width_px, photo.height_px)
    source = Photo(str(photo.photo_id), path, photo.sha256, *sizes, None, None, None, None)
    try:
        pixels = decode_photo(source)
    except PhotoUnreadableError as error:
        _LOG.warning("photo %s is left out of the export: %s", photo.sha256, error.message)
        return None
    blurred = blur_people(pixels, labelled)
    # Made anew from the pixels: no metadata, thumbnail or trailing preview can come along.
    data = simplejpeg.encode_jpeg(blurred.pixels, quality=JPEG_QUALITY, colorsubsampling="444")
    facts = {
        "file": f"{PHOTOS}/{photo.sha256}.jpg",
        "file_sha256": hashlib.sha256(data).hexdigest(),
        "blurred": blurred.counts(),
    }
    return facts, data


def _write(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


class _Pieces(io.RawIOBase):
    """A file that nobody can seek in: what was written is taken away at once."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self._held: list[bytes] = []

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, data: Any, /) -> int:  # noqa: ANN401  # any buffer, as the base class has it
        """Keep some bytes until they are taken."""
        self._held.append(bytes(data))
        return len(self._held[-1])

    def take(self) -> bytes:
        """Return and forget what was written."""
        held, self._held = b"".join(self._held), []
        return held
