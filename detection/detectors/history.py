"""Who put which version in force, when and why: one JSON object a line, oldest first."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

HISTORY_FILE = "history.jsonl"


def read_history(models_dir: Path) -> list[dict[str, str]]:
    """Return every promotion and roll-back; a half-written last line is left out."""
    path = models_dir / HISTORY_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    rows = []
    for line in lines:
        with contextlib.suppress(ValueError):
            row = json.loads(line)
            if isinstance(row, dict):
                rows.append({str(key): str(value) for key, value in row.items()})
    return rows


def find_since(models_dir: Path) -> dict[tuple[str, str], str]:
    """Return when each version, by name and version, got the status that it has."""
    return {
        (row.get("name", ""), row.get("version", "")): row.get("at", "")
        for row in read_history(models_dir)
    }
