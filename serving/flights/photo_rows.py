"""Photos as rows and back: what the worker needs is read from the database, not from the file."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.photo import Photo
from serving.db.tables import PhotoRow

POSE_FIELDS = tuple(field.name for field in fields(CameraPose) if field.name != "source")
MAX_TEXT = 120


def values_from_photo(photo: Photo) -> dict[str, object]:
    """Return the columns of ``photos`` that describe the picture, its camera and its pose."""
    values: dict[str, object] = {
        "sha256": photo.sha256,
        "width_px": photo.width_px,
        "height_px": photo.height_px,
        "captured_at": photo.captured_at.isoformat() if photo.captured_at else None,
        "camera_model": _storable(photo.camera_model),
        "warnings": list(photo.warnings),
    }
    if photo.intrinsics is not None:
        values["focal_px"] = photo.intrinsics.focal_px
        values["cx_px"] = photo.intrinsics.cx_px
        values["cy_px"] = photo.intrinsics.cy_px
        values["intrinsics_source"] = photo.intrinsics.source
    if photo.pose is not None:
        pose = asdict(photo.pose)
        values["pose_source"] = pose.pop("source")
        values.update(pose)
    return values


def photo_from_row(row: PhotoRow, path: Path) -> Photo:
    """Return the photo as the detection room knows it; its id is the number of the row."""
    return Photo(
        photo_id=str(row.id),
        path=path,
        sha256=row.sha256,
        width_px=row.width_px,
        height_px=row.height_px,
        captured_at=datetime.fromisoformat(row.captured_at) if row.captured_at else None,
        camera_model=row.camera_model,
        intrinsics=_intrinsics_from_row(row),
        pose=_pose_from_row(row),
        warnings=tuple(row.warnings),
    )


def _storable(text: str | None) -> str | None:
    """Return text from a camera without what PostgreSQL cannot store."""
    return text.replace("\x00", "")[:MAX_TEXT] if text else None


def _intrinsics_from_row(row: PhotoRow) -> CameraIntrinsics | None:
    source = row.intrinsics_source
    if source is None or row.focal_px is None or row.cx_px is None or row.cy_px is None:
        return None
    return CameraIntrinsics(row.width_px, row.height_px, row.focal_px, row.cx_px, row.cy_px, source)


def _pose_from_row(row: PhotoRow) -> CameraPose | None:
    if row.pose_source is None:
        return None
    values = {name: getattr(row, name) for name in POSE_FIELDS}
    return CameraPose(**values, source=row.pose_source)
