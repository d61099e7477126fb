"""The queue: list, count and look at candidates."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from serving.db.tables import CandidateRow, DetectionRow, PhotoRow, SightingRow
from serving.review.decision import CandidateState
from serving.review.errors import CandidateNotFoundError


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """What to show; None means all. What was merged into another is shown there alone."""

    state: str | None = None
    flight_id: int | None = None
    hazard_class: str | None = None


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Where a page ended: attention order, then score (highest first), then number."""

    rank: int
    score: float
    candidate_id: int


def list_candidates(
    session: Session, wanted: QueueFilter, *, limit: int, after: QueuePosition | None = None
) -> list[CandidateRow]:
    """Return up to ``limit`` candidates in the order of attention, with their sightings."""
    statement = (
        select(CandidateRow)
        .where(*_conditions(wanted))
        .order_by(CandidateRow.rank, CandidateRow.score.desc(), CandidateRow.id)
        .limit(limit)
        .options(_with_sightings(outlined=False))
    )
    if after is not None:
        statement = statement.where(_is_after(after))
    return list(session.scalars(statement))


def position_of(candidate: CandidateRow) -> QueuePosition:
    """Return the place of a candidate in the order of the queue."""
    return QueuePosition(candidate.rank, candidate.score, candidate.id)


def count_states(session: Session, wanted: QueueFilter) -> dict[str, int]:
    """Return how many candidates are in each state, zeros included."""
    statement = select(CandidateRow.state, func.count()).where(*_conditions(wanted))
    rows = session.execute(statement.group_by(CandidateRow.state))
    counted = dict(rows.all())
    return {state.value: counted.get(state.value, 0) for state in CandidateState}


def get_candidate(session: Session, candidate_id: int) -> CandidateRow:
    """Return a candidate with its sightings.

    Raises:
        CandidateNotFoundError: there is none with this number.
    """
    row = session.get(CandidateRow, candidate_id, options=[_with_sightings(outlined=True)])
    if row is None:
        raise CandidateNotFoundError(candidate_id)
    return row


def photos_of(session: Session, candidate: CandidateRow) -> dict[int, PhotoRow]:
    """Return the photos that show a candidate, by number."""
    ids = {sighting.detection.photo_id for sighting in candidate.sightings}
    rows = session.scalars(select(PhotoRow).where(PhotoRow.id.in_(ids)))
    return {row.id: row for row in rows}


def best_sighting(candidate: CandidateRow) -> DetectionRow | None:
    """Return the detection with the best score of the candidate's own class, else the first."""
    detections = [sighting.detection for sighting in candidate.sightings]
    same = [row for row in detections if row.hazard_class == candidate.hazard_class]
    return max(same or detections, key=lambda row: row.score, default=None)


def _conditions(wanted: QueueFilter) -> list[ColumnElement[bool]]:
    columns = {
        CandidateRow.state: wanted.state,
        CandidateRow.flight_id: wanted.flight_id,
        CandidateRow.hazard_class: wanted.hazard_class,
    }
    wanted_only = [column == value for column, value in columns.items() if value is not None]
    return [CandidateRow.merged_into.is_(None), *wanted_only]


def _is_after(after: QueuePosition) -> ColumnElement[bool]:
    return or_(
        CandidateRow.rank > after.rank,
        and_(CandidateRow.rank == after.rank, CandidateRow.score < after.score),
        and_(
            CandidateRow.rank == after.rank,
            CandidateRow.score == after.score,
            CandidateRow.id > after.candidate_id,
        ),
    )


def _with_sightings(*, outlined: bool) -> ORMOption:
    """Read the sightings along; their outlines are long, and no list shows them."""
    load = selectinload(CandidateRow.sightings).joinedload(SightingRow.detection)
    return load if outlined else load.defer(DetectionRow.polygons)
