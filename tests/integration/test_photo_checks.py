"""Faults that only the whole flight shows reach the rows of its photos."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from serving.db.tables import FlightRow, PhotoRow
from serving.flights.photo_checks import check_photos
from serving.jobs.context import WorkerContext


def test_a_jump_is_written_to_its_photo_and_goes_when_it_is_mended(
    worker_context: WorkerContext, flight_of: Callable[[int], FlightRow]
) -> None:
    flight_id = flight_of(4).id
    statement = select(PhotoRow).where(PhotoRow.flight_id == flight_id).order_by(PhotoRow.id)
    with worker_context.sessions.begin() as session:
        for number, row in enumerate(session.scalars(statement)):
            row.captured_at = f"2026-03-01T10:20:{2 * number:02}"
            row.lat = 29.5647 + 1e-4 * number + (0.1 if number == 2 else 0.0)
            row.warnings = ["rtk_not_fixed"]
    with worker_context.sessions.begin() as session:
        assert check_photos(session, flight_id) == 1
    with worker_context.sessions.begin() as session:
        assert check_photos(session, flight_id) == 0
        rows = session.scalars(statement).all()
        assert [row.warnings for row in rows] == [
            ["rtk_not_fixed"],
            ["rtk_not_fixed"],
            ["rtk_not_fixed", "position_jump"],
            ["rtk_not_fixed"],
        ]
        rows[2].lat = 29.5649
    with worker_context.sessions.begin() as session:
        assert check_photos(session, flight_id) == 1
        assert session.scalars(statement).all()[2].warnings == ["rtk_not_fixed"]


def test_the_order_of_the_upload_does_not_matter(
    worker_context: WorkerContext, flight_of: Callable[[int], FlightRow]
) -> None:
    flight_id = flight_of(4).id
    with worker_context.sessions.begin() as session:
        rows = session.scalars(select(PhotoRow).where(PhotoRow.flight_id == flight_id)).all()
        for row, number in zip(rows, (3, 1, 4, 2), strict=True):
            row.name = f"DCIM/DJI_{number:04}.JPG"
            row.captured_at = f"2026-03-01T10:20:{10 * number:02}"
    with worker_context.sessions.begin() as session:
        assert check_photos(session, flight_id) == 0
