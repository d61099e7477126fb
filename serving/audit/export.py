"""The log as a file of lines of JSON, which can be verified without the database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from serving.audit.chain import write_canonical

MAX_LINE_CHARS = 10_000_000


def lines_from_entries(entries: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Yield each entry as a line: its columns as they are sealed, and the hash."""
    for entry in entries:
        yield write_canonical(entry) + "\n"


def read_export(path: Path) -> Iterator[dict[str, object]]:
    """Yield the entries of an exported file; a damaged line yields what cannot be verified."""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        while line := lines.readline(MAX_LINE_CHARS):
            if line.strip():
                yield _entry_from_line(line)


def _entry_from_line(line: str) -> dict[str, object]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}
