"""Read entries: the newest first with filters, or all of them in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from serving.audit.chain import COLUMNS, FIRST_HASH, make_plain
from serving.db.tables import AuditEventRow

ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry; ``0`` and 64 zeros where there is none."""

    sequence: int = 0
    hash: str = FIRST_HASH

    def __str__(self) -> str:
        """Return the head as people note it down: ``sequence:hash``."""
        return f"{self.sequence}:{self.hash}"


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries; None does not restrict. ``since`` is included, ``until`` is not."""

    username: str | None = None
    act: str | None = None
    subject_kind: str | None = None
    subject_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def read_head(session: Session) -> Head:
    """Return the newest entry's number and hash."""
    columns = select(AuditEventRow.sequence, AuditEventRow.hash)
    row = session.execute(columns.order_by(AuditEventRow.sequence.desc()).limit(1)).first()
    return Head(row.sequence, row.hash) if row else Head()


def list_entries(
    session: Session, wanted: EntryFilter, *, limit: int, before: int | None = None
) -> list[AuditEventRow]:
    """Return up to ``limit`` entries, newest first, older than the entry ``before``."""
    statement = _restrict(select(AuditEventRow), wanted)
    if before is not None:
        statement = statement.where(AuditEventRow.sequence < before)
    return list(session.scalars(statement.order_by(AuditEventRow.sequence.desc()).limit(limit)))


def each_entry(session: Session) -> Iterator[dict[str, object]]:
    """Yield all entries as plain columns, oldest first, in little memory."""
    columns = [getattr(AuditEventRow, name) for name in COLUMNS]
    statement = select(*columns).order_by(AuditEventRow.sequence)
    rows = session.execute(statement.execution_options(yield_per=ROWS_AT_ONCE))
    for row in rows.mappings():
        yield {name: make_plain(value) for name, value in row.items()}


def _restrict(
    statement: Select[tuple[AuditEventRow]], wanted: EntryFilter
) -> Select[tuple[AuditEventRow]]:
    equal = {
        AuditEventRow.username: wanted.username,
        AuditEventRow.act: wanted.act,
        AuditEventRow.subject_kind: wanted.subject_kind,
        AuditEventRow.subject_id: wanted.subject_id,
    }
    for column, value in equal.items():
        if value is not None:
            statement = statement.where(column == value)
    if wanted.since is not None:
        statement = statement.where(AuditEventRow.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(AuditEventRow.at < wanted.until)
    return statement
