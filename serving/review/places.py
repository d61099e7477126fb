"""What other flights saw at the place of a candidate."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serving.db.tables import CandidateRow, DetectionRow, FlightRow, PhotoRow, SightingRow

MAX_SAME_PLACE = 20
DAY_CHARS = len("2026-11-22")


@dataclass(frozen=True, slots=True)
class SamePlaceRow:
    """A candidate of another flight at the same place; ``seen_on`` is a day in ISO 8601."""

    candidate: CandidateRow
    flight_name: str
    seen_on: str


def list_same_place(session: Session, candidate: CandidateRow) -> list[SamePlaceRow]:
    """Return the candidates that other flights saw at the same place, the latest day first."""
    if candidate.place_key is None:
        return []
    captured = (
        select(func.min(PhotoRow.captured_at))
        .join(DetectionRow, DetectionRow.photo_id == PhotoRow.id)
        .join(SightingRow, SightingRow.detection_id == DetectionRow.id)
        .where(SightingRow.candidate_id == CandidateRow.id)
        .correlate(CandidateRow)
        .scalar_subquery()
    )
    statement = (
        select(CandidateRow, FlightRow, captured)
        .join(FlightRow, FlightRow.id == CandidateRow.flight_id)
        .where(
            CandidateRow.place_key == candidate.place_key,
            CandidateRow.flight_id != candidate.flight_id,
            CandidateRow.merged_into.is_(None),
        )
        .order_by(CandidateRow.id.desc())
        .limit(MAX_SAME_PLACE)
    )
    found = [
        SamePlaceRow(row, flight.name, (taken or flight.created_at.isoformat())[:DAY_CHARS])
        for row, flight, taken in session.execute(statement)
    ]
    return sorted(found, key=lambda each: each.seen_on, reverse=True)


def list_on_building(
    session: Session, candidate: CandidateRow, building_id: str
) -> list[CandidateRow]:
    """Return the other candidates of the flight on one building, in the order of attention."""
    statement = (
        select(CandidateRow)
        .where(
            CandidateRow.flight_id == candidate.flight_id,
            CandidateRow.id != candidate.id,
            CandidateRow.merged_into.is_(None),
            CandidateRow.on_building["building_id"].astext == building_id,
        )
        .order_by(CandidateRow.rank, CandidateRow.score.desc(), CandidateRow.id)
        .limit(MAX_SAME_PLACE)
    )
    return list(session.scalars(statement))
