"""How fast a flight is worked on now, and how long the rest will take at that pace."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serving.db.tables import FlightRow, PhotoRow
from serving.flights.catalogue import Progress

WINDOW = timedelta(minutes=3)
"""The pace is that of the last minutes: workers come, go, and turn to other flights."""

MIN_PHOTOS = 3
"""Fewer photos tell no pace."""


def estimate_left_s(
    session: Session, flight: FlightRow, progress: Progress, now: datetime
) -> float | None:
    """Return the seconds that the photos which still wait need; None while that is unknown.

    Photos that were done in an earlier processing tell nothing of this one.
    """
    settled = progress.photos_done + progress.photos_failed
    left = progress.photos_total - progress.photos_left_out - settled
    if flight.started_at is None or left <= 0:
        return None
    since = max(flight.started_at, now - WINDOW)
    recent = select(func.count()).where(
        PhotoRow.flight_id == flight.id, PhotoRow.processed_at >= since
    )
    return extrapolate(session.scalar(recent) or 0, (now - since).total_seconds(), left)


def extrapolate(photos: int, seconds: float, left: int) -> float | None:
    """Return the seconds for ``left`` photos where ``photos`` took ``seconds``."""
    return max(0.0, seconds) / photos * left if photos >= MIN_PHOTOS else None
