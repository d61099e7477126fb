"""What happens to comparisons of flights, as entries of the audit log."""

from __future__ import annotations

from typing import Final

from sqlalchemy.orm import Session

from serving.audit.log import SERVICE, Actor, Subject, record
from serving.db.tables import ChangeRunRow

COUNTED: Final = ("rise", "fall", "cannot_tell", "excess")


def record_new_run(session: Session, actor: Actor, run: ChangeRunRow) -> None:
    """Write down that a comparison was ordered."""
    after = {
        "kind": run.kind,
        "base_flight_id": run.base_flight_id,
        "new_flight_id": run.new_flight_id,
        "heights_of": run.heights_of,
    }
    record(session, actor, "order_comparison", _subject(run), after=after)


def record_cancelled_run(session: Session, actor: Actor, run: ChangeRunRow, before: str) -> None:
    """Write down that a comparison was stopped."""
    after = {"state": run.state}
    subject = _subject(run)
    record(session, actor, "cancel_comparison", subject, before={"state": before}, after=after)


def record_ended_run(session: Session, run: ChangeRunRow) -> None:
    """Write down what a comparison found, or why it failed."""
    counts = run.summary or {}
    after = {
        "state": run.state,
        "new_flight_id": run.new_flight_id,
        "settings_hash": run.settings_hash,
        "failure_code": run.failure_code,
        **{name: counts.get(name) for name in COUNTED},
    }
    record(session, SERVICE, "end_comparison", _subject(run), after=after)


def _subject(run: ChangeRunRow) -> Subject:
    return Subject("change_run", str(run.id))
