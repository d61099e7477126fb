"""Take in what people drew: new rows for what is new, nothing is ever written over."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from serving.db.label_annotations import list_standing
from serving.db.tables import LabelAnnotationRow, LabelTaskRow, PhotoRow
from serving.labelstudio.agreement import agree
from serving.labelstudio.convert import PictureSize, Shape
from serving.labelstudio.errors import DrawingError
from serving.labelstudio.kinds import load_kinds
from serving.labelstudio.problems import mend, mend_others, note_problem, tasks_with_problems
from serving.labelstudio.reading import (
    Drawing,
    Sent,
    read_annotation,
    revision_of,
    shape_from_columns,
)
from serving.labelstudio.tasks import key_of

logger = logging.getLogger(__name__)

Task = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What a look at tasks brought; ``foreign`` are tasks that somebody else made there."""

    new_rows: int = 0
    refused: int = 0
    foreign: int = 0
    known_ids: frozenset[int] = frozenset()

    def __add__(self, other: TakenIn) -> TakenIn:
        """Return both together."""
        return TakenIn(
            self.new_rows + other.new_rows,
            self.refused + other.refused,
            self.foreign + other.foreign,
            self.known_ids | other.known_ids,
        )


NOTHING = TakenIn()


def take_in_tasks(session: Session, geometry: str, found: Sequence[Task]) -> TakenIn:
    """Write what is new of tasks, as Label Studio shows them now with all their annotations.

    Two looks at once do not mix: rows of tasks are locked in the order of their numbers.
    """
    copies: defaultdict[str, list[Task]] = defaultdict(list)
    for task in found:
        copies[key_of(task) or ""].append(task)
    foreign = len(copies.pop("", []))
    rows = _lock_tasks(session, geometry, copies)
    foreign += sum(len(tasks) for key, tasks in copies.items() if key not in rows)
    sizes = _load_sizes(session, rows.values())
    newest = _load_newest(session, rows)
    taken = TakenIn(foreign=foreign)
    for key, row in rows.items():
        for task in sorted(copies[key], key=lambda each: int(each["id"])):
            known = newest.get((key, int(task["id"])), {})
            taken += _take_in_task(session, row, sizes[row.photo_id], task, known)
    refresh_states(session, list(rows.values()))
    return taken


def refresh_states(session: Session, rows: Sequence[LabelTaskRow]) -> None:
    """Say of tasks what stands of them now: drawn, skipped, disagreeing, refused, open."""
    session.flush()
    standing: defaultdict[str, list[LabelAnnotationRow]] = defaultdict(list)
    for drawing in list_standing(session, {row.photo_id for row in rows}):
        standing[drawing.task_key].append(drawing)
    skipped = _list_skipped(session, [row.key for row in rows])
    troubled = tasks_with_problems(session, [row.id for row in rows])
    for row in rows:
        drawings = standing.get(row.key, [])
        row.agreement = _agreement(drawings)
        if drawings:
            row.state = "drawn" if row.agreement in {None, 1.0} else "disagreeing"
        elif row.key in skipped:
            row.state = "skipped"
        elif row.board_task_id is not None and row.state != "waiting":
            row.state = "refused" if row.id in troubled else "open"


def _lock_tasks(session: Session, geometry: str, keys: Iterable[str]) -> dict[str, LabelTaskRow]:
    statement = (
        select(LabelTaskRow)
        .where(LabelTaskRow.geometry == geometry, LabelTaskRow.key.in_(list(keys)))
        .order_by(LabelTaskRow.id)
        .with_for_update()
    )
    return {row.key: row for row in session.scalars(statement)}


def _load_sizes(session: Session, rows: Iterable[LabelTaskRow]) -> dict[int, PictureSize]:
    columns = select(PhotoRow.id, PhotoRow.width_px, PhotoRow.height_px)
    found = session.execute(columns.where(PhotoRow.id.in_({row.photo_id for row in rows})))
    return {photo_id: PictureSize(width, height) for photo_id, width, height in found}


def _load_newest(
    session: Session, keys: Iterable[str]
) -> dict[tuple[str, int], dict[int, LabelAnnotationRow]]:
    """Return the newest row of each annotation, by key and number of the task there."""
    row = LabelAnnotationRow
    newest = (
        select(func.max(row.id))
        .where(row.task_key.in_(list(keys)))
        .group_by(row.task_key, row.annotation_id)
    )
    found: defaultdict[tuple[str, int], dict[int, LabelAnnotationRow]] = defaultdict(dict)
    for each in session.scalars(select(row).where(row.id.in_(newest))):
        found[each.task_key, each.board_task_id][each.annotation_id] = each
    return dict(found)


def _take_in_task(
    session: Session,
    row: LabelTaskRow,
    size: PictureSize,
    task: Task,
    known: Mapping[int, LabelAnnotationRow],
) -> TakenIn:
    number = int(task["id"])
    if row.board_task_id is None or row.state == "sending":
        row.board_task_id, row.state = number, "open"
    if row.board_task_id == number:
        row.deleted_at = None
    sent = Sent(size, load_kinds()[row.geometry].classes, tuple(row.predictions))
    annotations = {int(each["id"]): each for each in task.get("annotations") or ()}
    added = refused = 0
    for annotation_id, annotation in annotations.items():
        earlier = known.get(annotation_id)
        if earlier is not None and earlier.revision == revision_of(annotation):
            continue
        is_taken = _take_in_annotation(session, row, number, annotation, sent)
        added, refused = added + is_taken, refused + (not is_taken)
    for annotation_id, earlier in known.items():
        if annotation_id not in annotations and earlier.kind != "deleted":
            _write_deleted(session, earlier)
            added += 1
    mend_others(session, row.id, {_problem(row, each) for each in annotations})
    return TakenIn(added, refused, 0, frozenset({number}))


def _take_in_annotation(
    session: Session, row: LabelTaskRow, number: int, annotation: Task, sent: Sent
) -> bool:
    """Write one annotation, or by name why it cannot be taken in; the one before stays then."""
    problem = _problem(row, annotation["id"])
    try:
        drawing = read_annotation(annotation, sent)
    except DrawingError as error:
        note_problem(session, problem, error, row.id)
        return False
    mend(session, [problem])
    values = _values(row, number, drawing, sent)
    session.execute(insert(LabelAnnotationRow).values(values).on_conflict_do_nothing())
    return True


def _problem(row: LabelTaskRow, annotation_id: object) -> str:
    return f"drawing:{row.key}:{annotation_id}"


def _values(row: LabelTaskRow, number: int, drawing: Drawing, sent: Sent) -> dict[str, Any]:
    return asdict(drawing) | {
        "label_task_id": row.id,
        "task_key": row.key,
        "photo_id": row.photo_id,
        "photo_sha256": row.photo_sha256,
        "flight_id": row.flight_id,
        "width_px": sent.size.width_px,
        "height_px": sent.size.height_px,
        "geometry": row.geometry,
        "classes": list(sent.classes),
        "board_task_id": number,
        "shapes": list(drawing.shapes),
        "dropped": list(drawing.dropped),
    }


def _write_deleted(session: Session, earlier: LabelAnnotationRow) -> None:
    """Write down that an annotation is not there any more; what it said stays readable."""
    kept = {
        column.name: getattr(earlier, column.name)
        for column in LabelAnnotationRow.__table__.columns
        if column.name not in {"id", "created_at"}
    }
    gone = kept | {
        "kind": "deleted",
        "revision": f"deleted {earlier.revision}",
        "is_ground_truth": False,
        "shapes": [],
        "dropped": [],
    }
    session.execute(insert(LabelAnnotationRow).values(gone).on_conflict_do_nothing())


def _list_skipped(session: Session, keys: Sequence[str]) -> set[str]:
    row = LabelAnnotationRow
    newest = select(func.max(row.id)).where(row.task_key.in_(keys))
    newest = newest.group_by(row.task_key, row.annotation_id)
    statement = select(row.task_key).where(row.id.in_(newest), row.kind == "skipped")
    return set(session.scalars(statement))


def _agreement(drawings: Sequence[LabelAnnotationRow]) -> float | None:
    """Return how far the newest drawings of different people agree."""
    by_person: dict[str, list[Shape]] = {}
    for row in sorted(drawings, key=lambda each: each.id):
        by_person[row.annotator] = [shape_from_columns(shape) for shape in row.shapes]
    if any(row.is_ground_truth for row in drawings):
        return None
    return agree(list(by_person.values()))
