"""A candidate as one person may see it while a second, blind look at something is under way."""

from __future__ import annotations

from sqlalchemy.orm import Session

from serving.api.review_schemas import CandidateAnswer
from serving.db.tables import ReviewEventRow
from serving.review.blind.checks import is_marked_for
from serving.review.blind.masks import Mask, list_visible_events, load_mask
from serving.review.blind.tasks import blind_ids
from serving.review.decision import CandidateState
from serving.review.event_rows import list_events

EVERYTHING = Mask(is_blind=False, in_dispute=False)


def events_seen_by(
    session: Session, candidate_id: int, seen_by: int | None
) -> tuple[list[ReviewEventRow], Mask]:
    """Return the acts on a candidate that a person may see, and how they see it.

    Nobody in particular (None) sees everything.
    """
    rows = list_events(session, candidate_id)
    if seen_by is None:
        return rows, EVERYTHING
    mask = load_mask(session, seen_by, candidate_id)
    return list_visible_events(session, rows, seen_by, mask), mask


def hide_unknown(
    session: Session, answer: CandidateAnswer, seen_by: int | None, mask: Mask
) -> CandidateAnswer:
    """Return a candidate without what the person must not know yet, here and at the same place."""
    if seen_by is None:
        return answer
    changes: dict[str, object] = {"in_dispute": mask.in_dispute}
    if not mask.is_blind:
        changes["is_marked_certain"] = is_marked_for(session, seen_by, answer.id)
    if mask.is_blind:
        changes |= {"state": CandidateState.PENDING, "duplicate_of": None, "groupings": []}
        # Their own word, said and taken back, looks like any other.
        changes["history"] = [
            each.model_copy(update={"kind": "decision"}) if each.kind == "opinion" else each
            for each in answer.history
        ]
    blind = blind_ids(session, seen_by, [each.id for each in answer.same_place])
    changes["same_place"] = [
        each.model_copy(update={"state": CandidateState.PENDING}) if each.id in blind else each
        for each in answer.same_place
    ]
    return answer.model_copy(update=changes)
