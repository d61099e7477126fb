"""What Label Studio tells us of: kept at once, worked off by a worker.

An event is a reason to look at a task, no more: it comes once, without a second try, and may come
late or twice; so what is taken in is always the task as Label Studio shows it then.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from detection.domain.errors import HazardLensError
from serving.db.tables import LabelAnnotationRow, LabelEventRow, LabelProjectRow, LabelTaskRow
from serving.labelstudio.board import Board
from serving.labelstudio.errors import WebhookPayloadError, WebhookProjectError
from serving.labelstudio.problems import note_failure
from serving.labelstudio.projects import ACTIONS
from serving.labelstudio.sync import mark_deleted_tasks
from serving.labelstudio.take_in import TakenIn, take_in_tasks

logger = logging.getLogger(__name__)

EVENTS_AT_ONCE = 500


def receive_event(session: Session, geometry: str, body: bytes) -> bool:
    """Keep an event; False where it was kept before, or tells of nothing that we follow.

    Raises:
        WebhookPayloadError: it is no event of Label Studio.
        WebhookProjectError: it is of another project.
    """
    payload = _read(body)
    action = str(payload.get("action") or "")
    if action not in ACTIONS:
        return False
    project = payload.get("project")
    number = project.get("id") if isinstance(project, Mapping) else project
    known = session.get(LabelProjectRow, geometry)
    if known is None or number != known.project_id:
        logger.warning("event %s of project %s, which is none of ours", action, number)
        raise WebhookProjectError(number)
    values = {
        "body_sha256": hashlib.sha256(geometry.encode() + body).hexdigest(),
        "geometry": geometry,
        "action": action,
        "board_task_ids": _task_numbers(session, payload),
        "payload": {name: value for name, value in payload.items() if name != "project"},
    }
    statement = insert(LabelEventRow).values(values).on_conflict_do_nothing()
    return session.scalar(statement.returning(LabelEventRow.id)) is not None


def work_off_events(board: Board) -> TakenIn:
    """Look at the tasks that waiting events name; what cannot be reached stays waiting."""
    taken = TakenIn()
    with board.alone():
        while events := _take_events(board):
            wanted: defaultdict[str, set[int]] = defaultdict(set)
            for _, geometry, numbers in events:
                wanted[geometry].update(numbers)
            for geometry, named in wanted.items():
                try:
                    taken += _look(board, geometry, sorted(named))
                except HazardLensError as error:
                    with board.sessions.begin() as session:
                        note_failure(session, geometry, error)
                    return taken
            _note_handled(board, [number for number, _, _ in events])
    return taken


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        payload = json.loads(body)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        why = "it is no JSON"
        raise WebhookPayloadError(why) from error
    if not isinstance(payload, Mapping) or not isinstance(payload.get("action"), str):
        why = "it names no action"
        raise WebhookPayloadError(why)
    return payload


def _task_numbers(session: Session, payload: Mapping[str, Any]) -> list[int]:
    """Return the tasks that an event is about, as far as it says or we know.

    Raises:
        WebhookPayloadError: a number is none.
    """
    try:
        tasks = {int(each["id"]) for each in _listed(payload.get("task"))}
        tasks |= {int(each["id"]) for each in _listed(payload.get("tasks"))}
        annotations = _listed(payload.get("annotation")) + _listed(payload.get("annotations"))
        tasks |= {int(each["task"]) for each in annotations if each.get("task") is not None}
        # Of a deleted annotation an event holds no more than its number.
        bare = [int(each["id"]) for each in annotations if each.get("task") is None]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        why = "a task or annotation has no number"
        raise WebhookPayloadError(why) from error
    statement = select(LabelAnnotationRow.board_task_id)
    tasks |= set(session.scalars(statement.where(LabelAnnotationRow.annotation_id.in_(bare))))
    return sorted(tasks)


def _listed(value: object) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, Sequence) else [value]


def _take_events(board: Board) -> list[tuple[int, str, list[int]]]:
    columns = select(LabelEventRow.id, LabelEventRow.geometry, LabelEventRow.board_task_ids)
    waiting = columns.where(LabelEventRow.handled_at.is_(None)).order_by(LabelEventRow.id)
    with board.sessions() as session:
        rows = session.execute(waiting.limit(EVENTS_AT_ONCE))
        return [(row[0], row[1], list(row[2])) for row in rows]


def _note_handled(board: Board, event_ids: list[int]) -> None:
    with board.sessions.begin() as session:
        session.execute(
            update(LabelEventRow)
            .where(LabelEventRow.id.in_(event_ids))
            .values(handled_at=datetime.now(UTC))
        )


def _look(board: Board, geometry: str, numbers: list[int]) -> TakenIn:
    """Look at tasks by number; those that are not there any more are marked so."""
    ours = _known_numbers(board, geometry, numbers)
    found, gone = [], []
    for number in ours:
        task = board.client.get_task(number)
        if task is None:
            gone.append(number)
        else:
            found.append(task)
    with board.sessions.begin() as session:
        mark_deleted_tasks(session, geometry, gone)
        return take_in_tasks(session, geometry, found)


def _known_numbers(board: Board, geometry: str, numbers: list[int]) -> list[int]:
    """Return those numbers that are tasks of ours; copies of one are left to the next look."""
    statement = select(LabelTaskRow.board_task_id).where(
        LabelTaskRow.geometry == geometry, LabelTaskRow.board_task_id.in_(numbers)
    )
    with board.sessions() as session:
        return sorted(number for number in session.scalars(statement) if number is not None)
