"""What reviewers do, as entries of the audit log; each names the event that it tells of."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.audit.log import Actor, Subject, record
from serving.db.tables import (
    DetectionRow,
    GroupingEventRow,
    PhotoRow,
    ReviewEventRow,
    SightingRow,
)


def record_review_event(session: Session, event: ReviewEventRow) -> None:
    """Write down a decision, or whatever else stands in ``review_events``."""
    record(
        session,
        Actor(event.user_id, event.username, event.role),
        "decide" if event.kind == "decision" else event.kind,
        Subject("candidate", str(event.candidate_id)),
        before={"state": event.state_before},
        after={
            "state": event.state_after,
            "review_event": event.id,
            "verdict": event.verdict,
            "note": event.note,
            "duplicate_of": event.duplicate_of,
            "undoes": event.undoes,
        },
        evidence_sha256=best_photo_sha256(session, event.candidate_id),
    )


def record_grouping_event(session: Session, event: GroupingEventRow) -> None:
    """Write down a merge, a split, or the undoing of one."""
    record(
        session,
        Actor(event.user_id, event.username, event.role),
        "undo_grouping" if event.kind == "undo" else event.kind,
        Subject("candidate", str(event.candidate_id)),
        after={
            "grouping_event": event.id,
            "candidates": event.candidate_ids,
            "note": event.note,
            "undoes": event.undoes,
        },
        evidence_sha256=best_photo_sha256(session, event.candidate_id),
    )


def best_photo_sha256(session: Session, candidate_id: int) -> str | None:
    """Return the hash of the photo that shows a candidate best; None where nothing shows it."""
    statement = (
        select(PhotoRow.sha256)
        .join(DetectionRow, DetectionRow.photo_id == PhotoRow.id)
        .join(SightingRow, SightingRow.detection_id == DetectionRow.id)
        .where(SightingRow.candidate_id == candidate_id)
        .order_by(SightingRow.ordinal)
        .limit(1)
    )
    return session.scalar(statement)
