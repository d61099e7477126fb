"""How entries are sealed, pure: the hash of an entry covers its columns and the hash before it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime

FIRST_HASH = "0" * 64
SEALED = (
    "sequence",
    "at",
    "user_id",
    "username",
    "role",
    "act",
    "subject_kind",
    "subject_id",
    "before",
    "after",
    "evidence_sha256",
    "previous_hash",
)
COLUMNS = (*SEALED, "hash")


def seal(entry: Mapping[str, object]) -> str:
    """Return the SHA-256, as hex, of the columns in :data:`SEALED`, as canonical JSON.

    Canonical: the plain values of :func:`make_plain`, keys sorted, no spaces, UTF-8 unescaped, so
    that anybody can compute it again from an export.
    """
    text = write_canonical({name: entry[name] for name in SEALED})
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def write_canonical(value: object) -> str:
    """Return the one way in which we write a value as JSON."""
    plain = make_plain(value)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def make_plain(value: object) -> object:
    """Return a value as the database gives it back; plain values come out unchanged.

    Instants become UTC with six decimals. A number without a fraction becomes an integer: the
    database knows no ``1e+20`` and no ``-0.0``, and the seal has to hold for what it returns.

    Raises:
        TypeError: a value that JSON does not know.
        ValueError: a number that is not finite, or a character that no database text can hold.
    """
    if isinstance(value, str):
        _check_text(value)
        return str(value)
    if isinstance(value, float):
        return _plain_number(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, Mapping):
        return {_plain_key(key): make_plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [make_plain(each) for each in value]
    if value is None or isinstance(value, bool | int):
        return value
    message = f"{type(value).__name__} cannot stand in the audit log"
    raise TypeError(message)


def _plain_number(value: float) -> int | float:
    if not math.isfinite(value):
        message = f"{value} cannot stand in the audit log"
        raise ValueError(message)
    return int(value) if value.is_integer() else value


def _plain_key(key: object) -> str:
    # Numbers as keys would sort otherwise before and after the database.
    if not isinstance(key, str):
        message = f"the key {key!r} of an audit entry is no text"
        raise TypeError(message)
    _check_text(key)
    return key


def _check_text(value: str) -> None:
    if "\0" in value:
        message = "a text of an audit entry holds a NUL character"
        raise ValueError(message)
    value.encode("utf-8")  # a lone surrogate raises UnicodeEncodeError, a ValueError
