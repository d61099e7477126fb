"""An act that is sent twice is written once: it is known by the name that its sender gave it."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.db.tables import Base

ActT = TypeVar("ActT", bound=Base)


def find_repeat(
    session: Session, table: type[ActT], user_id: int | None, idempotency_key: str | None
) -> ActT | None:
    """Return the row that the same person wrote under the same name, if there is one.

    ``table`` has a ``user_id`` and an ``idempotency_key``. A command has no person (None).
    """
    if user_id is None or idempotency_key is None:
        return None
    named = select(table).filter_by(user_id=user_id, idempotency_key=idempotency_key)
    return session.scalar(named)
