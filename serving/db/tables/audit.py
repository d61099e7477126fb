"""The audit log: who did what when, each entry sealed by the hash of the one before."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class AuditEventRow(Base):
    """One act of a person or of the service. Append-only: the database refuses changes.

    ``sequence`` counts without a gap from 1. ``previous_hash`` is the ``hash`` of the entry before
    (64 zeros for the first), ``hash`` seals all other columns. ``before`` and ``after`` are what
    the act changed, ``evidence_sha256`` the file that it was about.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        UniqueConstraint("hash", name="audit_hash_once"),
        Index("audit_events_subject", "subject_kind", "subject_id", "sequence"),
        Index("audit_events_actor", "user_id", "sequence"),
    )

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(AWARE)
    user_id: Mapped[int | None] = mapped_column(BigInteger)
    username: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    act: Mapped[str] = mapped_column(String(40))
    subject_kind: Mapped[str] = mapped_column(String(24))
    subject_id: Mapped[str] = mapped_column(String(64))
    before: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    evidence_sha256: Mapped[str | None] = mapped_column(String(64))
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
