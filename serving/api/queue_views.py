"""Rows to answers: candidates as they stand in a person's queue, and who looks at them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from serving.api.queue_schemas import ClaimAnswer
from serving.api.review_schemas import CandidateItem
from serving.api.views import view_candidate_item
from serving.db.tables import CandidateRow, ClaimRow
from serving.flights.change_epochs import origins_of
from serving.review.blind.tasks import blind_ids
from serving.review.claims import list_claims
from serving.review.decision import CandidateState


def view_queue_items(
    session: Session, rows: Sequence[CandidateRow], viewer_id: int
) -> list[CandidateItem]:
    """Return candidates as they stand in a person's queue: with who holds them.

    What the person is to judge blindly seems pending.
    """
    ids = [row.id for row in rows]
    claims = list_claims(session, ids)
    blind = blind_ids(session, viewer_id, ids)
    origins = origins_of(session, ids)
    items = []
    for row in rows:
        claim = view_claim(claims[row.id], viewer_id) if row.id in claims else None
        added = {"claim": claim, "origin": origins.get(row.id)}
        item = view_candidate_item(row).model_copy(update=added)
        if row.id in blind:
            item.state = CandidateState.PENDING
            hide_corrected_class(row, item)
        items.append(item)
    return items


def hide_corrected_class(row: CandidateRow, item: CandidateItem) -> None:
    """Show the models' class to somebody who reviews blind; the risk tells of the other."""
    item.hazard_class = HazardClass(row.class_of_models)
    if row.model_class is not None:
        item.risk = None


def view_claim(row: ClaimRow, viewer_id: int) -> ClaimAnswer:
    """Return who holds a candidate."""
    return ClaimAnswer(
        candidate_id=row.candidate_id,
        user_id=row.user_id,
        username=row.username,
        expires_at=row.expires_at,
        mine=row.user_id == viewer_id,
    )
