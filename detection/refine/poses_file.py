"""Refined poses as a file beside the flight, by the content of each photo."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from pathlib import Path

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.errors import InvalidInputError
from detection.domain.photo import Photo

FORMAT = "hazardlens-poses/1"


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
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise ValueError(document["format"])  # noqa: TRY301  # one answer for all trouble
        found = {
            sha256: (CameraPose(**row["pose"]), _intrinsics_from_row(row["intrinsics"]))
            for sha256, row in document["photos"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} is no file of refined poses: {error}."
        raise InvalidInputError(message, remedy="Make it with hazardlens refine.") from error
    return tuple(
        replace(photo, pose=found[photo.sha256][0], intrinsics=found[photo.sha256][1])
        if photo.sha256 in found
        else photo
        for photo in photos
    )


def _intrinsics_from_row(row: dict[str, object]) -> CameraIntrinsics:
    known = {field.name: row[field.name] for field in fields(CameraIntrinsics) if field.name in row}
    distortion = known.get("distortion")
    if isinstance(distortion, list):
        known["distortion"] = tuple(distortion)
    return CameraIntrinsics(**known)  # type: ignore[arg-type]  # checked by the caller's except
