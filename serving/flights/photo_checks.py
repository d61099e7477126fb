"""What only the whole flight shows of its photos, written to their rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.domain.photo import FlightKind
from detection.ingest.flight_checks import check_flight
from serving.db.tables import PhotoRow
from serving.flights.catalogue import get_flight
from serving.flights.photo_rows import photo_from_row


def check_photos(session: Session, flight_id: int) -> int:
    """Give a flight's photos the warnings of the flight; returns how many rows that changed.

    Frozen or jumping positions and clocks that were set on the way show only beside the other
    photos. The names tell the order in which the camera took them, so they stand in for the ids.
    Doing it twice changes nothing.

    Raises:
        FlightNotFoundError: there is no such flight.
    """
    kind = FlightKind(get_flight(session, flight_id).kind)
    statement = select(PhotoRow).where(PhotoRow.flight_id == flight_id).order_by(PhotoRow.id)
    rows = session.scalars(statement).all()
    photos = [replace(photo_from_row(row, Path(row.name)), photo_id=row.name) for row in rows]
    changed = 0
    for row, photo in zip(rows, check_flight(photos, kind=kind), strict=True):
        if tuple(row.warnings) != photo.warnings:
            row.warnings = list(photo.warnings)
            changed += 1
    return changed
