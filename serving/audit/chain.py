"""How entries are sealed, pure: the hash of an entry covers its columns and the hash before it."""

from __future__ import annotations

import hashlib
import json
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


def seal(entry: Mapping[str, object]) -> str:
    """Return the SHA-256, as hex, of the columns in :data:`SEALED`, written as canonical JSON.

    Canonical: keys sorted, no spaces, UTF-8 unescaped, instants in UTC with six decimals, so that
    anybody can compute it again from an export.
    """
    columns = {name: _plain(entry[name]) for name in SEALED}
    text = json.dumps(columns, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value
