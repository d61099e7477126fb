"""Bring the candidates of a flight into the queue. Doing it again keeps every decision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from detection.domain.finding import Candidate
from detection.domain.hazard import HazardClass
from serving.db.finding_columns import (
    columns_from_areas,
    columns_from_building,
    columns_from_votes,
)
from serving.db.tables import (
    BlindTaskRow,
    CandidateRow,
    CorrectionEventRow,
    GroupingEventRow,
    PermitEventRow,
    ReviewEventRow,
    SightingRow,
)
from serving.review.decision import CandidateState

Ranks = Mapping[HazardClass, int]


@dataclass(frozen=True, slots=True)
class FoundCandidate:
    """A candidate as grouping made it, with the rows of its detections, best score first.

    ``place_key`` names the place where candidates of other flights lie too; None where it has no
    place.
    """

    candidate: Candidate
    detection_ids: tuple[int, ...]
    config_hash: str
    place_key: str | None = None


def lock_candidates(session: Session, flight_id: int) -> list[CandidateRow]:
    """Return the candidates of a flight that are in the queue, locked until the transaction ends.

    What was merged into another is left out.
    """
    statement = (
        select(CandidateRow)
        .where(CandidateRow.flight_id == flight_id, CandidateRow.merged_into.is_(None))
        .order_by(CandidateRow.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(statement))


def store_candidates(
    session: Session, flight_id: int, found: Sequence[FoundCandidate], ranks: Ranks
) -> None:
    """Make the queue show exactly what was found, keeping rows that stand for the same thing.

    A row is kept for a new group with its key, or else for the group that shares most sightings.
    A row that no group fits any more is deleted while nobody has touched it; one that was decided,
    corrected, merged or split stays with its sightings.
    """
    existing = lock_candidates(session, flight_id)
    before = list_sightings(session, [row.id for row in existing])
    kept = _match(existing, found, before)
    going_on = {row.id for row in kept.values()}
    leftover = [row.id for row in existing if row.id not in going_on]
    _delete_untouched(session, leftover)
    frozen = {d for ids in list_sightings(session, leftover).values() for d in ids}
    _drop_sightings(session, [row.id for row in kept.values()])
    rows = [kept.get(index) or CandidateRow(flight_id=flight_id) for index in range(len(found))]
    with session.no_autoflush:
        for row, item in zip(rows, found, strict=True):
            _describe(row, item, ranks)
    session.add_all(rows)
    session.flush()  # thousands of rows in a few statements: row by row took five times as long
    shown = [
        _see(row, [d for d in item.detection_ids if d not in frozen], before.get(row.id, []))
        for row, item in zip(rows, found, strict=True)
    ]
    _add_sightings(session, [each for values in shown for each in values])


def put_candidate(
    session: Session, row: CandidateRow, item: FoundCandidate, ranks: Ranks, before: Sequence[int]
) -> None:
    """Make one row show what was found; ``before`` are the sightings that it had.

    They have to be dropped first (:func:`take_sightings`), as one detection shows one candidate.
    """
    _describe(row, item, ranks)
    session.add(row)
    session.flush()
    _add_sightings(session, _see(row, item.detection_ids, before))


def take_sightings(session: Session, candidate_ids: Sequence[int]) -> dict[int, list[int]]:
    """Take the sightings from candidates, and return them by candidate, best first."""
    before = list_sightings(session, candidate_ids)
    _drop_sightings(session, candidate_ids)
    return before


def list_sightings(session: Session, candidate_ids: Iterable[int]) -> dict[int, list[int]]:
    """Return the detections that show each candidate, best first."""
    statement = (
        select(SightingRow.candidate_id, SightingRow.detection_id)
        .where(SightingRow.candidate_id.in_(list(candidate_ids)))
        .order_by(SightingRow.candidate_id, SightingRow.ordinal)
    )
    found: dict[int, list[int]] = defaultdict(list)
    for candidate_id, detection_id in session.execute(statement):
        found[candidate_id].append(detection_id)
    return dict(found)


def _match(
    existing: list[CandidateRow],
    found: Sequence[FoundCandidate],
    sightings: Mapping[int, Sequence[int]],
) -> dict[int, CandidateRow]:
    """Return which existing row goes on as which of the found candidates, by index."""
    by_key = {row.key: row for row in existing}
    kept = {
        index: by_key.pop(item.candidate.key)
        for index, item in enumerate(found)
        if item.candidate.key in by_key
    }
    free = {row.id: row for row in by_key.values()}
    owners = {d: row_id for row_id in free for d in sightings.get(row_id, ())}
    for index, item in enumerate(found):
        shared = [owners[d] for d in item.detection_ids if owners.get(d) in free]
        if index not in kept and shared:
            kept[index] = free.pop(max(sorted(set(shared)), key=shared.count))
    return kept


def _delete_untouched(session: Session, candidate_ids: list[int]) -> None:
    other = aliased(CandidateRow)
    touched = exists().where(ReviewEventRow.candidate_id == CandidateRow.id)
    pointed_at = exists().where(ReviewEventRow.duplicate_of == CandidateRow.id)
    merged_here = exists().where(other.merged_into == CandidateRow.id)
    asked = exists().where(BlindTaskRow.candidate_id == CandidateRow.id)
    corrected = exists().where(CorrectionEventRow.candidate_id == CandidateRow.id)
    checked = exists().where(PermitEventRow.candidate_id == CandidateRow.id)
    grouped = exists().where(
        GroupingEventRow.flight_id == CandidateRow.flight_id,
        CandidateRow.id == GroupingEventRow.candidate_ids.any_(),
    )
    session.execute(
        delete(CandidateRow)
        .where(
            CandidateRow.id.in_(candidate_ids),
            CandidateRow.state == "pending",
            ~touched,
            ~pointed_at,
            ~merged_here,
            ~grouped,
            ~corrected,
            ~checked,
            ~asked,
        )
        .execution_options(synchronize_session=False)
    )


def _drop_sightings(session: Session, candidate_ids: Sequence[int]) -> None:
    session.execute(delete(SightingRow).where(SightingRow.candidate_id.in_(candidate_ids)))


def _describe(row: CandidateRow, item: FoundCandidate, ranks: Ranks) -> None:
    candidate, ground = item.candidate, item.candidate.ground
    reasons = [seen.unplaced_reason for seen in candidate.sightings if seen.unplaced_reason]
    row.key = candidate.key
    if row.state in {None, CandidateState.PENDING.value}:
        # What a person decided was said of the class they saw; later photos do not change it.
        _set_class(row, candidate.hazard_class, ranks)
        row.score = candidate.score
    row.lon, row.lat, row.error_m = candidate.lon, candidate.lat, candidate.error_m
    row.cov_ee_m2 = ground.cov_ee_m2 if ground else None
    row.cov_en_m2 = ground.cov_en_m2 if ground else None
    row.cov_nn_m2 = ground.cov_nn_m2 if ground else None
    row.method = ground.method if ground else None
    row.unplaced_reason = reasons[0] if reasons and ground is None else None
    row.place_key = item.place_key or row.place_key
    row.is_ambiguous = candidate.is_ambiguous
    row.votes = columns_from_votes(candidate.votes)
    row.on_building = columns_from_building(candidate.on_building)
    row.areas = columns_from_areas(candidate.areas)
    row.config_hash = item.config_hash


def _set_class(row: CandidateRow, hazard_class: HazardClass, ranks: Ranks) -> None:
    """Take over what the models say; where a person corrected the class, theirs goes on."""
    if row.model_class is None:
        row.hazard_class = hazard_class.value
        row.rank = ranks[hazard_class]
    else:
        row.model_class = hazard_class.value


def _see(
    row: CandidateRow, detection_ids: Sequence[int], before: Sequence[int]
) -> list[dict[str, int]]:
    """Return the sightings of a candidate; other ones than ``before`` are a new revision of it."""
    if before and set(before) != set(detection_ids):
        row.revision += 1
    return [
        {"candidate_id": row.id, "detection_id": detection_id, "ordinal": ordinal}
        for ordinal, detection_id in enumerate(detection_ids)
    ]


def _add_sightings(session: Session, values: Sequence[Mapping[str, int]]) -> None:
    if values:
        session.execute(insert(SightingRow).on_conflict_do_nothing(), list(values))
