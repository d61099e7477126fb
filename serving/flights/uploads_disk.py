"""The folder in which files lie while they arrive, written so that a crash costs little.

Only bytes that were synced may be acknowledged. What lies beyond the acknowledged offset is cut
off before anything is added, so that an offset and the bytes before it always belong together.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from serving.flights.errors import DiskFullError, UploadLockedError
from serving.storage.objects import StagedFile

NAME = re.compile(r"[0-9a-z-]{1,64}")
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
SPARE_BYTES = 256_000_000
"""What stays free for the database, which stops when the disk is full."""

STALE_AFTER_S = 24 * 3600.0
READ_BYTES = 1 << 20


class UploadFolder:
    """The folder ``uploads`` below the data folder. Its files survive a restart."""

    def __init__(self, root: Path) -> None:
        """Use (and create) the folder."""
        self._folder = root / "uploads"
        self._folder.mkdir(parents=True, exist_ok=True)

    def path_of(self, name: str) -> Path:
        """Return where the file of this name lies, whether or not it is there."""
        if not NAME.fullmatch(name):
            message = "not a name that we gave"
            raise ValueError(message)
        return self._folder / name

    def size_of(self, name: str) -> int:
        """Return how many bytes are there; 0 where there is no file."""
        try:
            return self.path_of(name).stat().st_size
        except FileNotFoundError:
            return 0

    def remove(self, name: str | None) -> None:
        """Delete a file, if it is there."""
        if name is not None:
            self.path_of(name).unlink(missing_ok=True)

    def check_room(self, size_bytes: int) -> None:
        """Make sure that a file fits.

        Raises:
            DiskFullError: it does not.
        """
        if shutil.disk_usage(self._folder).free < size_bytes + SPARE_BYTES:
            raise DiskFullError

    def list_stale(self, now_s: float | None = None) -> list[str]:
        """Return the names of files that nobody has written to for a day."""
        before = (now_s if now_s is not None else time.time()) - STALE_AFTER_S
        return [path.name for path in self._folder.iterdir() if _changed_at(path) < before]


class StagedWriter:
    """Writes one file from an acknowledged offset on; nobody else can meanwhile."""

    def __init__(self, path: Path, offset: int) -> None:
        """Open the file, and cut off what lies beyond ``offset``.

        Raises:
            UploadLockedError: somebody else writes to it.
        """
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise UploadLockedError from error
        os.ftruncate(self._descriptor, offset)
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        self._folder = path.parent
        self._is_new = offset == 0

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Let others write."""
        os.close(self._descriptor)

    def write(self, block: bytes | bytearray | memoryview) -> None:
        """Add bytes.

        Raises:
            DiskFullError: there is no room.
        """
        with telling_of_full_disk():
            # Others write too since the room for this file was looked for.
            if _free_bytes(self._descriptor) < len(block) + SPARE_BYTES:
                raise DiskFullError
            view = memoryview(block)
            while view:
                view = view[os.write(self._descriptor, view) :]

    def sync(self) -> None:
        """Return when everything written is on the disk, power cut or not.

        Raises:
            DiskFullError: there is no room after all.
        """
        with telling_of_full_disk():
            os.fsync(self._descriptor)
            if self._is_new:
                _sync_folder(self._folder)
                self._is_new = False


@contextmanager
def telling_of_full_disk() -> Iterator[None]:
    """Turn the system's word for a full disk into ours."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFullError from error
        raise


def read_back(path: Path) -> StagedFile:
    """Return the SHA-256 of what the disk holds, not of what memory still remembers.

    Raises:
        OSError: the file is gone, or the disk cannot read it.
    """
    digest = hashlib.sha256()
    size_bytes = 0
    with path.open("rb", buffering=0) as stream:
        if hasattr(os, "posix_fadvise"):  # not on every system
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while block := stream.read(READ_BYTES):
            digest.update(block)
            size_bytes += len(block)
    return StagedFile(path, digest.hexdigest(), size_bytes)


def _free_bytes(descriptor: int) -> int:
    status = os.fstatvfs(descriptor)
    return status.f_bavail * status.f_frsize


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
