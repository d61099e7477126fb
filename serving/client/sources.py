"""What of a folder, an archive or a video goes to the server, and what is left behind by name."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from detection.domain.errors import EmptyFlightError, InvalidInputError
from detection.ingest.folder import PHOTO_SUFFIXES, SUBTITLE_SUFFIX, VIDEO_SUFFIXES
from detection.ingest.sidecars import READERS

ARCHIVE_SUFFIX = ".zip"
SENT_SUFFIXES = PHOTO_SUFFIXES | VIDEO_SUFFIXES | {SUBTITLE_SUFFIX, *READERS, ARCHIVE_SUFFIX}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to send: its name in the flight (POSIX, relative), where it lies, size in bytes."""

    name: str
    path: Path
    size: int
    mtime_ns: int

    @property
    def modified_at(self) -> str:
        """When it was last written, ISO 8601 in UTC."""
        return datetime.fromtimestamp(self.mtime_ns / 1e9, UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class Source:
    """Everything to send, in the order of names; ``others`` counts by suffix what is not sent.

    ``unreadable`` are the names of files and folders that cannot be looked at.
    """

    root: Path
    files: tuple[SourceFile, ...]
    others: tuple[tuple[str, int], ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """All bytes together."""
        return sum(file.size for file in self.files)


def list_source(root: Path) -> Source:
    """Return what a folder and everything below it, an archive or a video gives to send.

    Hidden files and folders are passed over. A video brings its track of the same name along.

    Raises:
        InvalidInputError: there is no such folder or file, or it is of another kind.
        EmptyFlightError: the folder holds nothing to send.
    """
    if root.is_dir():
        return _list_folder(root)
    if not root.is_file() or root.suffix.lower() not in SENT_SUFFIXES:
        message = f"{root} is no folder, ZIP, photo or video."
        raise InvalidInputError(message, remedy="Give the folder of the flight or its ZIP.")
    beside = [root]
    if root.suffix.lower() in VIDEO_SUFFIXES:
        beside += [path for path in _list_tracks(root) if path.is_file()]
    return Source(root, tuple(_describe(path, path.name) for path in sorted(beside)))


def _list_folder(root: Path) -> Source:
    files: list[SourceFile] = []
    others: Counter[str] = Counter()
    unreadable: list[str] = []
    for path in _walk(root, unreadable):
        name = _name_of(path.relative_to(root))
        if path.suffix.lower() not in SENT_SUFFIXES:
            others[path.suffix.lower() or path.name] += 1
            continue
        try:
            files.append(_describe(path, name))
        except OSError:
            unreadable.append(name)
    if not files:
        passed = ", ".join(f"{count} {suffix}" for suffix, count in sorted(others.items()))
        message = f"{root} holds nothing to send" + (
            f" (passed over: {passed})." if passed else "."
        )
        raise EmptyFlightError(message, remedy="Give the folder with the photos of the flight.")
    files.sort(key=lambda file: file.name)
    return Source(root, tuple(files), tuple(sorted(others.items())), tuple(sorted(unreadable)))


def _list_tracks(video: Path) -> Iterator[Path]:
    suffixes = {SUBTITLE_SUFFIX, *READERS}
    siblings = video.parent.iterdir()
    return (
        path for path in siblings if path.stem == video.stem and path.suffix.lower() in suffixes
    )


def _walk(root: Path, unreadable: list[str]) -> Iterator[Path]:
    """Yield every file below ``root``; links to folders are followed, each folder once."""

    def note(error: OSError) -> None:
        unreadable.append(_name_of(Path(str(error.filename)).relative_to(root)))

    seen: set[tuple[int, int]] = set()
    for place, folders, files in os.walk(root, followlinks=True, onerror=note):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(files) if not name.startswith("."))


def _describe(path: Path, name: str) -> SourceFile:
    status = path.stat()
    return SourceFile(name, path, status.st_size, status.st_mtime_ns)


def _name_of(relative: Path) -> str:
    """Return the name; bytes that are no UTF-8 are written in hex so that it can be stored."""
    return os.fsencode(relative.as_posix()).decode("utf-8", "backslashreplace")
