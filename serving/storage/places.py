"""Folders and buckets of others that are watched: listed and read, never changed."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from detection.domain.errors import ConfigurationError

BUCKET_SCHEME = "s3"
REQUEST_TIMEOUT = timedelta(seconds=60)
RETRY_FOR = timedelta(seconds=30)


class PlaceUnavailableError(Exception):
    """A watched place, or a file in it, cannot be reached now."""


class FileChangedError(Exception):
    """A file is not the one that was listed any more: something still writes it."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file below a watched place. Another content has another ``version``.

    ``path`` can be shown and stored; ``address`` is how the place itself calls it.
    """

    path: str
    size_bytes: int
    version: str
    address: str


class WatchedPlace(Protocol):
    """Where media appear by themselves."""

    @property
    def name(self) -> str:
        """The place as it stands in the settings."""

    def list_files(self) -> list[FoundFile]:
        """Return every file with its path below the place, in any order.

        Raises:
            PlaceUnavailableError: the place cannot be reached.
        """

    def open(self, file: FoundFile) -> BinaryIO:
        """Return the content of a file; reading to the end proves that it is the listed one.

        Raises:
            FileChangedError: at once or while reading, where it is not.
            PlaceUnavailableError: it cannot be read.
        """


def open_places(setting: str) -> list[WatchedPlace]:
    """Return the places of ``HAZARDLENS_WATCH``: folders and ``s3://bucket/prefix``, by commas.

    Raises:
        ConfigurationError: one is neither.
    """
    return [_open_place(text.strip()) for text in setting.split(",") if text.strip()]


def _open_place(text: str) -> WatchedPlace:
    parts = urlsplit(text)
    if parts.scheme == BUCKET_SCHEME and parts.netloc:
        return BucketPlace(text)
    if Path(text).is_absolute():
        return FolderPlace(text)
    message = f"HAZARDLENS_WATCH: {text!r} cannot be watched."
    raise ConfigurationError(message, remedy="Write /folder or s3://bucket/prefix, with commas.")


class FolderPlace:
    """A folder of this machine or of a mounted drive.

    It is not listed by obstore, whose listing ends at the first name that is no UTF-8, as drives
    that were written under older Chinese systems hold them.
    """

    def __init__(self, name: str) -> None:
        """Remember the folder; it may be mounted later."""
        self.name = name
        self._root = Path(name)

    def list_files(self) -> list[FoundFile]:
        """Return every plain file; see `WatchedPlace`."""

        def refuse(error: OSError) -> None:
            raise PlaceUnavailableError(str(error)) from error

        found = []
        for folder, _, names in os.walk(self._root, onerror=refuse):
            for name in names:
                path = Path(folder, name)
                try:
                    status = path.stat()
                except OSError:
                    continue  # gone again, or a link that leads nowhere
                found.append(self._describe(path, status))
        return found

    def open(self, file: FoundFile) -> BinaryIO:
        """Return the file's content; see `WatchedPlace`."""
        try:
            return io.BufferedReader(_SteadyFile(self._root / file.address, file.version))
        except OSError as error:
            raise PlaceUnavailableError(str(error)) from error

    def _describe(self, path: Path, status: os.stat_result) -> FoundFile:
        address = path.relative_to(self._root).as_posix()
        shown = os.fsencode(address).decode("utf-8", "backslashreplace")
        return FoundFile(shown, status.st_size, _version_of(status), address)


class _SteadyFile(io.RawIOBase):
    """A file that tells at its end whether it was written while it was read."""

    def __init__(self, path: Path, version: str) -> None:
        self._file = io.FileIO(path)
        self._version = version

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int | None:  # type: ignore[override]
        try:
            count = self._file.readinto(buffer)
        except OSError as error:  # a drive that was pulled out, a sector that cannot be read
            raise PlaceUnavailableError(str(error)) from error
        if not count and _version_of(os.fstat(self._file.fileno())) != self._version:
            raise FileChangedError(str(self._file.name))
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _version_of(status: os.stat_result) -> str:
    """Return size and time of change; not the inode, which a drive mounted anew gives anew."""
    return f"{status.st_size}-{status.st_mtime_ns}"


class BucketPlace:
    """A prefix of an S3 bucket. Keys and address come from the usual ``AWS_*`` variables."""

    def __init__(self, name: str) -> None:
        """Remember the bucket; nothing is asked yet."""
        parts = urlsplit(name)
        self.name = name
        prefix = parts.path.strip("/")
        self._store = S3Store(
            parts.netloc,
            prefix=prefix or None,
            # Stores in a LAN speak plain http; an address with https stays with it.
            client_options={"timeout": REQUEST_TIMEOUT, "allow_http": True},
            retry_config={"retry_timeout": RETRY_FOR},
        )

    def list_files(self) -> list[FoundFile]:
        """Return every object; see `WatchedPlace`."""
        try:
            return [_describe_object(meta) for batch in obstore.list(self._store) for meta in batch]
        except (BaseError, OSError) as error:
            raise PlaceUnavailableError(_first_line(error)) from error

    def open(self, file: FoundFile) -> BinaryIO:
        """Return the object's content; see `WatchedPlace`."""
        try:
            found = obstore.get(self._store, file.address)
        except (BaseError, OSError) as error:
            raise PlaceUnavailableError(_first_line(error)) from error
        if _describe_object(found.meta).version != file.version:
            raise FileChangedError(file.path)
        return io.BufferedReader(_ObjectStream(iter(found.stream())))


class _ObjectStream(io.RawIOBase):
    """The pieces of one answer of the bucket as a stream of bytes."""

    def __init__(self, pieces: Iterator[object]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            while not self._rest and (piece := next(self._pieces, None)) is not None:
                self._rest = memoryview(bytes(piece))  # type: ignore[call-overload]
        except (BaseError, OSError) as error:
            raise PlaceUnavailableError(_first_line(error)) from error
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _describe_object(meta: obstore.ObjectMeta) -> FoundFile:
    mark = meta["e_tag"] or meta["last_modified"].isoformat()
    return FoundFile(meta["path"], meta["size"], f"{meta['size']}-{mark}", meta["path"])


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
