"""Bring the candidates of a flight into the queue. Doing it again keeps every decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from detection.domain.finding import Candidate
from detection.domain.hazard import HazardClass
from serving.db.tables import CandidateRow, ReviewEventRow, SightingRow
from serving.review.decision import CandidateState


@dataclass(frozen=True, slots=True)
class FoundCandidate:
    """A candidate as grouping made it, with the rows of its detections, best score first."""

    candidate: Candidate
    detection_ids: tuple[int, ...]
    config_hash: str


def store_candidates(
    session: Session,
    flight_id: int,
    found: Sequence[FoundCandidate],
    ranks: Mapping[HazardClass, int],
) -> None:
    """Make the queue show exactly what was found, keeping rows that stand for the same thing.

    A row is kept for a new group with its key, or else for the group that shares most sightings.
    A row that no group fits any more is deleted while nobody has touched it; a decided one stays
    with its sightings.
    """
    existing = list(
        session.scalars(
            select(CandidateRow)
            .where(CandidateRow.flight_id == flight_id)
            .order_by(CandidateRow.id)
            .with_for_update()
        )
    )
    kept = _match(session, existing, found)
    leftover = [row.id for row in existing if row not in kept.values()]
    _delete_untouched(session, leftover)
    frozen = _sightings_of(session, leftover)
    _drop_sightings(session, [row.id for row in kept.values()])
    for index, item in enumerate(found):
        row = _upsert(session, flight_id, kept.get(index), item, ranks)
        _add_sightings(session, row.id, [d for d in item.detection_ids if d not in frozen])


def _match(
    session: Session, existing: list[CandidateRow], found: Sequence[FoundCandidate]
) -> dict[int, CandidateRow]:
    """Return which existing row goes on as which of the found candidates, by index."""
    by_key = {row.key: row for row in existing}
    kept = {
        index: by_key.pop(item.candidate.key)
        for index, item in enumerate(found)
        if item.candidate.key in by_key
    }
    free = {row.id: row for row in by_key.values()}
    owners = _owners(session, list(free))
    for index, item in enumerate(found):
        shared = [owners[d] for d in item.detection_ids if owners.get(d) in free]
        if index not in kept and shared:
            kept[index] = free.pop(max(sorted(set(shared)), key=shared.count))
    return kept


def _owners(session: Session, candidate_ids: list[int]) -> dict[int, int]:
    statement = select(SightingRow.detection_id, SightingRow.candidate_id)
    rows = session.execute(statement.where(SightingRow.candidate_id.in_(candidate_ids)))
    return dict(rows.all())


def _delete_untouched(session: Session, candidate_ids: list[int]) -> None:
    touched = exists().where(ReviewEventRow.candidate_id == CandidateRow.id)
    pointed_at = exists().where(ReviewEventRow.duplicate_of == CandidateRow.id)
    session.execute(
        delete(CandidateRow).where(
            CandidateRow.id.in_(candidate_ids),
            CandidateRow.state == "pending",
            ~touched,
            ~pointed_at,
        )
    )


def _sightings_of(session: Session, candidate_ids: list[int]) -> set[int]:
    statement = select(SightingRow.detection_id)
    return set(session.scalars(statement.where(SightingRow.candidate_id.in_(candidate_ids))))


def _drop_sightings(session: Session, candidate_ids: list[int]) -> None:
    session.execute(delete(SightingRow).where(SightingRow.candidate_id.in_(candidate_ids)))


def _upsert(
    session: Session,
    flight_id: int,
    row: CandidateRow | None,
    item: FoundCandidate,
    ranks: Mapping[HazardClass, int],
) -> CandidateRow:
    row = row or CandidateRow(flight_id=flight_id)
    candidate, ground = item.candidate, item.candidate.ground
    reasons = [seen.unplaced_reason for seen in candidate.sightings if seen.unplaced_reason]
    row.key = candidate.key
    if row.state in {None, CandidateState.PENDING.value}:
        # What a person decided was said of the class they saw; later photos do not change it.
        row.hazard_class = candidate.hazard_class.value
        row.rank = ranks[candidate.hazard_class]
        row.score = candidate.score
    row.lon, row.lat, row.error_m = candidate.lon, candidate.lat, candidate.error_m
    row.cov_ee_m2 = ground.cov_ee_m2 if ground else None
    row.cov_en_m2 = ground.cov_en_m2 if ground else None
    row.cov_nn_m2 = ground.cov_nn_m2 if ground else None
    row.method = ground.method if ground else None
    row.unplaced_reason = reasons[0] if reasons and ground is None else None
    row.config_hash = item.config_hash
    session.add(row)
    session.flush()
    return row


def _add_sightings(session: Session, candidate_id: int, detection_ids: list[int]) -> None:
    rows = [
        {"candidate_id": candidate_id, "detection_id": detection_id, "ordinal": ordinal}
        for ordinal, detection_id in enumerate(detection_ids)
    ]
    if rows:
        session.execute(insert(SightingRow).on_conflict_do_nothing(), rows)
