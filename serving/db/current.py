"""Which detections count now."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from serving.db.tables import ChangeRunRow, DetectionRow, PhotoRow


def is_current() -> ColumnElement[bool]:
    """Return the condition that a detection, joined with its photo, is one of those that count.

    A model's counts where its run stands for the photo, a comparison's while that stands.
    """
    standing = select(ChangeRunRow.id).where(ChangeRunRow.stands)
    return or_(
        and_(DetectionRow.change_run_id.is_(None), DetectionRow.run == PhotoRow.run),
        DetectionRow.change_run_id.in_(standing),
    )


def list_current(session: Session, detection_ids: Iterable[int]) -> set[int]:
    """Return which of these detections count now."""
    statement = (
        select(DetectionRow.id)
        .join(PhotoRow, PhotoRow.id == DetectionRow.photo_id)
        .where(DetectionRow.id.in_(list(detection_ids)), is_current())
    )
    return set(session.scalars(statement))
