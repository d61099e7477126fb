"""Calibrations as they are shown."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from sqlalchemy.orm import Session

from serving.api.calibration_schemas import (
    BoxItem,
    BoxList,
    CalibrationAnswer,
    CalibrationSummary,
    CameraItem,
    ClassItem,
    EventItem,
    FlightCalibrations,
)
from serving.api.schemas import FlightFailure
from serving.db.tables import CalibrationBoxRow, CalibrationLabelRow, CalibrationRow
from serving.learning.calibration_acts import list_events
from serving.learning.calibration_fits import fit_calibration
from serving.learning.calibration_labels import list_standing, list_suggested
from serving.learning.calibrations import list_calibrations, list_cameras
from serving.learning.calibrations_in_force import list_applied


def view_flight_calibrations(session: Session, flight_id: int) -> FlightCalibrations:
    """Return the cameras of a flight and what was done about them."""
    cameras = [
        CameraItem(camera=each.camera.key, photos=each.photos, is_new=each.is_new)
        for each in list_cameras(session, flight_id)
    ]
    rows = list_calibrations(session, flight_id)
    return FlightCalibrations(cameras=cameras, items=[view_summary(session, row) for row in rows])


def view_summary(session: Session, row: CalibrationRow) -> CalibrationSummary:
    """Return how far a calibration is, and whether anything of it holds."""
    failure = None
    if row.failure_code is not None:
        failure = FlightFailure(
            code=row.failure_code,
            message=row.failure_message or "",
            remedy=row.failure_remedy or "",
        )
    applied = list_applied(session, row.camera_key)
    values = {
        "id": row.id,
        "flight_id": row.flight_id,
        "camera": row.camera_key,
        "state": row.state,
        "photos": row.photos,
        "done": row.done,
        "created_at": row.created_at,
        "error": failure,
        "is_applied": any(event.calibration_id == row.id for event in applied),
    }
    return CalibrationSummary.model_validate(values)


def view_calibration(session: Session, row: CalibrationRow, models_dir: Path) -> CalibrationAnswer:
    """Return a calibration with the figures of every class."""
    fits = fit_calibration(session, row, models_dir)
    return CalibrationAnswer(
        **view_summary(session, row).model_dump(),
        classes=[ClassItem.model_validate(asdict(fit)) for fit in fits],
        events=[EventItem.model_validate(event) for event in list_events(session, row.id)],
    )


def view_boxes(session: Session, calibration_id: int) -> BoxList:
    """Return the boxes to be labelled with what was said of them."""
    standing = list_standing(session, calibration_id)
    boxes = list_suggested(session, calibration_id)
    return BoxList(items=[view_box(box, standing.get(box.id)) for box in boxes])


def view_box(box: CalibrationBoxRow, label: CalibrationLabelRow | None) -> BoxItem:
    """Return one box to be labelled."""
    values = {
        "id": box.id,
        "photo_id": box.photo_id,
        "model": box.model_name,
        "hazard_class": box.hazard_class,
        "bbox_xyxy": box_sides(box),
        "crop_url": f"/api/v1/calibrations/{box.calibration_id}/boxes/{box.id}/crop.jpg",
        "answer": label.answer if label else None,
        "labelled_class": label.hazard_class if label else None,
        "label_id": label.id if label else None,
    }
    return BoxItem.model_validate(values)


def box_sides(box: CalibrationBoxRow) -> tuple[float, float, float, float]:
    """Return the sides of a box in pixels of its photo."""
    return box.x_min, box.y_min, box.x_max, box.y_max
