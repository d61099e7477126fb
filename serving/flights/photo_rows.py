"""Photos as rows and back: what the worker needs is read from the database, not from the file."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path

from detection.coverage.footprint import Footprint
from detection.coverage.photo_flags import list_flags
from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.photo import Photo
from detection.domain.quality import PhotoQuality
from detection.needs import load_needs
from serving.db.tables import PhotoRow

QUALITY_FIELDS = tuple(field.name for field in fields(PhotoQuality))
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
        values["focal_std_px"] = photo.intrinsics.focal_std_px
        values["distortion"] = _list_or_none(photo.intrinsics.distortion)
    if photo.pose is not None:
        pose = asdict(photo.pose)
        values["pose_source"] = pose.pop("source")
        values.update(pose)
    return values


def values_from_quality(quality: PhotoQuality) -> dict[str, object]:
    """Return the columns of ``photos`` that say how well the picture was taken."""
    return dict(asdict(quality))


def quality_from_row(row: PhotoRow) -> PhotoQuality | None:
    """Return how well a photo was taken; None where that was not measured."""
    if row.brightness is None:
        return None
    return PhotoQuality(**{name: getattr(row, name) for name in QUALITY_FIELDS})


def flags_from_row(row: PhotoRow) -> list[str]:
    """Return what is wrong with how a photo was taken, as reason codes, by the needs of now."""
    return list(list_flags(Footprint(str(row.id), quality=quality_from_row(row)), load_needs()))


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
    return CameraIntrinsics(
        row.width_px,
        row.height_px,
        row.focal_px,
        row.cx_px,
        row.cy_px,
        source,
        focal_std_px=row.focal_std_px,
        distortion=_distortion_from_row(row),
    )


def _list_or_none(values: tuple[float, ...] | None) -> list[float] | None:
    return None if values is None else [float(value) for value in values]


def _distortion_from_row(row: PhotoRow) -> tuple[float, float, float, float, float] | None:
    if row.distortion is None:
        return None
    k1, k2, p1, p2, k3 = row.distortion
    return k1, k2, p1, p2, k3


def _pose_from_row(row: PhotoRow) -> CameraPose | None:
    if row.pose_source is None:
        return None
    values = {name: getattr(row, name) for name in POSE_FIELDS}
    return CameraPose(**values, source=row.pose_source)
