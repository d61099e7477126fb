"""Say whether a suggested box shows what the model says, and take it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from detection.domain.hazard import HazardClass
from serving.audit.log import Actor, Subject, record
from serving.db.repeats import find_repeat
from serving.db.tables import CalibrationBoxRow, CalibrationLabelRow, PhotoRow
from serving.learning.calibration_errors import (
    CalibrationBoxNotFoundError,
    CalibrationLabelSupersededError,
)
from serving.learning.calibrations import lock_ready
from serving.review.errors import KeyReusedError


class Answer(StrEnum):
    """What a person says of a box."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Labeller:
    """Who labels, and under which name of their own the act is known."""

    actor: Actor
    idempotency_key: str | None = None

    @property
    def user_id(self) -> int:
        """Number of the person; the service labels nothing."""
        if self.actor.user_id is None:
            message = "the service does not label"
            raise ValueError(message)
        return self.actor.user_id


def label_box(
    session: Session,
    labeller: Labeller,
    calibration_id: int,
    box_id: int,
    answer: Answer,
    *,
    hazard_class: HazardClass | None = None,
) -> CalibrationLabelRow:
    """Write what a person says of a box; the same key again returns the first label.

    ``hazard_class`` is what the thing is: where that is another class than the box's, the answer
    for the box is no.

    Raises:
        CalibrationNotFoundError: there is no such calibration.
        CalibrationNotReadyError: there is nothing to label yet.
        CalibrationBoxNotFoundError: the calibration has no such box.
        KeyReusedError: the key names another act.
    """
    lock_ready(session, calibration_id)
    earlier = find_repeat(session, CalibrationLabelRow, labeller.user_id, labeller.idempotency_key)
    if earlier is not None:
        if (earlier.kind, earlier.box_id) != ("label", box_id):
            raise KeyReusedError
        return earlier
    box = get_box(session, calibration_id, box_id)
    if hazard_class is not None and answer is not Answer.UNSURE:
        answer = Answer.YES if hazard_class.value == box.hazard_class else Answer.NO
    row = CalibrationLabelRow(
        box_id=box_id,
        kind="label",
        answer=answer.value,
        hazard_class=hazard_class.value if hazard_class else None,
    )
    return _append(session, labeller, box, row)


def undo_label(
    session: Session, labeller: Labeller, calibration_id: int, label_id: int
) -> CalibrationLabelRow:
    """Take back a label that stands; what was said before it stands again.

    Raises:
        CalibrationNotFoundError: there is no such calibration.
        CalibrationBoxNotFoundError: it has no such label.
        CalibrationLabelSupersededError: the label stands no more.
        KeyReusedError: the key names another act.
    """
    lock_ready(session, calibration_id)
    earlier = find_repeat(session, CalibrationLabelRow, labeller.user_id, labeller.idempotency_key)
    if earlier is not None:
        if earlier.undoes != label_id:
            raise KeyReusedError
        return earlier
    label = session.get(CalibrationLabelRow, label_id)
    if label is None or label.kind != "label":
        raise CalibrationBoxNotFoundError(label_id)
    box = get_box(session, calibration_id, label.box_id)
    standing = list_standing(session, calibration_id).get(box.id)
    if standing is None or standing.id != label_id:
        raise CalibrationLabelSupersededError
    row = CalibrationLabelRow(box_id=box.id, kind="undo", undoes=label_id)
    return _append(session, labeller, box, row)


def list_standing(session: Session, calibration_id: int) -> dict[int, CalibrationLabelRow]:
    """Return by box what was said last and not taken back."""
    undo = aliased(CalibrationLabelRow)
    undone = select(undo.id).where(undo.undoes == CalibrationLabelRow.id).exists()
    wanted = (
        select(CalibrationLabelRow)
        .join(CalibrationBoxRow, CalibrationBoxRow.id == CalibrationLabelRow.box_id)
        .where(
            CalibrationBoxRow.calibration_id == calibration_id,
            CalibrationLabelRow.kind == "label",
            ~undone,
        )
    )
    return {row.box_id: row for row in session.scalars(wanted.order_by(CalibrationLabelRow.id))}


def list_suggested(session: Session, calibration_id: int) -> Sequence[CalibrationBoxRow]:
    """Return the boxes that should be labelled, in their order."""
    wanted = select(CalibrationBoxRow).where(
        CalibrationBoxRow.calibration_id == calibration_id, CalibrationBoxRow.ordinal.is_not(None)
    )
    return session.scalars(wanted.order_by(CalibrationBoxRow.ordinal)).all()


def get_box(session: Session, calibration_id: int, box_id: int) -> CalibrationBoxRow:
    """Return a box of a calibration.

    Raises:
        CalibrationBoxNotFoundError: the calibration has no such box.
    """
    box = session.get(CalibrationBoxRow, box_id)
    if box is None or box.calibration_id != calibration_id:
        raise CalibrationBoxNotFoundError(box_id)
    return box


def _append(
    session: Session, labeller: Labeller, box: CalibrationBoxRow, row: CalibrationLabelRow
) -> CalibrationLabelRow:
    row.user_id, row.username = labeller.user_id, labeller.actor.username
    row.role, row.idempotency_key = labeller.actor.role, labeller.idempotency_key
    session.add(row)
    session.flush()
    record(
        session,
        labeller.actor,
        "undo_calibration_label" if row.kind == "undo" else "label_calibration_box",
        Subject("calibration", str(box.calibration_id)),
        after={
            "box": box.id,
            "label": row.id,
            "answer": row.answer,
            "hazard_class": row.hazard_class,
            "undoes": row.undoes,
        },
        evidence_sha256=session.scalar(select(PhotoRow.sha256).where(PhotoRow.id == box.photo_id)),
    )
    return row
