"""Write an entry of the audit log in the transaction of the act that it tells of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from serving.audit.chain import FIRST_HASH, seal
from serving.db.tables import AuditEventRow

CHAIN_LOCK = 7_240_001
"""Number of the advisory lock that makes entries queue up one after the other."""


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


def record(
    session: Session,
    actor: Actor,
    act: str,
    subject: Subject,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    evidence_sha256: str | None = None,
) -> AuditEventRow:
    """Append an entry; it stands exactly when the transaction of ``session`` does.

    ``before`` and ``after`` hold plain JSON only (no floats that lose digits in the database).
    Call it last: from here on, other acts wait until the transaction ends.
    """
    session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": CHAIN_LOCK})
    latest = session.execute(
        select(AuditEventRow.sequence, AuditEventRow.hash)
        .order_by(AuditEventRow.sequence.desc())
        .limit(1)
    ).first()
    entry: dict[str, object] = {
        "sequence": latest.sequence + 1 if latest else 1,
        "at": datetime.now(UTC),
        "user_id": actor.user_id,
        "username": actor.username,
        "role": actor.role,
        "act": act,
        "subject_kind": subject.kind,
        "subject_id": subject.subject_id,
        "before": dict(before) if before is not None else None,
        "after": dict(after) if after is not None else None,
        "evidence_sha256": evidence_sha256,
        "previous_hash": latest.hash if latest else FIRST_HASH,
    }
    row = AuditEventRow(**entry, hash=seal(entry))
    session.add(row)
    session.flush()
    return row
