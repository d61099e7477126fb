"""Files that are either whole or not there."""

from __future__ import annotations

import json
import os
from pathlib import Path

from detection.domain.errors import InvalidInputError


def write_atomic(path: Path, data: bytes) -> None:
    """Write ``data`` beside ``path`` and move it there: a reader never sees half a file."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


def write_json(path: Path, document: object) -> None:
    """Write a document as UTF-8 JSON, whole or not at all; not-a-number is refused."""
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
    write_atomic(path, f"{text}\n".encode())


def prepare_folder(folder: Path) -> None:
    """Make the output folder and check that files can be written into it.

    Raises:
        InvalidInputError: it cannot be made or written to; the message names it.
    """
    probe = folder / f".write-test-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        message = f"The output folder {folder} cannot be written to: {error.strerror}."
        remedy = "Give another folder with --out, or change its permissions."
        raise InvalidInputError(message, remedy=remedy) from error
