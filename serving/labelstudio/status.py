"""How things stand with Label Studio, for the page and the command. Asks the database alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serving.db.label_annotations import PushProgress, count_tasks
from serving.db.tables import (
    LabelAnnotationRow,
    LabelEventRow,
    LabelProblemRow,
    LabelProjectRow,
    LabelPushRow,
    LabelTaskRow,
)
from serving.labelstudio.kinds import ProjectKind, load_kinds
from serving.labelstudio.problems import list_problems

MAX_PROBLEMS = 50
MAX_PUSHES = 20


@dataclass(frozen=True, slots=True)
class ProjectStatus:
    """One project. ``agreement`` is the mean over the ``compared`` tasks that several drew."""

    kind: ProjectKind
    row: LabelProjectRow | None
    progress: PushProgress
    waiting: int
    drawings: int
    agreement: float | None
    compared: int

    @property
    def is_outdated(self) -> bool:
        """Whether labels or options changed since it was set up."""
        return self.row is not None and self.row.settings_sha256 != self.kind.settings_sha256

    @property
    def address(self) -> str | None:
        """Where people draw."""
        return f"{self.row.url}/projects/{self.row.project_id}" if self.row else None


@dataclass(frozen=True, slots=True)
class BoardStatus:
    """All projects, what is in trouble, what was ordered last."""

    projects: tuple[ProjectStatus, ...]
    problems: tuple[LabelProblemRow, ...]
    pushes: tuple[LabelPushRow, ...]
    waiting_events: int
    last_event_at: datetime | None


def read_status(session: Session) -> BoardStatus:
    """Return how things stand."""
    events = select(
        func.count().filter(LabelEventRow.handled_at.is_(None)), func.max(LabelEventRow.received_at)
    )
    waiting_events, last_event_at = session.execute(events).one()
    pushes = select(LabelPushRow).order_by(LabelPushRow.id.desc()).limit(MAX_PUSHES)
    return BoardStatus(
        tuple(_read_project(session, kind) for kind in load_kinds().values()),
        tuple(list_problems(session, MAX_PROBLEMS)),
        tuple(session.scalars(pushes)),
        int(waiting_events),
        last_event_at,
    )


def _read_project(session: Session, kind: ProjectKind) -> ProjectStatus:
    is_here = LabelTaskRow.geometry == kind.geometry
    waiting = select(func.count(LabelTaskRow.id)).where(
        is_here, LabelTaskRow.state.in_(("waiting", "sending"))
    )
    agreement = select(func.avg(LabelTaskRow.agreement), func.count(LabelTaskRow.agreement))
    mean, compared = session.execute(agreement.where(is_here)).one()
    drawings = select(func.count(LabelAnnotationRow.id)).where(
        LabelAnnotationRow.geometry == kind.geometry
    )
    return ProjectStatus(
        kind,
        session.get(LabelProjectRow, kind.geometry),
        count_tasks(session, is_here),
        int(session.scalar(waiting) or 0),
        int(session.scalar(drawings) or 0),
        None if mean is None else float(mean),
        int(compared),
    )
