"""Photos on disk, addressed by the SHA-256 of their bytes. A name from outside is never a path."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

SHA256_HEX = re.compile(r"[0-9a-f]{64}")
COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class StagedFile:
    """Bytes that have arrived whole and are on disk, not yet under their final name."""

    path: Path
    sha256: str
    size_bytes: int


class FileTooLargeError(Exception):
    """More bytes arrived than are allowed; nothing was kept."""


class ObjectStore:
    """A folder of files named by their content: ``objects/ab/cd/<sha256>``.

    A file appears under its final name only when all its bytes are safely on disk, so a name
    that exists is a whole file, after a power cut too.
    """

    def __init__(self, root: Path) -> None:
        """Use (and create) the folders ``objects`` and ``incoming`` below ``root``."""
        self._objects = root / "objects"
        self._incoming = root / "incoming"
        self._objects.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(parents=True, exist_ok=True)

    def path_of(self, sha256: str) -> Path:
        """Return where the content with this digest lies, whether or not it is there."""
        if not SHA256_HEX.fullmatch(sha256):
            message = "not a sha256 hex digest"
            raise ValueError(message)
        return self._objects / sha256[:2] / sha256[2:4] / sha256

    @contextmanager
    def stage(self, stream: BinaryIO, *, max_bytes: int, suffix: str) -> Iterator[StagedFile]:
        """Copy ``stream`` to a temporary file while hashing it; gone again after the block.

        ``suffix`` (``.jpg``) is what readers that look at names get to see.

        Raises:
            FileTooLargeError: the stream holds more than ``max_bytes``.
        """
        descriptor, name = tempfile.mkstemp(dir=self._incoming, suffix=suffix)
        path = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as target:
                sha256, size_bytes = _copy_and_hash(stream, target, max_bytes)
                target.flush()
                os.fsync(target.fileno())
            yield StagedFile(path, sha256, size_bytes)
        finally:
            path.unlink(missing_ok=True)

    def keep(self, staged: StagedFile) -> Path:
        """Move a staged file to its final name, durably; the same content is kept once."""
        target = self.path_of(staged.sha256)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            staged.path.chmod(0o644)
            staged.path.replace(target)
            for folder in (target.parent, target.parent.parent, self._objects):
                _sync_folder(folder)
        return target

    def sweep_incoming(self) -> int:
        """Delete what interrupted uploads left behind; returns how many files there were.

        Call only while nobody uploads: at start, before the first request is served.
        """
        leftovers = [path for path in self._incoming.iterdir() if path.is_file()]
        for path in leftovers:
            path.unlink(missing_ok=True)
        return len(leftovers)


def _copy_and_hash(source: BinaryIO, target: BinaryIO, max_bytes: int) -> tuple[str, int]:
    digest = hashlib.sha256()
    size_bytes = 0
    while block := source.read(COPY_BYTES):
        size_bytes += len(block)
        if size_bytes > max_bytes:
            raise FileTooLargeError
        digest.update(block)
        target.write(block)
    return digest.hexdigest(), size_bytes


def _sync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
