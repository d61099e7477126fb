"""Trouble by name, kept until it is mended: of one task or drawing, or of a whole project."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from detection.domain.errors import HazardLensError
from serving.db.tables import LabelProblemRow, LabelProjectRow

logger = logging.getLogger(__name__)


def note_problem(
    session: Session, key: str, error: HazardLensError, task_id: int | None = None
) -> None:
    """Write down what is wrong with ``key``; the log says it when it is new."""
    known = session.get(LabelProblemRow, key)
    if known is None or known.mended_at is not None:
        logger.warning("%s: %s", key, error)
    now = datetime.now(UTC)
    told = {
        "task_id": task_id,
        "code": error.code,
        "message": error.message,
        "remedy": error.remedy,
        "last_at": now,
        "mended_at": None,
    }
    statement = insert(LabelProblemRow).values(key=key, first_at=now, **told)
    session.execute(
        statement.on_conflict_do_update(index_elements=[LabelProblemRow.key], set_=told)
    )


def mend(session: Session, keys: Iterable[str]) -> None:
    """Write down that something is right again."""
    session.execute(
        update(LabelProblemRow)
        .where(LabelProblemRow.key.in_(list(keys)), LabelProblemRow.mended_at.is_(None))
        .values(mended_at=datetime.now(UTC))
    )


def mend_others(session: Session, task_id: int, keys: Iterable[str]) -> None:
    """Write down that the trouble of a task is over, but for what ``keys`` name."""
    session.execute(
        update(LabelProblemRow)
        .where(
            LabelProblemRow.task_id == task_id,
            LabelProblemRow.key.not_in(list(keys)),
            LabelProblemRow.mended_at.is_(None),
        )
        .values(mended_at=datetime.now(UTC))
    )


def list_problems(session: Session, limit: int) -> list[LabelProblemRow]:
    """Return what is not mended, the latest first."""
    statement = select(LabelProblemRow).where(LabelProblemRow.mended_at.is_(None))
    order = (LabelProblemRow.last_at.desc(), LabelProblemRow.key)
    return list(session.scalars(statement.order_by(*order).limit(limit)))


def tasks_with_problems(session: Session, task_ids: Iterable[int]) -> set[int]:
    """Return which tasks have trouble that is not mended."""
    statement = select(LabelProblemRow.task_id).where(
        LabelProblemRow.task_id.in_(list(task_ids)), LabelProblemRow.mended_at.is_(None)
    )
    return {task_id for task_id in session.scalars(statement) if task_id is not None}


def note_failure(session: Session, geometry: str, error: HazardLensError) -> None:
    """Write down why the last look at a project failed."""
    logger.warning("Label Studio, %s: %s", geometry, error)
    session.execute(
        update(LabelProjectRow)
        .where(LabelProjectRow.geometry == geometry)
        .values(
            failed_at=datetime.now(UTC),
            failure_code=error.code,
            failure_message=error.message,
            failure_remedy=error.remedy,
        )
    )


def forget_failure(session: Session, geometry: str) -> None:
    """Write down that a look at a project went well."""
    session.execute(
        update(LabelProjectRow)
        .where(LabelProjectRow.geometry == geometry)
        .values(failed_at=None, failure_code=None, failure_message=None, failure_remedy=None)
    )
