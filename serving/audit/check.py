"""The whole check of the log in the database: chain, noted heads, events of review."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from serving.audit.cross_check import count_older_events, cross_check
from serving.audit.entries import Head, each_entry
from serving.audit.verify import Report, verify_entries


def check_log(session: Session, heads: Iterable[Head]) -> Report:
    """Return what is wrong with the log, as it and the events stood at one moment."""
    # One snapshot: what people do meanwhile must not look like an entry too few.
    session.execute(text("set transaction isolation level repeatable read, read only"))
    report = verify_entries(each_entry(session), heads)
    report.add(cross_check(session))
    report.events_before_log = count_older_events(session)
    return report
