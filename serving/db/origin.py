"""What was there when a place was first flown (存量), and what came since (新增)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import aliased

from serving.db.tables import CandidateRow, DetectionRow, FlightEpochRow, SightingRow
from serving.db.tables.change import HEIGHT_CHANGE


def is_stock() -> ColumnElement[bool]:
    """Return the condition that a candidate was there when its place was first flown.

    What rose or fell since an earlier flight is new, whatever else was seen at its place. Of a
    flight that was not placed yet nothing is known: it is neither.
    """
    earlier = aliased(CandidateRow)
    seen_before = (
        exists()
        .where(
            earlier.flight_id == FlightEpochRow.baseline_flight_id,
            earlier.place_key == CandidateRow.place_key,
        )
        .correlate(FlightEpochRow, CandidateRow)
    )
    changed = (
        exists()
        .where(
            SightingRow.candidate_id == CandidateRow.id,
            DetectionRow.id == SightingRow.detection_id,
            DetectionRow.model_name == HEIGHT_CHANGE,
            DetectionRow.change_run_id.is_not(None),
        )
        .correlate(CandidateRow)
    )
    in_first = FlightEpochRow.baseline_flight_id.is_(None)
    return _of_flight(or_(in_first, and_(seen_before, ~changed)))


def is_new() -> ColumnElement[bool]:
    """Return the condition that a candidate came since its place was first flown."""
    return and_(_of_flight(), ~is_stock())


def _of_flight(*wanted: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        exists()
        .where(FlightEpochRow.flight_id == CandidateRow.flight_id, *wanted)
        .correlate(CandidateRow)
    )
