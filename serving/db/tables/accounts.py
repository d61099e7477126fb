"""People."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, String, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class UserRow(Base):
    """A person who signs in. Never deleted, because events name people; disabled instead."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(
            "role in ('operator','reviewer','arbiter','engineer','auditor','admin')",
            name="role_known",
        ),
        Index("users_username_lower", text("lower(username)"), unique=True),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    username: Mapped[str] = mapped_column(String(64))
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(String(16))
    token_version: Mapped[int] = mapped_column(server_default=text("1"))
    disabled_at: Mapped[datetime | None] = mapped_column(AWARE)
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
