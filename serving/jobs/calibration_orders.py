"""Ask that a camera of a flight be looked at for its calibration."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from sqlalchemy.orm import Session

from detection.calibration import Camera
from serving.audit.log import Actor, Subject, record
from serving.db.tables import CalibrationRow
from serving.flights.catalogue import lock_flight
from serving.jobs.queue import CALIBRATION_QUEUE, defer
from serving.learning.calibration_errors import (
    CalibrationCameraError,
    CalibrationFlightNotReadyError,
)
from serving.learning.calibrations import OPEN_STATES, list_calibrations, list_cameras

LOOK_FOR_CALIBRATION: Final = "hazardlens.look_for_calibration"


def order_calibration(
    session: Session, actor: Actor, flight_id: int, camera_key: str, *, anew: bool = False
) -> CalibrationRow:
    """Order the boxes of a camera of a flight; what is there or under way is returned.

    ``anew`` begins another one beside one that is there, as after a new model. Labels of the
    earlier one stay with it.

    Raises:
        FlightNotFoundError: there is no such flight.
        CalibrationFlightNotReadyError: it is not done.
        CalibrationCameraError: the flight has no photo of such a camera.
    """
    flight = lock_flight(session, flight_id)
    earlier = [row for row in list_calibrations(session, flight_id) if row.camera_key == camera_key]
    known = next((row for row in earlier if row.state != "failed"), None)
    if known is not None and (not anew or known.state in OPEN_STATES):
        return known
    if flight.state != "done":
        raise CalibrationFlightNotReadyError(flight.name, flight.state)
    row = CalibrationRow(
        flight_id=flight_id,
        camera_key=camera_key,
        camera=asdict(_find_camera(session, flight_id, camera_key)),
        created_by=actor.user_id,
    )
    session.add(row)
    session.flush()
    defer(session, LOOK_FOR_CALIBRATION, lane=CALIBRATION_QUEUE, calibration_id=row.id)
    after: dict[str, object] = {"flight": flight_id, "camera": camera_key}
    record(session, actor, "order_calibration", Subject("calibration", str(row.id)), after=after)
    return row


def _find_camera(session: Session, flight_id: int, camera_key: str) -> Camera:
    for found in list_cameras(session, flight_id):
        if found.camera.key == camera_key:
            return found.camera
    raise CalibrationCameraError(camera_key)
