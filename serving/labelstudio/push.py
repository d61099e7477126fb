"""Send waiting tasks: each arrives once, whoever is killed meanwhile.

Tasks are marked as being sent before the request leaves. Where its answer never came, the project
is looked through for our names of them: those that are there arrived, the rest goes again. Label
Studio takes a request in as a whole or not at all (one transaction in its database).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from serving.db.tables import (
    FlightRow,
    LabelProjectRow,
    LabelPushRow,
    LabelPushTaskRow,
    LabelTaskRow,
    PhotoRow,
)
from serving.labelstudio.board import Board
from serving.labelstudio.client import Json
from serving.labelstudio.convert import PictureSize
from serving.labelstudio.errors import PhotoGoneError
from serving.labelstudio.kinds import load_kinds
from serving.labelstudio.predictions import load_predictions
from serving.labelstudio.problems import mend, note_problem
from serving.labelstudio.projects import check_project
from serving.labelstudio.tasks import Prediction, TaskPhoto, key_of, make_task

logger = logging.getLogger(__name__)

BATCH_TASKS = 200


@dataclass(frozen=True, slots=True)
class Ready:
    """A task that is about to be sent."""

    task_id: int
    sent: Json
    predictions: list[Json]
    link_until: datetime


def send_waiting(board: Board, project: LabelProjectRow) -> int:
    """Send what waits for a project; returns how many tasks arrived.

    Raises:
        LabelProjectGoneError: the project is not there any more.
        HazardLensError: Label Studio does not answer, or not as it should; what is left goes with
            the next call.
    """
    check_project(board, project)
    settle_sent(board, project)
    arrived = 0
    while batch := _take_batch(board, project.geometry):
        numbers = board.client.import_tasks(project.project_id, [each.sent for each in batch])
        with board.sessions.begin() as session:
            for ready, number in zip(batch, numbers, strict=True):
                _note_arrival(session, ready.task_id, number)
        arrived += len(batch)
    with board.sessions.begin() as session:
        close_pushes(session)
    return arrived


def settle_sent(board: Board, project: LabelProjectRow) -> None:
    """Find out what became of tasks whose answer never came."""
    with board.sessions() as session:
        statement = select(LabelTaskRow.key, LabelTaskRow.id).where(
            LabelTaskRow.geometry == project.geometry, LabelTaskRow.state == "sending"
        )
        unsure = {row.key: row.id for row in session.execute(statement)}
    if not unsure:
        return
    logger.info("%d tasks were being sent when the connection broke", len(unsure))
    numbers: dict[str, int] = {}
    for page in board.client.each_page_of_tasks(project.project_id):
        for task in page:
            numbers.setdefault(key_of(task) or "", int(task["id"]))
    with board.sessions.begin() as session:
        for key, task_id in unsure.items():
            if key in numbers:
                _note_arrival(session, task_id, numbers[key])
            else:
                session.execute(
                    update(LabelTaskRow)
                    .where(LabelTaskRow.id == task_id, LabelTaskRow.state == "sending")
                    .values(state="waiting")
                )


def close_pushes(session: Session) -> None:
    """End the orders of which nothing waits any more."""
    waits = exists().where(
        LabelPushTaskRow.push_id == LabelPushRow.id,
        LabelTaskRow.id == LabelPushTaskRow.task_id,
        LabelTaskRow.state.in_(("waiting", "sending")),
    )
    session.execute(
        update(LabelPushRow)
        .where(LabelPushRow.state != "done", ~waits)
        .values(
            state="done",
            finished_at=datetime.now(UTC),
            failure_code=None,
            failure_message=None,
            failure_remedy=None,
        )
    )


def _take_batch(board: Board, geometry: str) -> list[Ready]:
    """Mark the next tasks as being sent and return them as they are sent."""
    with board.sessions.begin() as session:
        statement = (
            select(LabelTaskRow, PhotoRow, FlightRow.name)
            .join(PhotoRow, PhotoRow.id == LabelTaskRow.photo_id)
            .join(FlightRow, FlightRow.id == LabelTaskRow.flight_id)
            .where(LabelTaskRow.geometry == geometry, LabelTaskRow.state == "waiting")
            .order_by(LabelTaskRow.id)
            .limit(BATCH_TASKS)
            .with_for_update(of=LabelTaskRow)
        )
        rows = [(row[0], row[1], row[2]) for row in session.execute(statement)]
        there = [row for row in rows if _has_photo(session, board, row[0])]
        kind = load_kinds()[geometry]
        known = load_predictions(session, [photo.id for _, photo, _ in there], kind.classes)
        batch = [_make_ready(board, row, known.get(row[1].id, [])) for row in there]
        for (task, _, _), ready in zip(there, batch, strict=True):
            task.state = "sending"
            task.predictions = ready.predictions
            task.link_until = ready.link_until
    return batch if batch or not rows else _take_batch(board, geometry)


def _has_photo(session: Session, board: Board, task: LabelTaskRow) -> bool:
    """Whether the photo of a task is still there; else it is refused by name."""
    key = f"photo:{task.key}"
    if board.store.path_of(task.photo_sha256).is_file():
        mend(session, [key])
        return True
    note_problem(session, key, PhotoGoneError(task.photo_id), task.id)
    task.state = "refused"
    return False


def _make_ready(
    board: Board, row: tuple[LabelTaskRow, PhotoRow, str], predictions: Sequence[Prediction]
) -> Ready:
    task, photo, flight = row
    link, until = board.link_to_photo(photo.id)
    size = PictureSize(photo.width_px, photo.height_px)
    shown = TaskPhoto(photo.name, flight, size, link)
    sent, kept = make_task(task.key, shown, task.geometry, predictions)
    return Ready(task.id, sent, kept, until)


def _note_arrival(session: Session, task_id: int, number: int) -> None:
    session.execute(
        update(LabelTaskRow)
        .where(LabelTaskRow.id == task_id)
        .values(state="open", board_task_id=number, pushed_at=datetime.now(UTC), deleted_at=None)
    )
