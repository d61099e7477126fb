"""Look at a source as the server will, before a byte is sent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from detection.domain.errors import InvalidInputError
from detection.domain.photo import Flight, FlightKind, IngestFailure, Photo
from detection.domain.reasons import build_failure, explain_reason
from detection.ingest.flight import read_flight
from detection.ingest.folder import VIDEO_SUFFIXES, list_photo_files
from detection.ingest.video import find_track
from detection.ingest.video_file import UnreadableVideoError

UNREADABLE_VIDEO = "unreadable_video"
START_OF_JPEG, END_OF_JPEG = b"\xff\xd8", b"\xff\xd9"
TAIL_BYTES = 1 << 20
"""Some cameras write a small preview or zeros behind the picture."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What of a source can be used; ``failures`` cannot, ``warnings`` (file, code) tell a flaw."""

    usable: int
    failures: tuple[IngestFailure, ...]
    warnings: tuple[tuple[str, str], ...]

    def explain_warnings(self) -> Iterator[tuple[str, str, str]]:
        """Yield (file, what is wrong, what to do) for every warning."""
        for name, code in self.warnings:
            reason = explain_reason(code)
            yield name, reason.message_en, reason.remedy_en


def check_source(root: Path, kind: FlightKind) -> CheckResult:
    """Read the metadata of every photo and the track of every video of a folder, or of one video.

    Raises:
        InvalidInputError: ``root`` is an archive or no folder and no video.
    """
    if root.is_dir():
        photos = read_flight(root, kind, root.name, may_be_empty=True)
        videos = list_photo_files(root).video_files
    elif root.suffix.lower() in VIDEO_SUFFIXES and root.is_file():
        photos, videos = Flight(root.name, kind, (), ()), ((root.name, root),)
    else:
        message = f"{root} cannot be checked."
        raise InvalidInputError(message, remedy="Give a folder or a video; unpack an archive.")
    cut = {photo.photo_id for photo in photos.photos if _breaks_off(photo)}
    troubles = [trouble for name, path in videos for trouble in _list_track_troubles(name, path)]
    unreadable = {name for name, code in troubles if code == UNREADABLE_VIDEO}
    failures = [*photos.failures, *(build_failure(name, "truncated_image") for name in sorted(cut))]
    failures += [build_failure(name, UNREADABLE_VIDEO) for name in sorted(unreadable)]
    flaws = [
        (one.photo_id, code)
        for one in photos.photos
        if one.photo_id not in cut
        for code in one.warnings
    ]
    flaws += [(name, code) for name, code in troubles if code != UNREADABLE_VIDEO]
    usable = len(photos.photos) - len(cut) + len(videos) - len(unreadable)
    return CheckResult(usable, tuple(failures), tuple(flaws))


def _list_track_troubles(name: str, path: Path) -> list[tuple[str, str]]:
    """Return (file, code) of what is wrong with a video or its track."""
    try:
        track_id, track = find_track(path, name, None)
    except UnreadableVideoError:
        return [(name, UNREADABLE_VIDEO)]
    except InvalidInputError:
        return [(name, "unreadable_track")]
    return [(track_id, code) for code in track.warnings]


def _breaks_off(photo: Photo) -> bool:
    """Whether a JPEG lacks its end, as copies that were interrupted do."""
    with photo.path.open("rb") as stream:
        is_jpeg = stream.read(2) == START_OF_JPEG
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - TAIL_BYTES))
        return is_jpeg and END_OF_JPEG not in stream.read()
