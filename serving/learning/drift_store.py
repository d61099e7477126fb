"""Looks at the drift as they are kept: the latest with its alarms, and what people said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, insert, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from detection.domain.errors import HazardLensError
from serving.audit.log import Actor, Subject, record
from serving.db.tables import DriftCheckRow, DriftSeenRow, DriftSliceRow
from serving.learning.drift import Counted, DriftRules, Side, SliceFinding
from serving.learning.slices import Dimension

KEPT: Final = timedelta(days=180)
"""Older looks are dropped; what people said of alarms stays."""

SliceName = tuple[str, str, str, str]


class DriftAlarmNotFoundError(HazardLensError):
    """There is no such alarm, or a later look does not raise it any more."""

    code = "drift_alarm_not_found"

    def __init__(self, slice_id: int) -> None:
        """Name the alarm."""
        super().__init__(
            f"There is no alarm {slice_id} in the latest look.",
            remedy="See the page of the drift again.",
        )


@dataclass(frozen=True, slots=True)
class ShownSlice:
    """A slice of the latest look, and what somebody said of its alarm.

    ``is_part``: the alarm is one for the whole class too, of which this shows a part.
    """

    row: DriftSliceRow
    seen: DriftSeenRow | None
    is_part: bool

    @property
    def is_open(self) -> bool:
        """Whether it is an alarm that nobody has read yet."""
        return self.row.verdict == "alarm" and self.seen is None and not self.is_part


def store_check(
    session: Session,
    findings: Sequence[SliceFinding],
    counted: Sequence[Counted],
    rules: DriftRules,
    now: datetime,
) -> DriftCheckRow:
    """Write a look; an alarm that the look before raised too goes on since then."""
    before = find_latest(session)
    since = _list_alarms_since(session, before)
    recent = {each.flight_id for each in counted if each.is_recent}
    earlier = {each.flight_id for each in counted} - recent
    check = DriftCheckRow(
        made_at=now,
        settings=asdict(rules),
        summary={
            "recent_flights": len(recent),
            "reference_flights": len(earlier),
            "candidates": sum(each.count for each in counted),
            "compared": sum(each.verdict != "cannot_tell" for each in findings),
            "alarms": sum(each.verdict == "alarm" for each in findings),
        },
    )
    session.add(check)
    session.flush()
    if findings:
        rows = [_columns(each, check.id, since, now) for each in findings]
        session.execute(insert(DriftSliceRow), rows)
    session.execute(delete(DriftCheckRow).where(DriftCheckRow.made_at < now - KEPT))
    return check


def find_latest(session: Session) -> DriftCheckRow | None:
    """Return the latest look, None before the first."""
    latest = select(DriftCheckRow).order_by(DriftCheckRow.made_at.desc(), DriftCheckRow.id.desc())
    return session.scalar(latest.limit(1))


def list_slices(session: Session, check_id: int) -> list[ShownSlice]:
    """Return all slices of a look: alarms that nobody has read first, as they were found else."""
    statement = (
        select(DriftSliceRow, DriftSeenRow)
        .outerjoin(
            DriftSeenRow,
            tuple_(*_name_columns(DriftSliceRow), DriftSliceRow.alarm_since)
            == tuple_(*_name_columns(DriftSeenRow), DriftSeenRow.alarm_since),
        )
        .where(DriftSliceRow.check_id == check_id)
        .order_by(DriftSliceRow.id)
    )
    rows = session.execute(statement).all()
    whole = {
        (row.hazard_class, row.measure)
        for row, _ in rows
        if row.verdict == "alarm" and row.dimension == Dimension.ALL.value
    }
    shown = [
        ShownSlice(
            row,
            seen,
            is_part=row.verdict == "alarm"
            and row.dimension != Dimension.ALL.value
            and (row.hazard_class, row.measure) in whole,
        )
        for row, seen in rows
    ]
    return sorted(shown, key=lambda each: not each.is_open)


def count_open_alarms(session: Session) -> int:
    """Return how many alarms of the latest look nobody has read."""
    latest = find_latest(session)
    if latest is None:
        return 0
    return sum(each.is_open for each in list_slices(session, latest.id))


def mark_seen(session: Session, actor: Actor, slice_id: int, note: str) -> DriftSeenRow:
    """Write down that somebody has read an alarm; the first who does stays the one.

    Raises:
        DriftAlarmNotFoundError: the latest look raises no such alarm.
    """
    latest = find_latest(session)
    row = session.get(DriftSliceRow, slice_id)
    if latest is None or row is None or row.check_id != latest.id or row.alarm_since is None:
        raise DriftAlarmNotFoundError(slice_id)
    values = dict(zip(_NAMES, _name(row), strict=True)) | {"alarm_since": row.alarm_since}
    is_new = session.scalar(
        upsert(DriftSeenRow)
        .values(**values, note=note, user_id=actor.user_id, username=actor.username)
        .on_conflict_do_nothing()
        .returning(DriftSeenRow.id)
    )
    if is_new is not None:
        record(
            session,
            actor,
            "read_drift_alarm",
            Subject("drift_alarm", str(slice_id)),
            after=values | {"alarm_since": row.alarm_since.isoformat(), "note": note},
        )
    return session.scalars(select(DriftSeenRow).filter_by(**values)).one()


_NAMES: Final = ("hazard_class", "dimension", "value", "measure")


def _name(row: DriftSliceRow) -> SliceName:
    return row.hazard_class, row.dimension, row.value, row.measure


def _name_columns(table: type[DriftSliceRow | DriftSeenRow]) -> list[object]:
    return [getattr(table, name) for name in _NAMES]


def _list_alarms_since(session: Session, check: DriftCheckRow | None) -> dict[SliceName, datetime]:
    if check is None:
        return {}
    alarms = DriftSliceRow.check_id == check.id, DriftSliceRow.verdict == "alarm"
    rows = session.scalars(select(DriftSliceRow).where(*alarms))
    return {_name(row): row.alarm_since for row in rows if row.alarm_since is not None}


def _columns(
    finding: SliceFinding, check_id: int, since: dict[SliceName, datetime], now: datetime
) -> dict[str, object]:
    name = (finding.hazard_class, finding.dimension.value, finding.value, finding.measure)
    compared = finding.comparison
    return dict(zip(_NAMES, name, strict=True)) | {
        "check_id": check_id,
        "is_new": finding.is_new,
        "reference": _plain(finding.reference),
        "recent": _plain(finding.recent),
        "change": finding.change,
        "p_value": compared.p_value if compared else None,
        "p_needed": finding.p_needed,
        "verdict": finding.verdict,
        "reason": finding.reason,
        "alarm_since": since.get(name, now) if finding.verdict == "alarm" else None,
    }


def _plain(side: Side) -> dict[str, object]:
    return asdict(side.mean) | {"histogram": list(side.histogram)}
