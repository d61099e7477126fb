"""Write entries of the audit log in the transaction of the act that they tell of.

Entries wait in the session and are sealed when it commits, after everything else was written:
whoever seals holds the lock of the chain until the commit is over, and somebody who took another
lock after that one could wait for a colleague who waits for the chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import event, insert, select, text
from sqlalchemy.orm import Session, SessionTransaction

from serving.audit.chain import FIRST_HASH, make_plain, seal
from serving.db.tables import AuditEventRow

CHAIN_LOCK = 7_240_001
"""Number of the advisory lock that makes entries queue up one after the other."""

_WAITING = "audit entries"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted, as they were called then; ``user_id`` None is the service itself."""

    user_id: int | None
    username: str
    role: str


SERVICE = Actor(None, "hazardlens", "service")


@dataclass(frozen=True, slots=True)
class Subject:
    """What was acted upon: a kind (``candidate``, ``flight`` …) and its number or name."""

    kind: str
    subject_id: str


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An entry that is not sealed yet, and the savepoint within which it was made."""

    columns: dict[str, object]
    savepoint: SessionTransaction | None


def record(
    session: Session,
    actor: Actor,
    act: str,
    subject: Subject,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    evidence_sha256: str | None = None,
) -> None:
    """Append an entry; it stands exactly when the transaction of ``session`` does.

    ``before`` and ``after`` hold what JSON knows: text, finite numbers, lists, null.

    Raises:
        TypeError: a value is nothing that JSON knows.
        ValueError: a number is not finite, or a text cannot be stored.
    """
    columns: dict[str, object] = {
        "user_id": actor.user_id,
        "username": actor.username,
        "role": actor.role,
        "act": act,
        "subject_kind": subject.kind,
        "subject_id": subject.subject_id,
        "before": make_plain(before) if before is not None else None,
        "after": make_plain(after) if after is not None else None,
        "evidence_sha256": evidence_sha256,
    }
    waiting = session.info.setdefault(_WAITING, [])
    waiting.append(_Waiting(columns, session.get_nested_transaction()))


@event.listens_for(Session, "before_commit")
def _append_waiting(session: Session) -> None:
    """Seal what waits and write it, last of all."""
    if not session.info.get(_WAITING) or session.in_nested_transaction():
        return
    session.flush()  # takes every other lock first
    session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": CHAIN_LOCK})
    sequence, previous_hash = _read_head(session)
    entries = []
    for number, waiting in enumerate(session.info.pop(_WAITING), start=sequence + 1):
        entry = waiting.columns | {
            "sequence": number,
            "at": datetime.now(UTC),
            "previous_hash": previous_hash,
        }
        previous_hash = seal(entry)
        entries.append(entry | {"hash": previous_hash})
    session.execute(insert(AuditEventRow), entries)


@event.listens_for(Session, "after_soft_rollback")
def _forget_undone(session: Session, ended: SessionTransaction) -> None:
    """Drop what was made within a savepoint that was rolled back."""
    waiting: list[_Waiting] = session.info.get(_WAITING, [])
    if ended.nested:
        waiting[:] = [each for each in waiting if not _is_within(each.savepoint, ended)]


@event.listens_for(Session, "after_transaction_end")
def _forget_waiting(session: Session, ended: SessionTransaction) -> None:
    """Drop what was made within a transaction that did not commit, however it ended."""
    if ended.parent is None:
        session.info.pop(_WAITING, None)


def _is_within(savepoint: SessionTransaction | None, ended: SessionTransaction) -> bool:
    while savepoint is not None and savepoint is not ended:
        savepoint = savepoint.parent
    return savepoint is ended


def _read_head(session: Session) -> tuple[int, str]:
    columns = select(AuditEventRow.sequence, AuditEventRow.hash)
    latest = session.execute(columns.order_by(AuditEventRow.sequence.desc()).limit(1)).first()
    return (latest.sequence, latest.hash) if latest else (0, FIRST_HASH)
