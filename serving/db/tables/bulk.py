"""Decisions that a person made together. Written once and never edited."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Identity,
    Index,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class BulkActRow(Base):
    """Several candidates rejected because they look like one of them, or all of that undone.

    ``anchor_id`` is the candidate that the others were compared with; it may be left out itself.
    ``left_out`` names what the person wanted and was not done: ``[{candidate_id, code}]``.
    Append-only: the database refuses changes.
    """

    __tablename__ = "bulk_acts"
    __table_args__ = (
        CheckConstraint("kind in ('reject','undo')", name="bulk_kind_known"),
        CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_bulk"),
        UniqueConstraint("user_id", "idempotency_key", name="bulk_once"),
        Index("bulk_acts_of_person", "user_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    # No foreign key: an anchor that nobody decided on may vanish with its sightings.
    anchor_id: Mapped[int] = mapped_column(BigInteger)
    min_similarity: Mapped[float | None] = mapped_column(Float)
    left_out: Mapped[list[dict[str, object]]] = mapped_column(
        JSONB, server_default=text("'[]'::jsonb")
    )
    undoes: Mapped[int | None] = mapped_column(ForeignKey("bulk_acts.id"), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    username: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())


class BulkActMemberRow(Base):
    """One event of ``review_events`` that is part of a bulk act. Append-only."""

    __tablename__ = "bulk_act_members"

    event_id: Mapped[int] = mapped_column(ForeignKey("review_events.id"), primary_key=True)
    bulk_id: Mapped[int] = mapped_column(ForeignKey("bulk_acts.id"), index=True)
