"""Set up our projects in Label Studio: may be run again at any time, changes what differs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from serving.audit.log import Actor, Subject, record
from serving.db.tables import LabelProjectRow, LabelTaskRow
from serving.labelstudio.board import Board
from serving.labelstudio.client import Json
from serving.labelstudio.errors import (
    LabelProjectGoneError,
    LabelStudioNotSetError,
    LabelStudioRefusedError,
)
from serving.labelstudio.kinds import ProjectKind, load_kinds
from serving.labelstudio.links import WEBHOOK_PATH, installation_mark
from serving.labelstudio.problems import forget_failure, mend, note_problem
from serving.labelstudio.tasks import task_key

ACTIONS = (
    "ANNOTATION_CREATED",
    "ANNOTATIONS_CREATED",
    "ANNOTATION_UPDATED",
    "ANNOTATIONS_DELETED",
    "TASKS_DELETED",
)


class WebhookNotAllowedError(LabelStudioRefusedError):
    """Label Studio does not want to call our address."""

    code = "label_webhook_not_allowed"

    def __init__(self, url: str, status: int, detail: str) -> None:
        """Name the address."""
        super().__init__("the webhook", status, detail)
        self.message = f"Label Studio refuses to call {url}: {detail}"
        self.remedy = (
            "Drawings come in with the next look instead of at once. For an address within the"
            " own network, start Label Studio with SSRF_PROTECTION_ENABLED=false."
        )


@dataclass(frozen=True, slots=True)
class SetUp:
    """What was done for one project."""

    geometry: str
    project_id: int
    is_new: bool
    has_webhook: bool


def set_up_projects(board: Board, actor: Actor) -> list[SetUp]:
    """Make or bring up to date the project of each geometry, with its labels and webhook.

    Raises:
        HazardLensError: Label Studio does not answer, or not as it should; what was done before
            stays, and the next call goes on from there.
    """
    with board.alone():
        return [_set_up(board, kind, actor) for kind in load_kinds().values()]


def get_project_row(session: Session, geometry: str) -> LabelProjectRow:
    """Return the project of a geometry.

    Raises:
        LabelStudioNotSetError: it was never set up.
    """
    row = session.get(LabelProjectRow, geometry)
    if row is None:
        message = "The projects in Label Studio were not set up yet."
        raise LabelStudioNotSetError(message, remedy="Run hazardlens labels setup.")
    return row


def check_project(board: Board, row: LabelProjectRow) -> None:
    """Make sure that a project is still there.

    Raises:
        LabelProjectGoneError: it was deleted, or this is another server.
    """
    is_here = row.url == board.client.url
    if not is_here or board.client.get_project(row.project_id) is None:
        raise LabelProjectGoneError(row.geometry, row.project_id)


def _set_up(board: Board, kind: ProjectKind, actor: Actor) -> SetUp:
    with board.sessions() as session:
        known = session.get(LabelProjectRow, kind.geometry)
    project = _find(board, kind, known)
    is_new = project is None
    if project is None:
        project = board.client.create_project(_wanted(board, kind))
    elif known is None or known.settings_sha256 != kind.settings_sha256:
        board.client.update_project(int(project["id"]), _wanted(board, kind))
    project_id = int(project["id"])
    webhook_id = _set_up_webhook(board, kind, project_id)
    with board.sessions.begin() as session:
        _write(session, board, kind, project_id, webhook_id)
        _leave_other_project(session, known)
        after = {"project": project_id, "url": board.client.url, "webhook": webhook_id is not None}
        subject = Subject("label_project", kind.geometry)
        record(session, actor, "set_up_labels", subject, after=after)
    return SetUp(kind.geometry, project_id, is_new, webhook_id is not None)


def _find(board: Board, kind: ProjectKind, known: LabelProjectRow | None) -> Json | None:
    """Return our project: the one we know, else one with our mark, made before a crash."""
    if known is not None and known.url == board.client.url:
        project = board.client.get_project(known.project_id)
        if project is not None:
            return project
    mark = _mark(board, kind)
    found = [each for each in board.client.find_projects() if mark in str(each["description"])]
    return min(found, key=lambda each: int(each["id"])) if found else None


def _mark(board: Board, kind: ProjectKind) -> str:
    return f"hazardlens {kind.geometry} {installation_mark(board.secret_key)}"


def _wanted(board: Board, kind: ProjectKind) -> Json:
    return {
        "title": kind.title,
        "description": _mark(board, kind),
        "label_config": kind.labels_xml,
        "show_skip_button": True,
        "enable_empty_annotation": True,
        "show_collab_predictions": True,
        "maximum_annotations": kind.annotators_per_task,
    }


def _set_up_webhook(board: Board, kind: ProjectKind, project_id: int) -> int | None:
    """Have the project tell us of drawings at once; without, they come with the next look."""
    url = board.link_of_webhook(kind.geometry)
    ours = [
        hook for hook in board.client.list_webhooks(project_id) if WEBHOOK_PATH in str(hook["url"])
    ]
    wanted = {
        "project": project_id,
        "url": url,
        "send_payload": True,
        "send_for_all_actions": False,
        "is_active": True,
        "actions": list(ACTIONS),
    }
    key = f"webhook:{kind.geometry}"
    try:
        hook = board.client.save_webhook(int(ours[0]["id"]) if ours else None, wanted)
    except LabelStudioRefusedError as error:
        with board.sessions.begin() as session:
            refused = WebhookNotAllowedError(board.public_url, error.status, error.message)
            note_problem(session, key, refused)
        return None
    with board.sessions.begin() as session:
        mend(session, [key])
    return int(hook["id"])


def _write(
    session: Session, board: Board, kind: ProjectKind, project_id: int, webhook_id: int | None
) -> None:
    values = {
        "url": board.client.url,
        "project_id": project_id,
        "webhook_id": webhook_id,
        "settings_sha256": kind.settings_sha256,
        "set_up_at": datetime.now(UTC),
    }
    statement = insert(LabelProjectRow).values(geometry=kind.geometry, **values)
    session.execute(
        statement.on_conflict_do_update(index_elements=[LabelProjectRow.geometry], set_=values)
    )
    forget_failure(session, kind.geometry)


def _leave_other_project(session: Session, known: LabelProjectRow | None) -> None:
    """Mark the tasks of an earlier project as gone, and have what still waited go to the new one.

    What was drawn there stays.
    """
    project = session.get_one(LabelProjectRow, known.geometry) if known is not None else None
    if known is None or project is None:
        return
    at = (project.geometry, project.url, project.project_id)
    if at == (known.geometry, known.url, known.project_id):
        return
    waits = LabelTaskRow.state.in_(("waiting", "sending"))
    ours = LabelTaskRow.geometry == project.geometry
    gone = update(LabelTaskRow).where(ours, ~waits, LabelTaskRow.deleted_at.is_(None))
    session.execute(gone.values(deleted_at=datetime.now(UTC)))
    for task in session.scalars(select(LabelTaskRow).where(ours, waits).with_for_update()):
        task.key = task_key(*at, task.flight_id, task.photo_sha256)
        task.state = "waiting"


def list_project_rows(session: Session) -> list[LabelProjectRow]:
    """Return the projects that were set up."""
    return list(session.scalars(select(LabelProjectRow).order_by(LabelProjectRow.geometry)))
