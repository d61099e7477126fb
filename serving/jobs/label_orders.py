"""Order photos to be drawn on in Label Studio. The tasks are rows before the answer is sent.

A photo becomes one task of each project whose classes may be in it, however often it is ordered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from serving.accounts.users import Person
from serving.audit.log import Actor, Subject, record
from serving.db.repeats import find_repeat
from serving.db.tables import (
    CandidateRow,
    DetectionRow,
    LabelProjectRow,
    LabelPushRow,
    LabelPushTaskRow,
    LabelTaskRow,
    PhotoRow,
    SelectionPickRow,
    SightingRow,
)
from serving.jobs.queue import LABELS_QUEUE, defer
from serving.labelstudio.errors import NothingToPushError
from serving.labelstudio.kinds import geometries_of
from serving.labelstudio.projects import get_project_row
from serving.labelstudio.tasks import task_key

PUSH_LABELS = "push_labels"
RECONCILE_LABELS = "reconcile_labels"
TAKE_IN_LABELS = "take_in_labels"
SYNC = "label studio"
"""Lock of the jobs that speak with Label Studio: of all workers, one at a time."""

MAX_TASKS = 5000


@dataclass(frozen=True, slots=True)
class PushFilter:
    """Candidates whose best photo is to be drawn on; None does not restrict."""

    flight_id: int | None = None
    hazard_class: str | None = None
    state: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """A photo, and the class for whose sake; None: nobody knows what is in it."""

    photo_id: int
    hazard_class: str | None


def order_push(
    session: Session,
    selection_id: int,
    person: Person | Actor,
    *,
    idempotency_key: str | None = None,
) -> LabelPushRow:
    """Order the photos of a selection, best first.

    Raises:
        LabelStudioNotSetError: the projects were never set up.
        NothingToPushError: the selection is empty, or there is none with this number.
    """
    picks = (
        select(SelectionPickRow.photo_id, SelectionPickRow.hazard_class)
        .where(SelectionPickRow.selection_id == selection_id)
        .order_by(SelectionPickRow.rank)
    )
    wanted = [Wanted(photo_id, name) for photo_id, name in session.execute(picks)]
    said: dict[str, object] = {"selection": selection_id}
    actor = person.actor if isinstance(person, Person) else person
    order = _Order(actor, said, selection_id, idempotency_key)
    return _order(session, order, wanted)


def order_push_filter(
    session: Session, wanted: PushFilter, actor: Actor, *, idempotency_key: str | None = None
) -> LabelPushRow:
    """Order the best photo of each candidate that fits, in the order of the queue.

    Raises:
        LabelStudioNotSetError: the projects were never set up.
        NothingToPushError: no candidate fits.
    """
    said = {name: value for name, value in asdict(wanted).items() if value is not None}
    order = _Order(actor, said, None, idempotency_key)
    return _order(session, order, _find_photos(session, wanted))


def order_look(session: Session, actor: Actor | None = None) -> None:
    """Have all projects looked at soon; asked by a person it is written down."""
    session.execute(update(LabelProjectRow).values(asked_at=datetime.now(UTC)))
    if actor is not None:
        record(session, actor, "sync_labels", Subject("label_project", "all"))
    defer(session, RECONCILE_LABELS, lane=LABELS_QUEUE, lock=SYNC)


def order_look_if_due(session: Session, every_min: float) -> bool:
    """Have all projects looked at where nobody did for ``every_min`` minutes."""
    limit = datetime.now(UTC) - timedelta(minutes=every_min)
    due = (
        select(LabelProjectRow.geometry)
        .where(
            or_(LabelProjectRow.asked_at.is_(None), LabelProjectRow.asked_at < limit),
            or_(LabelProjectRow.synced_at.is_(None), LabelProjectRow.synced_at < limit),
        )
        .with_for_update(skip_locked=True)
    )
    if not list(session.scalars(due)):
        return False
    order_look(session)
    return True


@dataclass(frozen=True, slots=True)
class _Order:
    actor: Actor
    said: dict[str, object]
    selection_id: int | None
    idempotency_key: str | None


def _order(session: Session, order: _Order, wanted: Iterable[Wanted]) -> LabelPushRow:
    earlier = find_repeat(session, LabelPushRow, order.actor.user_id, order.idempotency_key)
    if earlier is not None:
        return earlier
    tasks = _write_tasks(session, list(wanted))
    if not tasks:
        raise NothingToPushError
    row = LabelPushRow(
        selection_id=order.selection_id,
        wanted=order.said,
        new_tasks=sum(tasks.values()),
        known_tasks=len(tasks) - sum(tasks.values()),
        user_id=order.actor.user_id,
        username=order.actor.username,
        role=order.actor.role,
        idempotency_key=order.idempotency_key,
    )
    session.add(row)
    session.flush()
    pairs = [{"push_id": row.id, "task_id": task_id} for task_id in tasks]
    session.execute(insert(LabelPushTaskRow).values(pairs))
    after = {"tasks": len(tasks), "new": row.new_tasks} | order.said
    record(session, order.actor, "push_labels", Subject("label_push", str(row.id)), after=after)
    defer(session, PUSH_LABELS, lane=LABELS_QUEUE, lock=SYNC)
    return row


def _find_photos(session: Session, wanted: PushFilter) -> list[Wanted]:
    """Return the photo that shows each fitting candidate best, each photo once."""
    statement = (
        select(DetectionRow.photo_id, CandidateRow.hazard_class)
        .join(SightingRow, SightingRow.candidate_id == CandidateRow.id)
        .join(DetectionRow, DetectionRow.id == SightingRow.detection_id)
        .where(
            CandidateRow.merged_into.is_(None),
            SightingRow.ordinal == 0,
            DetectionRow.change_run_id.is_(None),
        )
        .order_by(CandidateRow.tier.desc(), CandidateRow.risk_key.desc(), CandidateRow.id)
    )
    if wanted.flight_id is not None:
        statement = statement.where(CandidateRow.flight_id == wanted.flight_id)
    if wanted.hazard_class is not None:
        statement = statement.where(CandidateRow.hazard_class == wanted.hazard_class)
    if wanted.state is not None:
        statement = statement.where(CandidateRow.state == wanted.state)
    photos: dict[int, list[Wanted]] = {}
    for photo_id, name in session.execute(statement.execution_options(yield_per=MAX_TASKS)):
        if photo_id not in photos and len(photos) == min(wanted.limit, MAX_TASKS):
            break
        photos.setdefault(photo_id, []).append(Wanted(photo_id, name))
    return [each for found in photos.values() for each in found]


def _write_tasks(session: Session, wanted: list[Wanted]) -> dict[int, bool]:
    """Return the tasks of these photos by number, and whether each is new (or new again)."""
    photos = _load_photos(session, {each.photo_id for each in wanted})
    values: dict[str, dict[str, object]] = {}
    for each in wanted:
        for geometry in geometries_of(each.hazard_class):
            project = get_project_row(session, geometry)
            photo = photos[each.photo_id]
            at = (geometry, project.url, project.project_id)
            key = task_key(*at, photo.flight_id, photo.sha256)
            values.setdefault(
                key,
                {
                    "key": key,
                    "geometry": geometry,
                    "photo_id": photo.id,
                    "photo_sha256": photo.sha256,
                    "flight_id": photo.flight_id,
                },
            )
    if not values:
        return {}
    statement = insert(LabelTaskRow).values(list(values.values())).on_conflict_do_nothing()
    new = set(session.scalars(statement.returning(LabelTaskRow.id)))
    new |= _wake_deleted(session, list(values))
    found = session.execute(
        select(LabelTaskRow.id).where(LabelTaskRow.key.in_(values)).order_by(LabelTaskRow.id)
    )
    return {task_id: task_id in new for (task_id,) in found}


def _wake_deleted(session: Session, keys: list[str]) -> set[int]:
    """Send again what was deleted there before anybody drew, or could not be sent."""
    statement = (
        update(LabelTaskRow)
        .where(
            LabelTaskRow.key.in_(keys),
            or_(
                LabelTaskRow.deleted_at.is_not(None) & LabelTaskRow.state.in_(("open", "refused")),
                (LabelTaskRow.state == "refused") & LabelTaskRow.board_task_id.is_(None),
            ),
        )
        .values(state="waiting", deleted_at=None, board_task_id=None)
    )
    return set(session.scalars(statement.returning(LabelTaskRow.id)))


def _load_photos(session: Session, photo_ids: set[int]) -> dict[int, PhotoRow]:
    statement = select(PhotoRow).where(PhotoRow.id.in_(photo_ids))
    return {row.id: row for row in session.scalars(statement)}


def count_waiting(session: Session) -> int:
    """Return how many tasks still have to be sent."""
    states = ("waiting", "sending")
    statement = select(func.count()).where(LabelTaskRow.state.in_(states))
    return int(session.scalar(statement.select_from(LabelTaskRow)) or 0)
