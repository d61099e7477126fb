"""A folder of files to a flight: photos with pose, and a row for every file that is no use."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Container, Sequence
from pathlib import Path, PurePosixPath

from detection.domain.camera import CameraIntrinsics
from detection.domain.errors import EmptyFlightError, InvalidInputError
from detection.domain.photo import Flight, FlightKind, IngestFailure, Photo
from detection.domain.reasons import build_failure
from detection.ingest.exiftool import complete_photos
from detection.ingest.flight_checks import check_flight
from detection.ingest.folder import list_photo_files
from detection.ingest.header import PhotoHeader, UnusableFileError, read_header
from detection.ingest.intrinsics import has_fisheye, read_intrinsics, rotate_intrinsics
from detection.ingest.moment import find_moment
from detection.ingest.pose import read_pose
from detection.ingest.sidecars import apply_sidecars

MIN_DIGITAL_ZOOM = 1.01
"""Enlargements up to this are roundings."""

NAMED_FAILURES = 5
"""So many files are named with their remedies where none can be used."""


def read_flight(
    folder: Path,
    kind: FlightKind,
    name: str,
    *,
    left_out: Container[Path] = (),
    exiftool: Path | None = None,
    may_be_empty: bool = False,
) -> Flight:
    """Read every photo below ``folder``; files that cannot be used become failures.

    RTK logs and GPS tracks beside the photos are used where they fit, and ``exiftool`` is asked
    for what is then still missing. Only headers are decoded: a photo that breaks off in the
    middle is found when its pixels are read. ``left_out`` holds resolved paths of folders below
    that are not looked into. A flight that ``may_be_empty`` is one of videos, which are not read
    here.

    Raises:
        InvalidInputError: ``folder`` is no folder or may not be read.
        EmptyFlightError: no photo below ``folder`` can be used, and it must hold some.
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
    if not photos and not may_be_empty:
        raise explain_empty_flight(folder, listing.other_files, failures)
    placed, unused = apply_sidecars(photos, listing.sidecar_files)
    checked = check_flight(complete_photos(placed, exiftool, kind), kind=kind)
    return Flight(name, kind, checked, (*failures, *unused), listing.other_files)


def explain_empty_flight(
    folder: Path, other_files: int, failures: Sequence[IngestFailure]
) -> EmptyFlightError:
    """Return the error that names what is wrong with the files of a flight without photos."""
    if not failures:
        message = f"{folder} holds no photo; {other_files} other files were passed over."
        remedy = "Give the folder with the JPEG, PNG or TIFF files of the flight."
        return EmptyFlightError(message, remedy=remedy)
    rows = [f"  {row.photo_id}: {row.message} {row.remedy}" for row in failures[:NAMED_FAILURES]]
    if len(failures) > NAMED_FAILURES:
        rows.append(f"  and {len(failures) - NAMED_FAILURES} more")
    message = "\n".join([f"None of the {len(failures)} photos in {folder} can be used:", *rows])
    return EmptyFlightError(message, remedy="\nMend or replace them, then run the command again.")


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
    pose, warnings = read_pose(header.exif, header.tags, kind)
    stored = read_intrinsics(header.width_px, header.height_px, header.exif, header.tags)
    return Photo(
        photo_id=photo_id,
        path=path,
        sha256=digest,
        width_px=header.displayed_width_px,
        height_px=header.displayed_height_px,
        captured_at=find_moment(header.exif, header.tags),
        camera_model=header.exif.model,
        intrinsics=stored and rotate_intrinsics(stored, header.exif.orientation),
        pose=pose,
        warnings=warnings + _list_lens_warnings(header, stored, kind),
    )


def _list_lens_warnings(
    header: PhotoHeader, camera: CameraIntrinsics | None, kind: FlightKind
) -> tuple[str, ...]:
    found = {
        "no_focal_length": camera is None and kind is FlightKind.DRONE,
        "fisheye_lens": has_fisheye(header.tags),
        "digital_zoom": header.exif.digital_zoom > MIN_DIGITAL_ZOOM,
        "broken_metadata": header.is_broken,
    }
    return tuple(code for code, holds in found.items() if holds)
