"""What lies in the folder of a flight: photos, the tracks beside them, and the rest."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from detection.domain.errors import InvalidInputError
from detection.ingest.sidecars import READERS

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".avi"})
SUBTITLE_SUFFIX = ".srt"


@dataclass(frozen=True, slots=True)
class FolderListing:
    """The files of a folder: photos by suffix with their ids, sorted, and how many are others.

    ``closed_folders`` are the ids of folders that could not be listed, ``sidecar_files`` the
    tracks that belong to photos, with their ids, sorted; ``video_files`` likewise. The subtitles
    of a video are part of it.
    """

    photo_files: tuple[tuple[str, Path], ...]
    other_files: int
    closed_folders: tuple[str, ...] = ()
    sidecar_files: tuple[tuple[str, Path], ...] = ()
    video_files: tuple[tuple[str, Path], ...] = ()


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
    sidecars: list[tuple[str, Path]] = []
    videos: list[tuple[str, Path]] = []
    subtitles: list[Path] = []
    others = 0
    closed: list[Path] = []
    for path in _walk(folder, closed, left_out):
        file = (_photo_id_from_path(path.relative_to(folder)), path)
        if path.suffix.lower() in PHOTO_SUFFIXES:
            photos.append(file)
        elif path.suffix.lower() in READERS:
            sidecars.append(file)
        elif path.suffix.lower() in VIDEO_SUFFIXES:
            videos.append(file)
        elif path.suffix.lower() == SUBTITLE_SUFFIX:
            subtitles.append(path)
        else:
            others += 1
    if folder in closed:
        message = f"{folder} cannot be read."
        raise InvalidInputError(message, remedy="Check the folder's permissions.")
    stems = {path.with_suffix("") for _, path in videos}
    others += sum(path.with_suffix("") not in stems for path in subtitles)
    closed_ids = sorted(_photo_id_from_path(path.relative_to(folder)) for path in closed)
    return FolderListing(
        photo_files=tuple(sorted(photos)),
        other_files=others,
        closed_folders=tuple(closed_ids),
        sidecar_files=tuple(sorted(sidecars)),
        video_files=tuple(sorted(videos)),
    )


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
