"""Positions from files beside the photos: the RTK log of the drone, the GPX track of a logger.

A track is only used where it agrees with the photos; what does not fit is named, not used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from detection.domain.errors import InvalidInputError
from detection.domain.photo import IngestFailure, Photo
from detection.domain.reasons import build_failure
from detection.ingest.gps_logger import apply_logger
from detection.ingest.gpx_track import read_gpx
from detection.ingest.mrk import read_mrk
from detection.ingest.rtk_log import apply_log
from detection.ingest.track import Track, TrackKind

READERS: Mapping[str, Callable[[Path], Track]] = {".mrk": read_mrk, ".gpx": read_gpx}
"""Readers of the files that belong to photos, by suffix; subtitles belong to videos."""


def apply_sidecars(
    photos: Sequence[Photo], files: Sequence[tuple[str, Path]]
) -> tuple[tuple[Photo, ...], tuple[IngestFailure, ...]]:
    """Return the photos with what the sidecar ``files`` (id, path) add, and the files of no use.

    An RTK log counts for the photos of its own folder, a GPX track for those below it too.
    """
    found = list(photos)
    failures: list[IngestFailure] = []
    for file_id, path in files:
        try:
            track = READERS[path.suffix.lower()](path)
        except InvalidInputError as error:
            failures.append(build_failure(file_id, "unreadable_track", error.message))
            continue
        if not track.points:
            failures.extend(build_failure(file_id, code) for code in track.warnings)
            continue
        home = PurePosixPath(file_id).parent
        indices = [
            index
            for index, photo in enumerate(found)
            if PurePosixPath(photo.photo_id).parent == home
            or (track.kind is TrackKind.GPX and PurePosixPath(photo.photo_id).is_relative_to(home))
        ]
        applied = apply_tracks([found[index] for index in indices], [track])
        for index, photo in zip(indices, applied, strict=True):
            found[index] = photo
    return tuple(found), tuple(failures)


def apply_tracks(photos: Sequence[Photo], tracks: Sequence[Track]) -> tuple[Photo, ...]:
    """Return the photos with the positions of the tracks that fit them.

    An RTK log replaces positions that are worse than its own; a GPX track fills in those that are
    missing. Photos that a track does not fit carry ``track_mismatch``; where the zone of the
    camera's clock stays open, ``track_without_zone``. Tracks of videos are passed over.
    """
    found = tuple(photos)
    for track in tracks:
        if track.kind is TrackKind.MRK:
            found = apply_log(found, track)
        elif track.kind is TrackKind.GPX:
            found = apply_logger(found, track)
    return found
