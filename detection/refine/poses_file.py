"""Refined poses as a file beside the flight, by the content of each photo."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.errors import InvalidInputError
from detection.domain.photo import Photo

FORMAT = "hazardlens-poses/1"


@dataclass(frozen=True, slots=True)
class _Row:
    """Pose and camera of one photo."""

    pose: CameraPose
    intrinsics: CameraIntrinsics


@dataclass(frozen=True, slots=True)
class _Document:
    """The whole file: ``photos`` by sha256."""

    format: Literal["hazardlens-poses/1"]
    photos: dict[str, _Row]


_DOCUMENT = TypeAdapter(_Document)


def write_poses(path: Path, photos: Iterable[Photo]) -> None:
    """Write pose and camera of every photo that has both."""
    rows = {
        photo.sha256: {"pose": asdict(photo.pose), "intrinsics": asdict(photo.intrinsics)}
        for photo in photos
        if photo.pose is not None and photo.intrinsics is not None
    }
    text = json.dumps({"format": FORMAT, "photos": rows}, indent=1, ensure_ascii=False)
    part = path.with_suffix(".part")
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(path)


def apply_poses(path: Path, photos: Iterable[Photo]) -> tuple[Photo, ...]:
    """Return the photos with the poses of the file; a photo that it does not name stays as it is.

    Raises:
        InvalidInputError: the file is not ours, or damaged.
    """
    try:
        found = _DOCUMENT.validate_json(path.read_bytes()).photos
    except (OSError, ValidationError) as error:
        message = f"{path} is no file of refined poses: {error}."
        raise InvalidInputError(message, remedy="Make it with hazardlens refine.") from error
    return tuple(
        replace(photo, pose=found[photo.sha256].pose, intrinsics=found[photo.sha256].intrinsics)
        if photo.sha256 in found
        else photo
        for photo in photos
    )
