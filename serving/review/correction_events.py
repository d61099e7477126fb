"""What people corrected of a candidate: read, and found again among the boxes of now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from serving.db.current import is_current
from serving.db.tables import CandidateRow, CorrectionEventRow, DetectionRow, PhotoRow, SightingRow
from serving.review.blind.tasks import blind_ids
from serving.review.grouping import BoxIndex, SeenBox
from serving.review.grouping_events import SEEN_BOX_COLUMNS, seen_box_from_columns

BoxXyxy = tuple[float, float, float, float]


class CorrectionKind(StrEnum):
    """What a person may correct, and taking it back."""

    BOX = "box"
    CLASS = "class"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Target:
    """What a correction speaks of: box or class, of one sighting or (None) of the candidate."""

    kind: CorrectionKind
    detection_id: int | None


@dataclass(frozen=True, slots=True)
class Corrections:
    """The corrections of a candidate that a person may see, oldest first, with their targets.

    ``targets`` holds those that speak of a sighting which is there, or of the candidate itself.
    """

    events: tuple[CorrectionEventRow, ...] = ()
    targets: Mapping[int, Target] = field(default_factory=dict)

    @property
    def undone(self) -> set[int]:
        """Numbers of the corrections that were taken back."""
        return {event.undoes for event in self.events if event.undoes is not None}

    def standing_on(self, target: Target) -> CorrectionEventRow | None:
        """Return the correction that holds for a target: the last one not taken back."""
        return next(reversed(self.all_on(target)), None)

    def all_on(self, target: Target) -> list[CorrectionEventRow]:
        """Return the corrections of a target that were not taken back, oldest first."""
        undone = self.undone
        return [
            event
            for event in self.events
            if self.targets.get(event.id) == target and event.id not in undone
        ]

    def box_of(self, row: DetectionRow) -> BoxXyxy:
        """Return the box of a sighting as a person says, else as the model does."""
        event = self.standing_on(Target(CorrectionKind.BOX, row.id))
        return box_from_row(row) if event is None else box_from_event(event)

    def class_of_candidate(self, row: CandidateRow) -> str:
        """Return what a candidate is as a person says, else as the models do."""
        event = self.standing_on(Target(CorrectionKind.CLASS, None))
        return row.class_of_models if event is None else class_from_event(event)

    def class_of(self, row: DetectionRow) -> str:
        """Return what a sighting shows as a person says, else as the model does."""
        event = self.standing_on(Target(CorrectionKind.CLASS, row.id))
        return row.hazard_class if event is None else class_from_event(event)


def load_corrections(
    session: Session, candidate: CandidateRow, *, seen_blind_by: int | None = None
) -> Corrections:
    """Return what was corrected of a candidate and of its sightings.

    ``seen_blind_by`` is somebody who reviews it blind: they see what they said themselves alone.
    """
    boxes = _list_boxes(session, candidate.id)
    shas = {box.photo_sha256 for box in boxes.values()}
    of_candidate = (CorrectionEventRow.candidate_id == candidate.id) & (
        CorrectionEventRow.photo_sha256.is_(None)
    )
    of_sightings = (CorrectionEventRow.flight_id == candidate.flight_id) & (
        CorrectionEventRow.photo_sha256.in_(shas)
    )
    statement = (
        select(CorrectionEventRow)
        .where(of_candidate | of_sightings, _visible(seen_blind_by))
        .order_by(CorrectionEventRow.id)
    )
    events = list(session.scalars(statement))
    if not events:
        return Corrections()
    targets = _find_targets(session, events, boxes)
    shown = {event.id for event in events if event.id in targets}
    kept = [event for event in events if event.id in shown or event.undoes in shown]
    return Corrections(tuple(kept), targets)


def load_corrections_for(session: Session, candidate: CandidateRow, user_id: int) -> Corrections:
    """Return what one person may see: all, or their own alone while they review it blind."""
    is_blind = bool(blind_ids(session, user_id, [candidate.id]))
    return load_corrections(session, candidate, seen_blind_by=user_id if is_blind else None)


def seen_box_of(session: Session, detection: DetectionRow) -> SeenBox:
    """Return what names a detection whatever run found it."""
    sha256 = session.scalars(select(PhotoRow.sha256).where(PhotoRow.id == detection.photo_id)).one()
    return seen_box_from_columns((sha256, detection.hazard_class, *box_from_row(detection)))


def box_from_row(row: DetectionRow) -> BoxXyxy:
    """Return the box as the model drew it."""
    return (row.x_min, row.y_min, row.x_max, row.y_max)


def box_from_event(event: CorrectionEventRow) -> BoxXyxy:
    """Return the box that a correction says."""
    x_min, y_min, x_max, y_max = cast("BoxXyxy", (event.after or {})["bbox_xyxy"])
    return (x_min, y_min, x_max, y_max)


def class_from_event(event: CorrectionEventRow) -> str:
    """Return the class that a correction says."""
    return str((event.after or {})["hazard_class"])


def _visible(seen_blind_by: int | None) -> ColumnElement[bool]:
    if seen_blind_by is None:
        return CorrectionEventRow.is_opinion.is_(False)
    return CorrectionEventRow.is_opinion & (CorrectionEventRow.user_id == seen_blind_by)


def _list_boxes(session: Session, candidate_id: int) -> dict[int, SeenBox]:
    statement = (
        select(DetectionRow.id, *SEEN_BOX_COLUMNS)
        .join(SightingRow, SightingRow.detection_id == DetectionRow.id)
        .join(PhotoRow, PhotoRow.id == DetectionRow.photo_id)
        .where(SightingRow.candidate_id == candidate_id)
    )
    return {row[0]: seen_box_from_columns(row[1:]) for row in session.execute(statement)}


def _find_targets(
    session: Session, events: Sequence[CorrectionEventRow], own: Mapping[int, SeenBox]
) -> dict[int, Target]:
    """Return what each correction speaks of; those of other things in the same photos are none."""
    index = BoxIndex(_list_neighbours(session, events, own))
    targets: dict[int, Target] = {}
    for event in events:
        if event.kind == CorrectionKind.UNDO:
            continue
        kind = CorrectionKind(event.kind)
        box = _seen_box(event)
        if box is None:
            targets[event.id] = Target(kind, None)
        # Each alone: two names of one box, of two runs, both find it.
        elif (detection_id := index.find([box]).get(box)) in own:
            targets[event.id] = Target(kind, detection_id)
    return targets


def _list_neighbours(
    session: Session, events: Sequence[CorrectionEventRow], own: Mapping[int, SeenBox]
) -> dict[int, SeenBox]:
    """Return the boxes of the photos that corrections name, so that each finds the nearest."""
    shas = {event.photo_sha256 for event in events if event.photo_sha256 is not None}
    found: dict[int, SeenBox] = {}
    statement = (
        select(DetectionRow.id, *SEEN_BOX_COLUMNS)
        .join(PhotoRow, PhotoRow.id == DetectionRow.photo_id)
        .where(
            PhotoRow.sha256.in_(shas),
            PhotoRow.flight_id == events[0].flight_id,
            is_current(),
        )
    )
    for row in session.execute(statement):
        found[row[0]] = seen_box_from_columns(row[1:])
    return found | dict(own)


def _seen_box(event: CorrectionEventRow) -> SeenBox | None:
    if event.photo_sha256 is None or event.thing is None or event.seen_bbox_xyxy is None:
        return None
    x_min, y_min, x_max, y_max = event.seen_bbox_xyxy
    return SeenBox(event.photo_sha256, event.thing, (x_min, y_min, x_max, y_max))
