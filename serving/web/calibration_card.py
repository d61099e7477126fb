"""What the page of a flight says of its cameras: new, being calibrated, calibrated."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from serving.db.tables import CalibrationEventRow, CalibrationRow, FlightRow
from serving.learning.calibrations import OPEN_STATES, list_calibrations, list_cameras
from serving.learning.calibrations_in_force import list_applied

LIVE_POLL_S = 2


@dataclass(frozen=True, slots=True)
class CameraView:
    """A camera of a flight, its latest calibration there, and what holds for it here."""

    key: str
    photos: int
    is_new: bool
    calibration: CalibrationRow | None
    applied: tuple[CalibrationEventRow, ...]

    @property
    def is_live(self) -> bool:
        """Whether its photos are being looked at."""
        return self.calibration is not None and self.calibration.state in OPEN_STATES

    @property
    def is_unknown(self) -> bool:
        """Whether nobody knows how the models score its photos."""
        return self.is_new and not self.applied


def load_calibration_card(session: Session, flight: FlightRow) -> dict[str, object]:
    """Return what the template shows of the cameras of a flight."""
    latest: dict[str, CalibrationRow] = {}
    for row in reversed(list_calibrations(session, flight.id)):
        latest[row.camera_key] = row
    cameras = [
        CameraView(
            key=each.camera.key,
            photos=each.photos,
            is_new=each.is_new,
            calibration=latest.get(each.camera.key),
            applied=tuple(
                event
                for event in list_applied(session, each.camera.key)
                if event.site in {None, flight.site}
            ),
        )
        for each in list_cameras(session, flight.id)
    ]
    is_live = any(camera.is_live for camera in cameras)
    return {
        "calibration_flight": flight,
        "cameras": cameras,
        "calibration_poll_s": LIVE_POLL_S if is_live else None,
    }
