"""Rows about Label Studio as answers."""

from __future__ import annotations

from serving.api.label_studio_schemas import (
    LabelProblemAnswer,
    LabelProjectAnswer,
    LabelPushAnswer,
    LabelStatusAnswer,
)
from serving.db.tables import LabelProjectRow, LabelPushRow
from serving.labelstudio.board import check_settings
from serving.labelstudio.errors import LabelStudioNotSetError
from serving.labelstudio.status import BoardStatus, ProjectStatus
from serving.settings import ServingSettings


def view_status(settings: ServingSettings, status: BoardStatus) -> LabelStatusAnswer:
    """Return how things stand."""
    return LabelStatusAnswer(
        is_set=is_set(settings),
        projects=[view_project(each) for each in status.projects],
        problems=[LabelProblemAnswer.model_validate(each) for each in status.problems],
        pushes=[view_push(each) for each in status.pushes],
        waiting_events=status.waiting_events,
    )


def is_set(settings: ServingSettings) -> bool:
    """Whether the service knows where Label Studio is."""
    try:
        check_settings(settings)
    except LabelStudioNotSetError:
        return False
    return True


def view_project(status: ProjectStatus) -> LabelProjectAnswer:
    """Return one project."""
    row, progress = status.row, status.progress
    return LabelProjectAnswer.model_validate(
        {
            "geometry": status.kind.geometry,
            "classes": list(status.kind.classes),
            "project_id": row.project_id if row else None,
            "address": status.address,
            "is_outdated": status.is_outdated,
            "has_webhook": row is not None and row.webhook_id is not None,
            "synced_at": row.synced_at if row else None,
            "tasks": progress.tasks,
            "waiting": status.waiting,
            "pushed": progress.pushed,
            "drawn": progress.drawn,
            "skipped": progress.skipped,
            "disagreeing": progress.disagreeing,
            "refused": progress.refused,
            "deleted": progress.deleted,
            "foreign": row.foreign_tasks if row else 0,
            "agreement": status.agreement,
            "compared": status.compared,
            "failure": _failure(row),
        }
    )


def view_push(row: LabelPushRow) -> LabelPushAnswer:
    """Return one order."""
    return LabelPushAnswer.model_validate(row)


def _failure(row: LabelProjectRow | None) -> LabelProblemAnswer | None:
    if row is None or row.failure_code is None or row.failed_at is None:
        return None
    return LabelProblemAnswer(
        code=row.failure_code,
        message=row.failure_message or "",
        remedy=row.failure_remedy or "",
        last_at=row.failed_at,
    )
