"""What the drift of scores and confirmations is told from: candidates, counted by the database."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, exists, func, literal, select
from sqlalchemy.orm import Session

from serving.db.tables import (
    BlindTaskRow,
    CandidateRow,
    DetectionRow,
    FlightRow,
    PhotoRow,
    SightingRow,
)
from serving.learning.drift import BINS, Counted, DriftRules, State
from serving.learning.slices import (
    Dimension,
    altitude_of,
    camera_of,
    model_of,
    place_of,
    season_of,
)


def count_candidates(session: Session, rules: DriftRules, now: datetime) -> list[Counted]:
    """Return what models showed in the flights of both periods, by the best sighting of each.

    A flight counts by when it was submitted, for clocks of cameras may be wrong. A class is the
    model's, whatever a person made of it; what a comparison of flights measured has no score.
    """
    recent_since = now - timedelta(days=rules.recent_days)
    since = recent_since - timedelta(days=rules.reference_days)
    columns = {
        "hazard_class": func.coalesce(CandidateRow.model_class, CandidateRow.hazard_class),
        "flight_id": CandidateRow.flight_id,
        "is_recent": flown_at() >= recent_since,
        "camera": camera_of(),
        "altitude": altitude_of(),
        "season": season_of(),
        "place": place_of(),
        "model": model_of(),
        "score_bin": func.least(func.floor(DetectionRow.score * BINS), BINS - 1),
        "state": _state(),
    }
    # One by one first: named in "group by", columns of the tables would be meant.
    single = (
        select(*(column.label(name) for name, column in columns.items()))
        .select_from(CandidateRow)
        .join(SightingRow, SightingRow.candidate_id == CandidateRow.id)
        .join(DetectionRow, DetectionRow.id == SightingRow.detection_id)
        .join(PhotoRow, PhotoRow.id == DetectionRow.photo_id)
        .join(FlightRow, FlightRow.id == CandidateRow.flight_id)
        .where(SightingRow.ordinal == 0, CandidateRow.merged_into.is_(None))
        .where(DetectionRow.change_run_id.is_(None), FlightRow.state == "done")
        .where(flown_at() >= since, flown_at() <= now)
        .subquery()
    )
    statement = select(*single.c, func.count().label("amount")).group_by(*single.c)
    return [
        Counted(
            hazard_class=row.hazard_class,
            flight_id=row.flight_id,
            is_recent=row.is_recent,
            values={
                Dimension.CAMERA: row.camera,
                Dimension.ALTITUDE: row.altitude,
                Dimension.SEASON: row.season,
                Dimension.PLACE: row.place,
                Dimension.MODEL: row.model,
            },
            score_bin=int(row.score_bin),
            state=row.state,
            count=row.amount,
        )
        for row in session.execute(statement)
    ]


def flown_at() -> ColumnElement[datetime]:
    """Return when a flight came: submitted, or else begun."""
    return func.coalesce(FlightRow.submitted_at, FlightRow.created_at)


def _state() -> ColumnElement[State]:
    """Return what people say; what two of them disagree about is not decided."""
    disputed = exists().where(
        BlindTaskRow.candidate_id == CandidateRow.id, BlindTaskRow.state == "disputed"
    )
    known = case(
        (CandidateRow.state.in_(("confirmed", "rejected")), CandidateRow.state),
        (CandidateRow.state == "duplicate", literal("other")),
        else_=literal("waiting"),
    )
    return case((disputed, literal("waiting")), else_=known)
