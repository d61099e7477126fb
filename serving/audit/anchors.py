"""Note the head of the chain outside the database, so that a cut or a new chain is seen.

The file lies in the data folder; whoever wants more certainty copies it, or the lines of the log
that say the same, to where the people who keep the database cannot write.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from detection.domain.errors import InvalidInputError
from serving.audit.entries import Head

FILE_NAME = "audit-heads.jsonl"
_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


def note_head(data_dir: Path, head: Head) -> bool:
    """Append the head to the file, unless it is the last one there; True if it was new."""
    path = data_dir / FILE_NAME
    with path.open("a+", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # several workers share the folder
        stream.seek(0)
        noted = stream.read()
        lines = noted.splitlines()
        if head.sequence == 0 or (lines and _head_from_line(lines[-1]) == head):
            return False
        at = datetime.now(UTC).isoformat(timespec="seconds")
        line = json.dumps({"at": at, "sequence": head.sequence, "hash": head.hash})
        # A line that a crash cut short is ended first.
        stream.write(("\n" if noted and not noted.endswith("\n") else "") + line + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    return True


def read_heads(data_dir: Path) -> list[Head]:
    """Return every head that was noted, oldest first; a line that a crash cut is left out."""
    path = data_dir / FILE_NAME
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [head for head in map(_head_from_line, lines) if head is not None]


def parse_head(text: str) -> Head:
    """Return a head as ``hazardlens audit head`` writes it.

    Raises:
        InvalidInputError: the text is none.
    """
    match = _HEAD.fullmatch(text.strip().lower())
    if match is None:
        message = f"{text!r} is no head of the audit log."
        raise InvalidInputError(message, remedy="Write SEQUENCE:HASH, as `audit head` prints it.")
    return Head(int(match[1]), match[2])


def _head_from_line(line: str) -> Head | None:
    try:
        values = json.loads(line)
        return parse_head(f"{values['sequence']}:{values['hash']}")
    except (ValueError, KeyError, TypeError, InvalidInputError):
        return None
