"""Which pending candidates look like one of them, by the appearance vectors of their sightings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serving.db.tables import (
    CandidateRow,
    ClaimRow,
    DetectionAppearanceRow,
    DetectionRow,
    SightingRow,
)
from serving.review.blind.tasks import awaits_condition
from serving.review.decision import CandidateState
from serving.review.queue_filter import QueueFilter, filtered, list_shares
from serving.review.tiers import Tier

BATCH = 5000
MAX_FLIGHTS_ORDERED = 20

FloatMatrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Alike:
    """A candidate and how alike it looks: the cosine of the best pair of sightings, at most 1."""

    candidate: CandidateRow
    similarity: float


@dataclass(frozen=True, slots=True)
class SimilarCandidates:
    """What looks like an anchor, most alike first, and how many more do.

    ``weights_sha256`` made the vectors; None: the anchor has none yet. ``left_out`` counts those
    that are as alike and may not be decided together, by the code of the reason. ``undescribed``
    are flights with pending candidates that have no vector of these weights.
    """

    weights_sha256: str | None
    found: tuple[Alike, ...] = ()
    total: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    undescribed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Scored:
    candidate_id: int
    tier: str
    similarity: float


def find_similar(
    session: Session,
    anchor: CandidateRow,
    wanted: QueueFilter,
    *,
    user_id: int,
    min_similarity: float,
    limit: int,
) -> SimilarCandidates:
    """Return the candidates of a filter that look like ``anchor``, without it.

    Those that await the person: left out, one that they are to judge blindly would be known as
    decided.
    """
    own = _vectors_of(session, anchor)
    if own is None:
        return SimilarCandidates(None, undescribed=(anchor.flight_id,))
    weights, model_name, matrix = own
    scored = _score(
        session, wanted, weights, matrix, user_id=user_id, min_similarity=min_similarity
    )
    scored = [each for each in scored if each.candidate_id != anchor.id]
    held = _list_held(session, user_id)
    reasons = {each.candidate_id: _reason(each, held) for each in scored}
    free = [each for each in scored if reasons[each.candidate_id] is None]
    left_out = Counter(reason for reason in reasons.values() if reason is not None)
    free.sort(key=lambda each: (-each.similarity, each.candidate_id))
    rows = _load(session, [each.candidate_id for each in free[:limit]])
    found = tuple(
        Alike(rows[each.candidate_id], each.similarity)
        for each in free[:limit]
        if each.candidate_id in rows
    )
    undescribed = _list_undescribed(session, wanted, weights, model_name)
    return SimilarCandidates(weights, found, len(free), dict(left_out), undescribed)


def vector_from_bytes(data: bytes) -> FloatMatrix:
    """Return a stored appearance vector."""
    return np.frombuffer(data, dtype="<f2").astype(np.float32)


def _list_held(session: Session, user_id: int) -> frozenset[int]:
    """Return all that others hold: a few for each of them, however many candidates there are."""
    others = ClaimRow.user_id != user_id, ClaimRow.expires_at > func.now()
    return frozenset(session.scalars(select(ClaimRow.candidate_id).where(*others)))


def _reason(each: _Scored, held: frozenset[int]) -> str | None:
    if each.tier == Tier.URGENT.value:
        return "urgent_tier"
    return "claimed_by_other" if each.candidate_id in held else None


def _vectors_of(session: Session, anchor: CandidateRow) -> tuple[str, str, FloatMatrix] | None:
    """Return weights, model and vectors of the anchor's sightings, as of the best of them."""
    known = DetectionAppearanceRow
    statement = (
        select(known.weights_sha256, known.vector, DetectionRow.model_name)
        .join(DetectionRow, DetectionRow.id == known.detection_id)
        .join(SightingRow, SightingRow.detection_id == known.detection_id)
        .where(SightingRow.candidate_id == anchor.id)
        .order_by(SightingRow.ordinal)
    )
    rows = session.execute(statement).all()
    if not rows:
        return None
    weights = rows[0].weights_sha256
    own = [vector_from_bytes(row.vector) for row in rows if row.weights_sha256 == weights]
    return weights, rows[0].model_name, np.stack(own)


def _score(
    session: Session,
    wanted: QueueFilter,
    weights: str,
    matrix: FloatMatrix,
    *,
    user_id: int,
    min_similarity: float,
) -> list[_Scored]:
    """Compare the best sighting of each candidate that awaits the person with the anchor's."""
    found: dict[int, _Scored] = {}
    for share in list_shares(session, wanted):
        statement = (
            select(CandidateRow.id, CandidateRow.tier, DetectionAppearanceRow.vector)
            .join(SightingRow, SightingRow.candidate_id == CandidateRow.id)
            .join(
                DetectionAppearanceRow,
                DetectionAppearanceRow.detection_id == SightingRow.detection_id,
            )
            .where(awaits_condition(user_id), SightingRow.ordinal == 0)
            .where(DetectionAppearanceRow.weights_sha256 == weights)
            .where(filtered(wanted), *share)
            .execution_options(yield_per=BATCH)
        )
        for rows in session.execute(statement).partitions():
            theirs = np.stack([vector_from_bytes(row.vector) for row in rows])
            similarity = (theirs @ matrix.T).max(axis=1)
            for index in np.flatnonzero(similarity >= min_similarity):
                row = rows[index]
                found[row.id] = _Scored(row.id, row.tier, min(1.0, float(similarity[index])))
    return list(found.values())


def _list_undescribed(
    session: Session, wanted: QueueFilter, weights: str, model_name: str
) -> tuple[int, ...]:
    """Return flights with pending candidates of a model that its weights have not described."""
    described = (
        select(DetectionAppearanceRow.detection_id)
        .where(DetectionAppearanceRow.detection_id == SightingRow.detection_id)
        .where(DetectionAppearanceRow.weights_sha256 == weights)
    )
    same_model = (
        select(DetectionRow.id)
        .where(DetectionRow.id == SightingRow.detection_id)
        .where(DetectionRow.model_name == model_name)
    )
    statement = (
        select(CandidateRow.flight_id)
        .distinct()
        .join(SightingRow, SightingRow.candidate_id == CandidateRow.id)
        .where(CandidateRow.state == CandidateState.PENDING.value, SightingRow.ordinal == 0)
        .where(filtered(wanted), same_model.exists(), ~described.exists())
        .limit(MAX_FLIGHTS_ORDERED)
    )
    return tuple(session.scalars(statement))


def _load(session: Session, ids: list[int]) -> dict[int, CandidateRow]:
    rows = session.scalars(select(CandidateRow).where(CandidateRow.id.in_(ids)))
    return {row.id: row for row in rows}
