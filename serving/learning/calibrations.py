"""The calibrations that there are, and the cameras that flights have."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from detection.calibration import Camera, make_camera
from serving.db.tables import CalibrationRow, PhotoRow
from serving.learning.calibration_errors import CalibrationNotFoundError, CalibrationNotReadyError

OPEN_STATES = frozenset({"queued", "running"})


@dataclass(frozen=True, slots=True)
class FlightCamera:
    """A camera of a flight: how many photos, and whether other flights had it too."""

    camera: Camera
    photos: int
    is_new: bool


def get_calibration(session: Session, calibration_id: int) -> CalibrationRow:
    """Return a calibration.

    Raises:
        CalibrationNotFoundError: there is none with this number.
    """
    row = session.get(CalibrationRow, calibration_id)
    if row is None:
        raise CalibrationNotFoundError(calibration_id)
    return row


def lock_calibration(session: Session, calibration_id: int) -> CalibrationRow:
    """Return a calibration that nobody else changes until the transaction ends.

    Raises:
        CalibrationNotFoundError: there is none with this number.
    """
    wanted = select(CalibrationRow).where(CalibrationRow.id == calibration_id)
    row = session.scalar(wanted.with_for_update().execution_options(populate_existing=True))
    if row is None:
        raise CalibrationNotFoundError(calibration_id)
    return row


def lock_ready(session: Session, calibration_id: int) -> CalibrationRow:
    """Return a calibration whose boxes can be labelled, locked.

    Raises:
        CalibrationNotFoundError: there is none with this number.
        CalibrationNotReadyError: its photos are still looked at, or that failed.
    """
    row = lock_calibration(session, calibration_id)
    if row.state != "labelling":
        raise CalibrationNotReadyError(row.state)
    return row


def list_calibrations(session: Session, flight_id: int) -> list[CalibrationRow]:
    """Return the calibrations of a flight, the latest first."""
    wanted = select(CalibrationRow).where(CalibrationRow.flight_id == flight_id)
    return list(session.scalars(wanted.order_by(CalibrationRow.id.desc())))


def camera_from_row(row: CalibrationRow) -> Camera:
    """Return the camera that a calibration is about."""
    return Camera(**row.camera)  # type: ignore[arg-type]  # written from the same class


def list_cameras(session: Session, flight_id: int) -> list[FlightCamera]:
    """Return the cameras of a flight that name themselves, those of most photos first."""
    counts: dict[Camera, int] = {}
    for camera, photos in _count_cameras(session, PhotoRow.flight_id == flight_id):
        counts[camera] = counts.get(camera, 0) + photos
    ranked = sorted(counts, key=lambda camera: (-counts[camera], camera.key))
    return [
        FlightCamera(camera, counts[camera], not _is_seen_elsewhere(session, camera, flight_id))
        for camera in ranked
    ]


def _is_seen_elsewhere(session: Session, camera: Camera, flight_id: int) -> bool:
    """Whether an earlier flight has photos of a camera."""
    alike = and_(PhotoRow.camera_model == camera.model, PhotoRow.flight_id < flight_id)
    return any(found == camera for found, _ in _count_cameras(session, alike))


def _count_cameras(session: Session, condition: ColumnElement[bool]) -> list[tuple[Camera, int]]:
    """Return cameras with their photos; one of several focal lengths comes several times."""
    columns = (PhotoRow.camera_model, PhotoRow.width_px, PhotoRow.height_px, PhotoRow.focal_px)
    wanted = select(*columns, func.count()).where(condition).group_by(*columns)
    found = (
        (make_camera(model, width_px, height_px, focal_px), photos)
        for model, width_px, height_px, focal_px, photos in session.execute(wanted)
    )
    return [(camera, photos) for camera, photos in found if camera is not None]
