"""How a person wants the pages to be."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import AWARE, Base


class UserPreferenceRow(Base):
    """One choice of a person, by name. ``keys`` holds ``{act: [codes]}`` of changed keys."""

    __tablename__ = "user_preferences"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[dict[str, object]] = mapped_column(JSONB)
    changed_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
