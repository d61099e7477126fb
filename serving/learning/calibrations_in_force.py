"""The thresholds that were applied and not taken back, as detection uses them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from detection.calibration import Calibration, CalibrationSet, ThresholdPart
from serving.db.tables import CalibrationEventRow, CalibrationRow
from serving.learning.calibrations import camera_from_row

PARTS = frozenset(ThresholdPart.model_fields)


def list_applied(session: Session, camera_key: str | None = None) -> list[CalibrationEventRow]:
    """Return the applications that stand, the earliest first; of one camera or of all."""
    withdrawal = aliased(CalibrationEventRow)
    taken_back = select(withdrawal.id).where(withdrawal.undoes == CalibrationEventRow.id).exists()
    wanted = (
        select(CalibrationEventRow)
        .join(CalibrationRow, CalibrationRow.id == CalibrationEventRow.calibration_id)
        .where(CalibrationEventRow.kind == "apply", ~taken_back)
    )
    if camera_key is not None:
        wanted = wanted.where(CalibrationRow.camera_key == camera_key)
    return list(session.scalars(wanted.order_by(CalibrationEventRow.id)))


def load_calibrations(session: Session, site: str | None) -> CalibrationSet:
    """Return what holds for flights of a site: what holds everywhere, then what holds there.

    The later one speaks, class by class, and one of the site over one of everywhere.
    """
    events = [event for event in list_applied(session) if event.site in {None, site}]
    events.sort(key=lambda event: (event.site is not None, event.id))
    rows = _load_rows(session, events)
    return CalibrationSet(
        tuple(make_calibration(rows[event.calibration_id], event.thresholds) for event in events)
    )


def make_calibration(row: CalibrationRow, thresholds: list[dict[str, object]]) -> Calibration:
    """Return stored thresholds as detection knows them; their figures are left behind."""
    parts = [{name: said for name, said in each.items() if name in PARTS} for each in thresholds]
    read = tuple(ThresholdPart.model_validate(part) for part in parts)
    return Calibration(str(row.id), camera_from_row(row), read)


def _load_rows(
    session: Session, events: Iterable[CalibrationEventRow]
) -> dict[int, CalibrationRow]:
    ids = {event.calibration_id for event in events}
    wanted = select(CalibrationRow).where(CalibrationRow.id.in_(ids))
    return {row.id: row for row in session.scalars(wanted)}
