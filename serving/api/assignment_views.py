"""Rows to answers: who was given which share of the queue, and what is left of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from serving.api.queue_schemas import AssignmentItem
from serving.db.tables import AssignmentRow, FlightRow, UserRow
from serving.review.queue_filter import filter_from_assignment
from serving.review.tallies import count_queue


def view_assignments(session: Session, rows: Sequence[AssignmentRow]) -> list[AssignmentItem]:
    """Return shares with the names of people and flights."""
    people = {each for row in rows for each in (row.user_id, row.created_by)}
    names = dict(
        session.execute(select(UserRow.id, UserRow.username).where(UserRow.id.in_(people))).all()
    )
    flights = {row.flight_id for row in rows if row.flight_id is not None}
    flight_names = dict(
        session.execute(select(FlightRow.id, FlightRow.name).where(FlightRow.id.in_(flights))).all()
    )
    return [
        AssignmentItem(
            id=row.id,
            user_id=row.user_id,
            username=names[row.user_id],
            hazard_class=HazardClass(row.hazard_class) if row.hazard_class else None,
            flight_id=row.flight_id,
            flight_name=flight_names.get(row.flight_id or 0),
            area=f"{row.area_level}:{row.area_id}" if row.area_id else None,
            area_name=row.area_name,
            pending=_count_pending(session, row),
            created_by=names[row.created_by],
            created_at=row.created_at,
        )
        for row in rows
    ]


def _count_pending(session: Session, row: AssignmentRow) -> int:
    wanted = replace(filter_from_assignment(row), viewer_id=row.user_id)
    return count_queue(session, wanted).states["pending"]
