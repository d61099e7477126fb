"""Slow down guessing of passwords: failed sign-ins are counted per user and address.

They are counted in the audit log, where they stand anyway: a restart forgets none.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.accounts.errors import TooManyAttemptsError
from serving.audit.log import Actor, Subject, record
from serving.db.tables import AuditEventRow

SIGN_IN, SIGN_IN_FAILED, SIGN_OUT = "sign_in", "sign_in_failed", "sign_out"
MAX_NAME_CHARS = 64


def check_attempts(
    session: Session, username: str, address: str, *, limit: int, window_s: float
) -> None:
    """Do nothing, or refuse after ``limit`` failures within ``window_s`` since the last success.

    Raises:
        TooManyAttemptsError: the limit is reached.
    """
    now = datetime.now(UTC)
    tries = session.execute(
        select(AuditEventRow.act, AuditEventRow.at)
        .where(
            AuditEventRow.subject_kind == "account",
            AuditEventRow.subject_id == _account(username).subject_id,
            AuditEventRow.act.in_([SIGN_IN, SIGN_IN_FAILED]),
            AuditEventRow.after["address"].astext == address,
            AuditEventRow.at > now - timedelta(seconds=window_s),
        )
        .order_by(AuditEventRow.sequence.desc())
        .limit(limit)
    ).all()
    if len(tries) == limit and all(each.act == SIGN_IN_FAILED for each in tries):
        passed_s = (now - tries[-1].at).total_seconds()
        raise TooManyAttemptsError(max(1, round(window_s - passed_s)))


def record_failure(session: Session, username: str, address: str) -> None:
    """Write down, and so count, one failed sign-in."""
    account = _account(username)
    nobody = Actor(None, account.subject_id, "unknown")
    record(session, nobody, SIGN_IN_FAILED, account, after={"address": address})


def record_sign_in(session: Session, actor: Actor, address: str) -> None:
    """Write down a sign-in; it clears the count."""
    record(session, actor, SIGN_IN, _account(actor.username), after={"address": address})


def record_sign_out(session: Session, actor: Actor) -> None:
    """Write down that a person ended the session of a browser."""
    record(session, actor, SIGN_OUT, _account(actor.username))


def _account(username: str) -> Subject:
    """Return the account that a typed name means; what cannot be printed is replaced."""
    name = username.strip().lower()[:MAX_NAME_CHARS]
    return Subject("account", "".join(c if c.isprintable() else "?" for c in name))
