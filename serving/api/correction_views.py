"""Corrections as they look from outside: those that hold, and the history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detection.domain.hazard import HazardClass
from serving.api.correction_schemas import CorrectionItem, StandingCorrection
from serving.db.tables import CorrectionEventRow
from serving.review.correction_events import CorrectionKind, Corrections, Target


def view_standing(
    corrections: Corrections, kind: CorrectionKind, detection_id: int | None = None
) -> StandingCorrection | None:
    """Return who corrected a box or a class; None where the model's word stands."""
    event = corrections.standing_on(Target(kind, detection_id))
    if event is None:
        return None
    return StandingCorrection(id=event.id, made_by=event.username, made_at=event.created_at)


def view_corrections(corrections: Corrections) -> list[CorrectionItem]:
    """Return what was corrected of a candidate, oldest first, with what was taken back."""
    undone = corrections.undone
    return [
        _view_correction(event, corrections, is_undone=event.id in undone)
        for event in corrections.events
        if event.id in corrections.targets
    ]


def _view_correction(
    event: CorrectionEventRow, corrections: Corrections, *, is_undone: bool
) -> CorrectionItem:
    target = corrections.targets[event.id]
    standing = corrections.standing_on(target)
    return CorrectionItem(
        id=event.id,
        kind="box" if target.kind is CorrectionKind.BOX else "class",
        detection_id=target.detection_id,
        bbox_before=_box(event.before),
        bbox_after=_box(event.after),
        class_before=_class(event.before),
        class_after=_class(event.after),
        note=event.note,
        undone=is_undone,
        is_last=standing is not None and standing.id == event.id,
        made_by=event.username,
        made_at=event.created_at,
    )


def _box(said: Mapping[str, Any] | None) -> tuple[float, float, float, float] | None:
    box = (said or {}).get("bbox_xyxy")
    return None if box is None else (box[0], box[1], box[2], box[3])


def _class(said: Mapping[str, Any] | None) -> HazardClass | None:
    value = (said or {}).get("hazard_class")
    return None if value is None else HazardClass(value)
