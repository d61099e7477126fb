"""The text of a track beside photos or videos, whatever bytes it holds."""

from __future__ import annotations

from pathlib import Path

from detection.domain.errors import InvalidInputError

MAX_BYTES = 256 * 1024 * 1024
"""Two hours of 60 subtitles a second are 200 MB; what is larger is no track."""


def read_sidecar_text(path: Path) -> str:
    """Return the content; bytes that are no UTF-8 become replacement characters.

    Raises:
        InvalidInputError: the file cannot be opened or is too large.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            message = f"{path} is too large for a track."
            raise InvalidInputError(message, remedy="Give the file that the drone or logger wrote.")
        return path.read_bytes().decode("utf-8", "replace").lstrip("\ufeff")
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise InvalidInputError(message, remedy="Check the file and its permissions.") from error
