"""Look at our projects in Label Studio: all tasks, or those that it told us of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from detection.domain.errors import HazardLensError
from serving.db.tables import FlightRow, LabelProjectRow, LabelTaskRow, PhotoRow
from serving.labelstudio.board import Board
from serving.labelstudio.client import Json
from serving.labelstudio.convert import PictureSize
from serving.labelstudio.problems import forget_failure, note_failure
from serving.labelstudio.projects import check_project, list_project_rows
from serving.labelstudio.push import send_waiting
from serving.labelstudio.take_in import NOTHING, TakenIn, take_in_tasks
from serving.labelstudio.tasks import TaskPhoto, key_of, task_data

Act = Callable[[Board, LabelProjectRow], "Synced"]

RENEW_SHARE = 3
"""Links are renewed when less than a third of their time is left."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a look at one project brought, or why it failed."""

    geometry: str
    sent: int = 0
    taken: TakenIn = NOTHING
    deleted: int = 0
    doubled: int = 0
    renewed: int = 0
    error: HazardLensError | None = None


def pull(board: Board) -> list[Synced]:
    """Take in what was drawn in every project; one that fails does not stop the others."""
    return _each_project(board, _pull_one)


def push(board: Board) -> list[Synced]:
    """Send what waits for every project."""
    return _each_project(board, lambda at, row: Synced(row.geometry, sent=send_waiting(at, row)))


def reconcile(board: Board) -> list[Synced]:
    """Send, take in, tell what was deleted, remove what is doubled, renew links."""
    return _each_project(board, _reconcile_one)


def _each_project(board: Board, act: Act) -> list[Synced]:
    with board.sessions() as session:
        rows = list_project_rows(session)
        session.expunge_all()
    outcomes = []
    with board.alone():
        for row in rows:
            try:
                outcome = act(board, row)
            except HazardLensError as error:
                outcome = Synced(row.geometry, error=error)
            _note_outcome(board, outcome)
            outcomes.append(outcome)
    return outcomes


def _note_outcome(board: Board, outcome: Synced) -> None:
    with board.sessions.begin() as session:
        if outcome.error is not None:
            note_failure(session, outcome.geometry, outcome.error)
        else:
            forget_failure(session, outcome.geometry)


def _pull_one(board: Board, project: LabelProjectRow) -> Synced:
    """Take in all tasks of a project, page by page."""
    check_project(board, project)
    taken, _ = _take_in_all(board, project)
    return Synced(project.geometry, taken=taken)


def _take_in_all(board: Board, project: LabelProjectRow) -> tuple[TakenIn, dict[str, list[Json]]]:
    """Take in every task; returns what that brought, and the tasks there by our name of them."""
    taken = TakenIn()
    there: dict[str, list[Json]] = {}
    for page in board.client.each_page_of_tasks(project.project_id):
        with board.sessions.begin() as session:
            taken += take_in_tasks(session, project.geometry, page)
        for task in page:
            there.setdefault(key_of(task) or "", []).append(task)
    with board.sessions.begin() as session:
        session.execute(
            update(LabelProjectRow)
            .where(LabelProjectRow.geometry == project.geometry)
            .values(synced_at=datetime.now(UTC), foreign_tasks=taken.foreign)
        )
    there.pop("", None)
    return taken, there


def _reconcile_one(board: Board, project: LabelProjectRow) -> Synced:
    sent = send_waiting(board, project)
    taken, there = _take_in_all(board, project)
    doubled = _remove_doubled(board, project.geometry, there)
    deleted = note_deleted(board, project.geometry, set(there))
    renewed = _renew_links(board, project.geometry)
    return Synced(project.geometry, sent, taken, deleted, doubled, renewed)


def _remove_doubled(board: Board, geometry: str, there: dict[str, list[Json]]) -> int:
    """Remove second copies of a task on which nobody has drawn; returns how many."""
    doubled = {key: tasks for key, tasks in there.items() if len(tasks) > 1}
    if not doubled:
        return 0
    ours = _board_numbers(board, geometry)
    removed = 0
    for key, tasks in doubled.items():
        kept = ours.get(key)
        empty = [int(each["id"]) for each in tasks if not each.get("annotations")]
        spare = [number for number in empty if number != kept]
        for number in spare[: len(tasks) - 1]:
            board.client.delete_task(number)
            removed += 1
    return removed


def _board_numbers(board: Board, geometry: str) -> dict[str, int | None]:
    with board.sessions() as session:
        statement = select(LabelTaskRow.key, LabelTaskRow.board_task_id)
        rows = session.execute(statement.where(LabelTaskRow.geometry == geometry))
        return {row.key: row.board_task_id for row in rows}


def note_deleted(board: Board, geometry: str, there: set[str]) -> int:
    """Mark tasks that are not there any more; returns how many are newly so.

    Pages move up while somebody deletes, so a task that no page showed is asked for by itself. What
    was drawn on a deleted task stays.
    """
    with board.sessions() as session:
        statement = select(LabelTaskRow.id, LabelTaskRow.key, LabelTaskRow.board_task_id).where(
            LabelTaskRow.geometry == geometry,
            LabelTaskRow.board_task_id.is_not(None),
            LabelTaskRow.state.not_in(("waiting", "sending")),
            LabelTaskRow.deleted_at.is_(None),
        )
        unseen = [row for row in session.execute(statement) if row.key not in there]
    numbers = [int(row.board_task_id or 0) for row in unseen]
    gone = [number for number in numbers if board.client.get_task(number) is None]
    with board.sessions.begin() as session:
        mark_deleted_tasks(session, geometry, gone)
    return len(gone)


def mark_deleted_tasks(session: Session, geometry: str, numbers: list[int]) -> None:
    """Write down that tasks are not in Label Studio any more."""
    session.execute(
        update(LabelTaskRow)
        .where(
            LabelTaskRow.geometry == geometry,
            LabelTaskRow.board_task_id.in_(numbers),
            LabelTaskRow.deleted_at.is_(None),
        )
        .values(deleted_at=datetime.now(UTC))
    )


def _renew_links(board: Board, geometry: str) -> int:
    """Give open tasks new addresses of their pictures before the old ones end."""
    soon = datetime.now(UTC) + timedelta(days=board.link_days) / RENEW_SHARE
    with board.sessions() as session:
        statement = (
            select(LabelTaskRow, PhotoRow, FlightRow.name)
            .join(PhotoRow, PhotoRow.id == LabelTaskRow.photo_id)
            .join(FlightRow, FlightRow.id == LabelTaskRow.flight_id)
            .where(
                LabelTaskRow.geometry == geometry,
                LabelTaskRow.board_task_id.is_not(None),
                LabelTaskRow.deleted_at.is_(None),
                LabelTaskRow.state.in_(("open", "disagreeing", "refused")),
                LabelTaskRow.link_until < soon,
            )
        )
        rows = [(row[0], row[1], row[2]) for row in session.execute(statement)]
    for task, photo, flight in rows:
        link, until = board.link_to_photo(photo.id)
        size = PictureSize(photo.width_px, photo.height_px)
        data = task_data(task.key, TaskPhoto(photo.name, flight, size, link))
        board.client.update_task(int(task.board_task_id or 0), data)
        with board.sessions.begin() as session:
            change = update(LabelTaskRow).where(LabelTaskRow.id == task.id)
            session.execute(change.values(link_until=until))
    return len(rows)
