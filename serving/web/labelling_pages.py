"""The page of Label Studio: both projects, what was sent and came back, what is in trouble."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.api.label_studio_schemas import MAX_PUSHED, LabelProjectAnswer, LabelPushAnswer
from serving.api.label_studio_views import is_set, view_project, view_push
from serving.db.tables import FlightRow, LabelProblemRow, LabelTaskRow, PhotoRow
from serving.deps import ModelReader, ServicesDep, SessionDep
from serving.labelstudio.status import BoardStatus, read_status
from serving.web.labels import CANDIDATE_STATES
from serving.web.learning_labels_label_studio import GEOMETRIES, PUSH_STATES
from serving.web.rendering import Words, render, words_for
from serving.web.review_pages import class_names

router = APIRouter(include_in_schema=False)

PATH = "/labelling"
LATEST_FLIGHTS = 50


@dataclass(frozen=True, slots=True)
class ProjectCard:
    """One project as the page shows it; ``trouble`` is what happened and what to do."""

    project: LabelProjectAnswer
    title: str
    classes: list[str]
    trouble: tuple[str, str] | None
    is_busy: bool


@dataclass(frozen=True, slots=True)
class ProblemLine:
    """One trouble; ``address`` is the task in Label Studio."""

    message: str
    remedy: str
    detail: str
    photo: str | None
    address: str | None
    last_at: datetime


@dataclass(frozen=True, slots=True)
class PushLine:
    """One order; ``trouble`` where it has not been sent."""

    push: LabelPushAnswer
    state: str
    trouble: tuple[str, str] | None


@router.get(PATH)
def show_labelling(
    request: Request, person: ModelReader, services: ServicesDep, session: SessionDep
) -> Response:
    """Show how things stand with Label Studio and, to who may, the buttons."""
    words = words_for(request)
    status = read_status(session)
    cards = list_cards(status, words)
    context = {
        "section": "models",
        "learning_section": PATH,
        "is_set": is_set(services.settings),
        "cards": cards,
        "is_set_up": all(card.project.project_id is not None for card in cards),
        "is_busy": any(card.is_busy for card in cards) or status.waiting_events > 0,
        "problems": list_problem_lines(session, status, words),
        "pushes": list_push_lines(status, words),
        "class_names": class_names(words),
        "states": list(CANDIDATE_STATES),
        "flights": _list_flights(session),
        "max_pushed": MAX_PUSHED,
    }
    return render(request, "labelling.html", person=person, context=context)


def list_cards(status: BoardStatus, words: Words) -> list[ProjectCard]:
    """Return the projects; one is busy while something waits or a look was asked for."""
    cards = []
    for each in status.projects:
        answer = view_project(each)
        row = each.row
        asked, seen = (row.asked_at, row.synced_at) if row else (None, None)
        is_asked = asked is not None and (seen is None or asked > seen) and answer.failure is None
        said = answer.failure
        trouble = words.explain(said.code, said.message, said.remedy) if said else None
        cards.append(
            ProjectCard(
                answer,
                words.label(GEOMETRIES, answer.geometry),
                [words.class_name(name) for name in answer.classes],
                trouble,
                is_asked or (answer.waiting > 0 and answer.failure is None),
            )
        )
    return cards


def list_push_lines(status: BoardStatus, words: Words) -> list[PushLine]:
    """Return the latest orders."""
    return [
        PushLine(
            view_push(row),
            words.label(PUSH_STATES, row.state),
            words.explain(row.failure_code, row.failure_message or "", row.failure_remedy or "")
            if row.failure_code
            else None,
        )
        for row in status.pushes
    ]


def list_problem_lines(session: Session, status: BoardStatus, words: Words) -> list[ProblemLine]:
    """Return what is not mended, with the photo and the task that it is about."""
    addresses = {each.kind.geometry: each.address for each in status.projects}
    tasks = _load_tasks(session, status.problems)
    lines = []
    for problem in status.problems:
        message, remedy = words.explain(problem.code, problem.message, problem.remedy)
        task, photo = tasks.get(problem.task_id or 0, (None, None))
        at = addresses.get(task.geometry) if task is not None else None
        address = f"{at}/data?task={task.board_task_id}" if at and task else None
        if task is not None and task.board_task_id is None:
            address = None
        detail = problem.message
        lines.append(ProblemLine(message, remedy, detail, photo, address, problem.last_at))
    return lines


def _load_tasks(
    session: Session, problems: tuple[LabelProblemRow, ...]
) -> dict[int, tuple[LabelTaskRow, str]]:
    numbers = [each.task_id for each in problems if each.task_id is not None]
    statement = select(LabelTaskRow, PhotoRow.name).join(
        PhotoRow, PhotoRow.id == LabelTaskRow.photo_id
    )
    rows = session.execute(statement.where(LabelTaskRow.id.in_(numbers)))
    return {row[0].id: (row[0], row[1]) for row in rows}


def _list_flights(session: Session) -> list[tuple[int, str]]:
    """Return the latest flights that were looked at."""
    statement = select(FlightRow.id, FlightRow.name).where(FlightRow.state == "done")
    rows = session.execute(statement.order_by(FlightRow.id.desc()).limit(LATEST_FLIGHTS))
    return [(row.id, row.name) for row in rows]
