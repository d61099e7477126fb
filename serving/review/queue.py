"""The queue: list candidates in its order, take the next ones, look at one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from serving.db.tables import CandidateRow, DetectionRow, PhotoRow, SightingRow
from serving.review.best_view import Rank, rank_view
from serving.review.claims import Holder, end_claims, free_for, take
from serving.review.errors import CandidateNotFoundError
from serving.review.queue_filter import Conditions, QueueFilter, list_branches

QUEUE_ORDER = (CandidateRow.tier, CandidateRow.risk_key, CandidateRow.id)
"""By what the queue is sorted; the greatest comes first."""

MAX_ROUNDS = 5
"""How often to look again where others took what was found; then fewer are returned."""


@dataclass(frozen=True, slots=True, order=True)
class QueuePosition:
    """Where a page ended. The queue falls: the greatest position comes first."""

    tier: str
    risk_key: float
    candidate_id: int


def list_candidates(
    session: Session, wanted: QueueFilter, *, limit: int, after: QueuePosition | None = None
) -> list[CandidateRow]:
    """Return up to ``limit`` candidates in the order of the queue, with their sightings.

    The order does not depend on the time, and what is decided meanwhile moves nothing else.
    """
    found: set[QueuePosition] = set()
    for branch in list_branches(session, wanted):
        found |= _positions(session, _in_order(branch, limit, after))
    return _load(session, [each.candidate_id for each in _first(found, limit)])


def claim_next(
    session: Session,
    holder: Holder,
    wanted: QueueFilter,
    *,
    count: int,
    passed: Collection[int] = (),
) -> list[CandidateRow]:
    """Claim the first ``count`` candidates that nobody else holds, and return them in order.

    What the holder has already counts among them; their claims on ``passed`` ones end.
    """
    if passed:
        end_claims(session, holder.user_id, passed)
    taken: set[QueuePosition] = set()
    for _ in range(MAX_ROUNDS):
        missing = count - len(taken)
        known = {*passed, *(each.candidate_id for each in taken)}
        found = _lock_free(session, holder, wanted, missing, known)
        mine = take(session, holder, [each.candidate_id for each in found])
        taken |= {each for each in found if each.candidate_id in mine}
        if len(mine) == len(found):
            break
    return _load(session, [each.candidate_id for each in _first(taken, count)])


def position_of(candidate: CandidateRow) -> QueuePosition:
    """Return the place of a candidate in the order of the queue."""
    return QueuePosition(candidate.tier, candidate.risk_key, candidate.id)


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


def best_sighting(session: Session, candidate: CandidateRow) -> DetectionRow | None:
    """Return the detection that shows a candidate best; None where it has none."""
    photos = photos_of(session, candidate)

    def rank(row: DetectionRow) -> Rank:
        photo = photos[row.photo_id]
        return rank_view(
            (row.x_min, row.y_min, row.x_max, row.y_max),
            (photo.width_px, photo.height_px),
            row.score,
            is_own_class=row.hazard_class == candidate.class_of_models,
        )

    return min((each.detection for each in candidate.sightings), key=rank, default=None)


def _lock_free(
    session: Session, holder: Holder, wanted: QueueFilter, count: int, known: Collection[int]
) -> list[QueuePosition]:
    """Return the first candidates that nobody else holds, locked against a decision meanwhile.

    Those that somebody decides, merges or claims in this moment are stepped over, not waited for.
    """
    found: set[QueuePosition] = set()
    for branch in list_branches(session, wanted):
        free = [*branch, free_for(holder.user_id), CandidateRow.id.not_in(known)]
        statement = _in_order(free, count).with_for_update(of=CandidateRow, skip_locked=True)
        found |= _positions(session, statement)
    return _first(found, count)


def _in_order(
    conditions: Conditions, limit: int, after: QueuePosition | None = None
) -> Select[str, float, int]:
    falling = [each.desc() for each in QUEUE_ORDER]
    statement = select(*QUEUE_ORDER).where(*conditions).order_by(*falling)
    if after is not None:
        end = (after.tier, after.risk_key, after.candidate_id)
        statement = statement.where(tuple_(*QUEUE_ORDER) < tuple_(*end))
    return statement.limit(limit)


def _positions(session: Session, statement: Select[str, float, int]) -> set[QueuePosition]:
    return {QueuePosition(*row) for row in session.execute(statement)}


def _first(found: Iterable[QueuePosition], limit: int) -> list[QueuePosition]:
    return sorted(found, reverse=True)[:limit]


def _load(session: Session, ids: Sequence[int]) -> list[CandidateRow]:
    """Return candidates with their sightings in the order of ``ids``."""
    statement = select(CandidateRow).where(CandidateRow.id.in_(ids))
    rows = session.scalars(statement.options(_with_sightings(outlined=False)))
    by_id = {row.id: row for row in rows}
    return [by_id[each] for each in ids if each in by_id]


def _with_sightings(*, outlined: bool) -> ORMOption:
    """Read the sightings along; their outlines are long, and no list shows them."""
    load = selectinload(CandidateRow.sightings).joinedload(SightingRow.detection)
    return load if outlined else load.defer(DetectionRow.polygons)
