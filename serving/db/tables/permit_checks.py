"""What people found of the permits of a building. Events are written once and never edited."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    String,
    Text,
    UniqueConstraint,
    false,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class PermitEventRow(Base):
    """Whether one permit is there, as a person found. Append-only: the database refuses changes.

    An ``undo`` names what it takes back, and in ``answer`` what holds again (None: nothing was
    said before). An ``is_opinion`` event is that of somebody who reviews blind: only they see it.
    """

    __tablename__ = "permit_events"
    __table_args__ = (
        CheckConstraint("kind in ('answer','undo')", name="permit_kind_known"),
        CheckConstraint("permit in ('land','planning','construction')", name="permit_known"),
        CheckConstraint("answer in ('yes','no','to_check')", name="permit_answer_known"),
        CheckConstraint("kind = 'undo' or answer is not null", name="permit_answer_given"),
        CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_permit_answer"),
        UniqueConstraint("user_id", "idempotency_key", name="permit_once"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidates.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    permit: Mapped[str] = mapped_column(String(16))
    answer: Mapped[str | None] = mapped_column(String(16))
    note: Mapped[str | None] = mapped_column(Text)
    is_opinion: Mapped[bool] = mapped_column(server_default=false())
    undoes: Mapped[int | None] = mapped_column(ForeignKey("permit_events.id"), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    username: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
