"""What stands of the drawings that came back from Label Studio, and how far an order is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serving.db.tables import LabelAnnotationRow, LabelPushRow, LabelPushTaskRow, LabelTaskRow


@dataclass(frozen=True, slots=True)
class PushProgress:
    """How many tasks of an order are where; ``deleted`` were removed before anybody drew."""

    tasks: int
    pushed: int
    drawn: int
    skipped: int
    disagreeing: int
    refused: int
    deleted: int


def list_standing(
    session: Session, photo_ids: Iterable[int] | None = None
) -> list[LabelAnnotationRow]:
    """Return the drawings that count, in the order of tasks and annotations.

    The newest row of an annotation stands, unless it says that it was skipped or deleted. Of a
    task on which somebody put the star of the right answer, that answer alone counts; several rows
    of one ``task_key`` are several people.
    """
    row = LabelAnnotationRow
    newest = select(func.max(row.id)).group_by(row.task_key, row.annotation_id)
    if photo_ids is not None:
        newest = newest.where(row.photo_id.in_(list(photo_ids)))
    statement = select(row).where(row.id.in_(newest), row.kind == "annotated")
    found = list(session.scalars(statement.order_by(row.task_key, row.annotation_id)))
    settled = {each.task_key for each in found if each.is_ground_truth}
    return [each for each in found if each.is_ground_truth or each.task_key not in settled]


def push_progress(session: Session, selection_id: int) -> PushProgress | None:
    """Return how far the tasks of a selection are; None where it was never sent."""
    pushes = select(LabelPushRow.id).where(LabelPushRow.selection_id == selection_id)
    if session.scalar(pushes.limit(1)) is None:
        return None
    tasks = select(LabelPushTaskRow.task_id).where(LabelPushTaskRow.push_id.in_(pushes)).distinct()
    return count_tasks(session, LabelTaskRow.id.in_(tasks))


def count_tasks(session: Session, *conditions: object) -> PushProgress:
    """Return how many tasks that meet ``conditions`` are where."""
    gone = LabelTaskRow.deleted_at.is_not(None)
    statement = (
        select(LabelTaskRow.state, gone, func.count(), func.count(LabelTaskRow.board_task_id))
        .where(*conditions)  # type: ignore[arg-type]  # conditions of SQLAlchemy
        .group_by(LabelTaskRow.state, gone)
    )
    rows = [(row[0], row[1], row[2], row[3]) for row in session.execute(statement)]

    def count(*states: str, is_gone: bool | None = None) -> int:
        return sum(
            number
            for state, was_gone, number, _ in rows
            if state in states and is_gone in {None, was_gone}
        )

    deleted = count("open", "refused", is_gone=True)
    return PushProgress(
        tasks=sum(number for _, _, number, _ in rows),
        pushed=sum(there for _, _, _, there in rows) - deleted,
        drawn=count("drawn"),
        skipped=count("skipped"),
        disagreeing=count("disagreeing"),
        refused=count("refused", is_gone=False),
        deleted=deleted,
    )
