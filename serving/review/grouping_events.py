"""The merges and splits that people made: read, checked and appended; never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from serving.db.tables import CandidateRow, DetectionRow, GroupingEventRow, PhotoRow, SightingRow
from serving.review.decisions import Reviewer
from serving.review.errors import (
    AlreadyUndoneError,
    GroupingNotFoundError,
    GroupingSupersededError,
    NotYourDecisionError,
)
from serving.review.grouping import GroupingAct, GroupingKind, SeenBox, standing_acts
from serving.review.trail import record_grouping_event

SEEN_BOX_COLUMNS = (
    PhotoRow.sha256,
    DetectionRow.hazard_class,
    DetectionRow.x_min,
    DetectionRow.y_min,
    DetectionRow.x_max,
    DetectionRow.y_max,
)
"""What :func:`seen_box_from_columns` takes, in its order."""


@dataclass(frozen=True, slots=True)
class Part:
    """The sightings of one thing in an act; ``candidate_id`` is None where no candidate is."""

    candidate_id: int | None
    sightings: tuple[SeenBox, ...]


def list_acts(session: Session, flight_id: int) -> list[GroupingAct]:
    """Return everything that was merged, split and undone in a flight, oldest first."""
    statement = select(GroupingEventRow).where(GroupingEventRow.flight_id == flight_id)
    return [act_from_row(row) for row in session.scalars(statement.order_by(GroupingEventRow.id))]


def list_grouping_events(session: Session, candidate_id: int) -> list[GroupingEventRow]:
    """Return what was done to the grouping of a candidate, oldest first."""
    statement = select(GroupingEventRow).where(
        GroupingEventRow.candidate_ids.contains([candidate_id])
    )
    return list(session.scalars(statement.order_by(GroupingEventRow.id)))


def get_grouping_event(session: Session, event_id: int) -> GroupingEventRow:
    """Return a merge or a split.

    Raises:
        GroupingNotFoundError: there is none with this number.
    """
    row = session.get(GroupingEventRow, event_id)
    if row is None or row.kind == GroupingKind.UNDO:
        raise GroupingNotFoundError(event_id)
    return row


def check_undo(session: Session, event: GroupingEventRow, reviewer: Reviewer) -> None:
    """Whether this person may take back the act now.

    Raises:
        NotYourDecisionError: somebody else made it.
        AlreadyUndoneError: it was undone before.
        GroupingSupersededError: a later merge or split of the same candidates stands.
    """
    if event.user_id != reviewer.user_id and not reviewer.may_undo_others:
        raise NotYourDecisionError
    rows = session.scalars(
        select(GroupingEventRow)
        .where(GroupingEventRow.candidate_ids.overlap(event.candidate_ids))
        .order_by(GroupingEventRow.id)
    )
    acts = [act_from_row(row) for row in rows]
    if any(act.undoes == event.id for act in acts):
        message = f"The {event.kind} {event.id} was undone already."
        raise AlreadyUndoneError(message, remedy="Nothing to do.")
    if standing_acts(acts)[-1].event_id != event.id:
        raise GroupingSupersededError


def append_event(
    session: Session,
    reviewer: Reviewer,
    candidate: CandidateRow,
    kind: GroupingKind,
    *,
    parts: Sequence[Part] = (),
    candidate_ids: Sequence[int] = (),
    undoes: int | None = None,
    note: str | None = None,
    idempotency_key: str | None = None,
) -> GroupingEventRow:
    """Write down what a person did, as part of the transaction that does it."""
    named = [part.candidate_id for part in parts if part.candidate_id is not None]
    row = GroupingEventRow(
        flight_id=candidate.flight_id,
        candidate_id=candidate.id,
        candidate_ids=sorted({candidate.id, *named, *candidate_ids}),
        kind=kind.value,
        parts=[_columns_from_part(part) for part in parts],
        undoes=undoes,
        note=note,
        user_id=reviewer.user_id,
        username=reviewer.username,
        role=reviewer.role,
        idempotency_key=idempotency_key,
    )
    session.add(row)
    session.flush()
    record_grouping_event(session, row)
    return row


def parts_from_row(row: GroupingEventRow) -> list[Part]:
    """Return the sightings that an act names, by thing."""
    return [_part_from_columns(part) for part in row.parts]


def act_from_row(row: GroupingEventRow) -> GroupingAct:
    """Return an event as the pure rules see it."""
    parts = tuple(part.sightings for part in parts_from_row(row))
    return GroupingAct(row.id, GroupingKind(row.kind), parts, row.undoes)


def list_seen_boxes(
    session: Session, candidate_ids: Sequence[int]
) -> dict[int, dict[int, SeenBox]]:
    """Return the sightings of candidates by candidate, then by detection, best first."""
    # Columns alone: a flight has up to a hundred thousand of them, and outlines are long.
    statement = (
        select(SightingRow.candidate_id, DetectionRow.id, *SEEN_BOX_COLUMNS)
        .join(DetectionRow, DetectionRow.id == SightingRow.detection_id)
        .join(PhotoRow, PhotoRow.id == DetectionRow.photo_id)
        .where(SightingRow.candidate_id.in_(candidate_ids))
        .order_by(SightingRow.candidate_id, SightingRow.ordinal)
    )
    seen: dict[int, dict[int, SeenBox]] = {candidate_id: {} for candidate_id in candidate_ids}
    for row in session.execute(statement):
        seen[row[0]][row[1]] = seen_box_from_columns(row[2:])
    return seen


def seen_box_from_columns(columns: Sequence[Any]) -> SeenBox:
    """Return what a stored detection is, whatever run found it, from `SEEN_BOX_COLUMNS`."""
    photo_sha256, hazard_class, x_min, y_min, x_max, y_max = columns
    return SeenBox(photo_sha256, HazardClass(hazard_class).thing, (x_min, y_min, x_max, y_max))


def _columns_from_part(part: Part) -> dict[str, object]:
    return {
        "candidate_id": part.candidate_id,
        "sightings": [
            {
                "photo_sha256": box.photo_sha256,
                "thing": box.thing,
                "bbox_xyxy": list(box.bbox_xyxy),
            }
            for box in part.sightings
        ],
    }


def _part_from_columns(part: Mapping[str, Any]) -> Part:
    boxes = (
        SeenBox(each["photo_sha256"], each["thing"], tuple(each["bbox_xyxy"]))
        for each in part["sightings"]
    )
    return Part(part["candidate_id"], tuple(boxes))
