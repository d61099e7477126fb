"""A flight, its photos, and the files that could not be used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from detection.domain.camera import CameraIntrinsics, CameraPose


class FlightKind(StrEnum):
    """How the photos were taken: from the air, or along a street."""

    DRONE = "drone"
    STREET = "street"


@dataclass(frozen=True, slots=True)
class Photo:
    """One captured file.

    ``photo_id`` is the path relative to the flight's folder in POSIX form, unique in a flight;
    ``sha256`` the hex digest of the file. ``captured_at`` is as the camera wrote it: aware where
    the camera named a zone, else naive local time. ``width_px``/``height_px`` are those of the
    pixels as displayed (EXIF orientation applied).
    """

    photo_id: str
    path: Path
    sha256: str
    width_px: int
    height_px: int
    captured_at: datetime | None
    camera_model: str | None
    intrinsics: CameraIntrinsics | None
    pose: CameraPose | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IngestFailure:
    """A file that could not be used. A row, not an exception: it never stops a flight.

    ``code`` is stable and machine-readable; ``remedy`` says what a person can do.
    """

    photo_id: str
    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Flight:
    """One upload: what could be read and what could not.

    ``other_files`` counts what was passed over because its name is not that of a photo.
    """

    name: str
    kind: FlightKind
    photos: tuple[Photo, ...]
    failures: tuple[IngestFailure, ...]
    other_files: int = 0
