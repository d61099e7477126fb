"""What a person chose of the pages: so far, which key does what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from serving.accounts.errors import KeyConflictError
from serving.db.tables import UserPreferenceRow

KEYS: Final = "keys"
CHORD: Final = re.compile(r"(Ctrl\+)?(Shift\+)?[A-Z][A-Za-z]{0,20}[0-9]{0,2}")
"""A key by its place on the keyboard (``KeyboardEvent.code``), with what is held down."""

OwnKeys = dict[str, list[str]]
"""Act -> the keys that a person gave it; acts that are as delivered are not in it."""


def load_keys(session: Session, user_id: int) -> OwnKeys:
    """Return the keys that a person changed."""
    row = session.get(UserPreferenceRow, (user_id, KEYS))
    return {} if row is None else {act: list(codes) for act, codes in _pairs(row.value)}


def save_keys(session: Session, user_id: int, keys: Mapping[str, Sequence[str]]) -> None:
    """Store the keys that a person changed, in the place of those before.

    Raises:
        KeyConflictError: one key would do two things.
    """
    owners: dict[str, str] = {}
    for act, codes in keys.items():
        for code in codes:
            if owners.setdefault(code, act) != act:
                raise KeyConflictError(code, owners[code], act)
    value = {act: list(codes) for act, codes in keys.items()}
    statement = insert(UserPreferenceRow).values(user_id=user_id, name=KEYS, value=value)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id", "name"], set_={"value": value, "changed_at": func.now()}
        )
    )
    session.expire_all()


def _pairs(value: Mapping[str, object]) -> list[tuple[str, list[str]]]:
    return [(act, codes) for act, codes in value.items() if isinstance(codes, list)]
