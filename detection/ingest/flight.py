"""A folder of files to a flight: photos with pose, and a row for every file that is no use."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from detection.domain.errors import EmptyFlightError, InvalidInputError
from detection.domain.photo import Flight, FlightKind, IngestFailure, Photo
from detection.domain.reasons import build_failure
from detection.ingest.header import PhotoHeader, UnusableFileError, read_header
from detection.ingest.intrinsics import read_intrinsics, rotate_intrinsics
from detection.ingest.pose import read_pose

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff"})

NAMED_FAILURES = 5
"""So many files are named with their remedies where none can be used."""


@dataclass(frozen=True, slots=True)
class FolderListing:
    """The files of a folder: photos by suffix with their ids, sorted, and how many are others.

    ``closed_folders`` are the ids of folders that could not be listed.
    """

    photo_files: tuple[tuple[str, Path], ...]
    other_files: int
    closed_folders: tuple[str, ...] = ()


def read_flight(
    folder: Path, kind: FlightKind, name: str, *, left_out: Container[Path] = ()
) -> Flight:
    """Read every photo below ``folder``; files that cannot be used become failures.

    Only headers are decoded: a photo that breaks off in the middle is found when its pixels are
    read. ``left_out`` holds resolved paths of folders below that are not looked into.

    Raises:
        InvalidInputError: ``folder`` is no folder or may not be read.
        EmptyFlightError: no photo below ``folder`` can be used.
    """
    listing = list_photo_files(folder, left_out)
    photos: list[Photo] = []
    failures = [build_failure(i, "unreadable_file", "folder") for i in listing.closed_folders]
    first_by_hash: dict[str, str] = {}
    for photo_id, path in listing.photo_files:
        result = read_photo(path, photo_id, kind=kind)
        if isinstance(result, IngestFailure):
            failures.append(result)
            continue
        first = first_by_hash.setdefault(result.sha256, photo_id)
        if first == photo_id:
            photos.append(result)
        else:
            failures.append(build_failure(photo_id, "duplicate_photo", f"same as {first}"))
    if not photos:
        raise _empty_flight(folder, listing, failures)
    return Flight(name, kind, tuple(photos), tuple(failures), listing.other_files)


def _empty_flight(
    folder: Path, listing: FolderListing, failures: list[IngestFailure]
) -> EmptyFlightError:
    if not failures:
        message = f"{folder} holds no photo; {listing.other_files} other files were passed over."
        remedy = "Give the folder with the JPEG, PNG or TIFF files of the flight."
        return EmptyFlightError(message, remedy=remedy)
    rows = [f"  {row.photo_id}: {row.message} {row.remedy}" for row in failures[:NAMED_FAILURES]]
    if len(failures) > NAMED_FAILURES:
        rows.append(f"  and {len(failures) - NAMED_FAILURES} more")
    message = "\n".join([f"None of the {len(failures)} photos in {folder} can be used:", *rows])
    return EmptyFlightError(message, remedy="\nMend or replace them, then run the command again.")


def list_photo_files(folder: Path, left_out: Container[Path] = ()) -> FolderListing:
    """List ``folder`` and everything below; hidden files and folders are passed over.

    Links to folders are followed, each real folder once; folders whose resolved path is in
    ``left_out`` are not.

    Raises:
        InvalidInputError: ``folder`` is no folder or may not be read.
    """
    if not folder.is_dir():
        message = f"{folder} is not a folder."
        raise InvalidInputError(message, remedy="Give the folder that holds the flight's photos.")
    photos: list[tuple[str, Path]] = []
    others = 0
    closed: list[Path] = []
    for path in _walk(folder, closed, left_out):
        if path.suffix.lower() in PHOTO_SUFFIXES:
            photos.append((_photo_id_from_path(path.relative_to(folder)), path))
        else:
            others += 1
    if folder in closed:
        message = f"{folder} cannot be read."
        raise InvalidInputError(message, remedy="Check the folder's permissions.")
    closed_ids = sorted(_photo_id_from_path(path.relative_to(folder)) for path in closed)
    return FolderListing(tuple(sorted(photos)), others, tuple(closed_ids))


def _walk(folder: Path, closed: list[Path], left_out: Container[Path]) -> Iterator[Path]:
    """Yield every file below ``folder``; folders that cannot be listed go to ``closed``."""

    def note_closed(error: OSError) -> None:
        closed.append(Path(str(error.filename)))

    seen: set[tuple[int, int]] = set()
    for place, folders, files in os.walk(folder, followlinks=True, onerror=note_closed):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and Path(place, name).resolve() not in left_out
        )
        yield from (Path(place, name) for name in files if not name.startswith("."))


def _photo_id_from_path(relative: Path) -> str:
    """Return the id; bytes that are no UTF-8 are written in hex so that it can be stored."""
    return os.fsencode(relative.as_posix()).decode("utf-8", "backslashreplace")


def read_photo(
    path: Path, photo_id: str, *, kind: FlightKind = FlightKind.DRONE
) -> Photo | IngestFailure:
    """Read one file's header, EXIF, XMP and hash; a file that is no use gives its row.

    ``path`` may have any name (an upload stored under its hash); ``photo_id`` names the photo.

    Raises:
        InvalidInputError: ``photo_id`` is empty, absolute or climbs out of the flight.
    """
    _check_photo_id(photo_id)
    try:
        _check_regular(path)
        header = read_header(path)
        digest = _hash_file(path)
    except UnusableFileError as error:
        return build_failure(photo_id, error.code, error.detail)
    except OSError as error:
        return build_failure(photo_id, "unreadable_file", error.strerror or "")
    return _photo_from_header(header, path, photo_id, digest, kind)


def _check_photo_id(photo_id: str) -> None:
    pure = PurePosixPath(photo_id)
    if not photo_id or pure.is_absolute() or ".." in pure.parts or "\x00" in photo_id:
        message = f"{photo_id!r} cannot name a photo."
        raise InvalidInputError(message, remedy="Use a file name without .. and leading slash.")


def _check_regular(path: Path) -> None:
    """Refuse what is no file: opening a pipe would wait for ever."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        code = "unreadable_file"
        raise UnusableFileError(code, "not a plain file")
    if status.st_size == 0:
        code = "empty_file"
        raise UnusableFileError(code)


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _photo_from_header(
    header: PhotoHeader, path: Path, photo_id: str, digest: str, kind: FlightKind
) -> Photo:
    pose, warnings = read_pose(header.exif, header.dji, kind)
    stored = read_intrinsics(header.width_px, header.height_px, header.exif, header.dji)
    photo = Photo(
        photo_id=photo_id,
        path=path,
        sha256=digest,
        width_px=header.displayed_width_px,
        height_px=header.displayed_height_px,
        captured_at=header.exif.captured_at,
        camera_model=header.exif.model,
        intrinsics=stored and rotate_intrinsics(stored, header.exif.orientation),
        pose=pose,
        warnings=warnings,
    )
    extra = () if stored or kind is FlightKind.STREET else ("no_focal_length",)
    broken = ("broken_metadata",) if header.exif.is_broken or header.dji.is_broken else ()
    return replace(photo, warnings=warnings + extra + broken)
