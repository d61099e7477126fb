"""What a file of a flight is, told by its name, and how large it may be."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from detection.ingest.folder import PHOTO_SUFFIXES, SUBTITLE_SUFFIX, VIDEO_SUFFIXES

MAX_TRACK_BYTES = 200_000_000
"""A subtitle file of an hour at 60 Hz has 40 MB."""

LITTER: Final = frozenset({"thumbs.db", "desktop.ini"})


class FileKind(StrEnum):
    """What is done with a file. Its content is looked at before anything is believed."""

    PHOTO = "photo"
    ARCHIVE = "archive"
    VIDEO = "video"
    SRT = "srt"
    MRK = "mrk"
    GPX = "gpx"
    OTHER = "other"


MEDIA_KINDS = frozenset({FileKind.VIDEO, FileKind.SRT, FileKind.MRK, FileKind.GPX})
LARGE_KINDS = frozenset({FileKind.VIDEO, FileKind.ARCHIVE})

_KIND_BY_SUFFIX: Final = {
    **dict.fromkeys(PHOTO_SUFFIXES, FileKind.PHOTO),
    **dict.fromkeys(VIDEO_SUFFIXES, FileKind.VIDEO),
    SUBTITLE_SUFFIX: FileKind.SRT,
    ".mrk": FileKind.MRK,
    ".gpx": FileKind.GPX,
    ".zip": FileKind.ARCHIVE,
}


def kind_from_path(path: str) -> FileKind:
    """Return what a file is by the ending of its name.

    >>> kind_from_path("DCIM/100MEDIA/DJI_0001.JPG").value
    'photo'
    """
    return _KIND_BY_SUFFIX.get(PurePosixPath(path).suffix.lower(), FileKind.OTHER)


def limit_bytes(kind: FileKind, *, max_upload_bytes: int, max_transfer_bytes: int) -> int:
    """Return how many bytes a file of a kind may have."""
    if kind in LARGE_KINDS:
        return max_transfer_bytes
    return max_upload_bytes if kind is FileKind.PHOTO else MAX_TRACK_BYTES


def is_litter(path: str) -> bool:
    """Whether a program, not a camera, put the file there: hidden files, previews of folders.

    >>> is_litter("__MACOSX/DCIM/._DJI_0001.JPG")
    True
    """
    parts = PurePosixPath(path).parts
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return hidden or not parts or parts[-1].lower() in LITTER
