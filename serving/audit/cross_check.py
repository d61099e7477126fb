"""Hold the audit log against the events of review: each must tell of the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import LiteralString

from sqlalchemy import text
from sqlalchemy.orm import Session

from serving.audit.verify import Finding

MAX_ROWS = 1000


@dataclass(frozen=True, slots=True)
class _Source:
    """A table of events, the key by which entries name them, and what an entry says of a row."""

    table: LiteralString
    key: LiteralString
    says: LiteralString


SOURCES = (
    _Source(
        "review_events",
        "review_event",
        """a.act = case when e.kind = 'decision' then 'decide' else e.kind end
        and a.before ->> 'state' = e.state_before and a.after ->> 'state' = e.state_after
        and a.after ->> 'verdict' is not distinct from e.verdict
        and a.after ->> 'note' is not distinct from e.note
        and a.after ->> 'undoes' is not distinct from e.undoes::text
        and a.after ->> 'duplicate_of' is not distinct from e.duplicate_of::text""",
    ),
    _Source(
        "grouping_events",
        "grouping_event",
        """a.act = case when e.kind = 'undo' then 'undo_grouping' else e.kind end
        and a.after -> 'candidates' = to_jsonb(e.candidate_ids)""",
    ),
    _Source(
        "correction_events",
        "correction_event",
        """a.act = case when e.kind = 'undo' then 'undo_correction' else 'correct_' || e.kind end
        and a.before is not distinct from e.before and coalesce(e.after, '{}') =
        a.after - array['correction_event', 'is_opinion', 'note', 'undoes']
        and a.after ->> 'is_opinion' = e.is_opinion::text
        and a.after ->> 'note' is not distinct from e.note
        and a.after ->> 'undoes' is not distinct from e.undoes::text""",
    ),
    _Source(
        "permit_events",
        "permit_event",
        """a.act = case when e.kind = 'undo' then 'undo_permit' else 'check_permit' end
        and a.after ->> 'permit' = e.permit
        and a.after ->> 'answer' is not distinct from e.answer
        and a.after ->> 'is_opinion' = e.is_opinion::text
        and a.after ->> 'note' is not distinct from e.note
        and a.after ->> 'undoes' is not distinct from e.undoes::text""",
    ),
)

# Each event with the number of entries that say the same; the subject is what the index finds.
_COUNTED: LiteralString = """
    {table} e cross join lateral (
        select count(*) as entries from audit_events a
        where a.subject_kind = 'candidate' and a.subject_id = e.candidate_id::text
        and a.after ->> '{key}' = e.id::text and a.user_id = e.user_id and {says}
    ) n
"""
_IS_OLDER: LiteralString = (
    "n.entries = 0 and e.created_at < coalesce("
    "(select at from audit_events order by sequence limit 1), 'infinity')"
)
_ORPHANS: LiteralString = """
    select a.sequence, a.after ->> '{key}' as event from audit_events a
    where a.after ? '{key}' and not exists
    (select 1 from {table} e where e.id::text = a.after ->> '{key}')
    order by a.sequence limit :limit
"""


def count_older_events(session: Session) -> int:
    """Return how many events are older than the log, which therefore does not know them."""
    return sum(
        session.scalar(text(f"select count(*) from {_counted(source)} where {_IS_OLDER}")) or 0  # noqa: S608 - our own words
        for source in SOURCES
    )


def cross_check(session: Session) -> Iterator[Finding]:
    """Yield events without exactly one entry that says the same, and entries without an event.

    Events that are older than the log are left out.
    """
    limit = {"limit": MAX_ROWS}
    for source in SOURCES:
        statement = (
            f"select e.id, n.entries from {_counted(source)}"  # noqa: S608 - our own words
            f" where n.entries <> 1 and not ({_IS_OLDER}) order by e.id limit :limit"
        )
        for row in session.execute(text(statement), limit):
            detail = f"{source.table} {row.id} has {row.entries} entries that say the same"
            yield Finding(0, "event_without_entry", detail)
        statement = _ORPHANS.format(table=source.table, key=source.key)
        for row in session.execute(text(statement), limit):
            detail = f"{source.table} {row.event}, which it tells of, is not there"
            yield Finding(row.sequence, "entry_without_event", detail)


def _counted(source: _Source) -> str:
    return _COUNTED.format(table=source.table, key=source.key, says=source.says)
