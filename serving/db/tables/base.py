"""Parent of all tables, and the type of instants."""

from __future__ import annotations

from sqlalchemy import DateTime
from sqlalchemy.orm import DeclarativeBase

AWARE = DateTime(timezone=True)


class Base(DeclarativeBase):
    """Parent of all tables."""
