"""A camera of a seeded flight whose boxes wait to be labelled.

Import as ``from tests.e2e.calibration_seed import seed_calibration``.
"""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import insert, select

from serving.db.engine import make_sessions, open_engine
from serving.db.tables import CalibrationBoxRow, CalibrationRow, FlightRow, PhotoRow, UserRow
from serving.learning.calibrations import list_cameras

BOXES = 12
MODEL = {
    "name": "manhole",
    "version": "abcdef123456",
    "weights_sha256": "b" * 64,
    "thresholds": {"manhole_ok": 0.3, "manhole_broken": 0.3, "manhole_missing": 0.3},
}


def seed_calibration(database_url: str) -> int:
    """Put boxes of one class over the photos of the first seeded flight; returns its number."""
    engine = open_engine(database_url, pool_size=1)
    with make_sessions(engine).begin() as session:
        flights = select(FlightRow.id).where(FlightRow.name.startswith("Seeded"))
        flight_id = session.scalars(flights.order_by(FlightRow.id)).first()
        photo_id = session.scalars(
            select(PhotoRow.id).where(PhotoRow.flight_id == flight_id)
        ).first()
        camera = list_cameras(session, int(flight_id or 0))[0].camera
        row = CalibrationRow(
            flight_id=flight_id,
            camera_key=camera.key,
            camera=asdict(camera),
            state="labelling",
            models=[MODEL, MODEL | {"name": "manhole_far"}],
            photos=2,
            done=2,
            created_by=session.scalars(select(UserRow.id)).first(),
        )
        session.add(row)
        session.flush()
        boxes = [_box(row.id, photo_id, number) for number in range(BOXES)]
        session.execute(insert(CalibrationBoxRow), boxes)
    engine.dispose()
    return int(flight_id or 0)


def _box(calibration_id: int, photo_id: int | None, number: int) -> dict[str, object]:
    left = 20.0 + 20.0 * number
    return {
        "calibration_id": calibration_id,
        "photo_id": photo_id,
        "model_name": "manhole",
        "hazard_class": "manhole_missing",
        "score": 0.1 + 0.07 * number,
        "x_min": left,
        "y_min": 60.0,
        "x_max": left + 30.0,
        "y_max": 90.0,
        "place": "",
        "ordinal": number,
    }
