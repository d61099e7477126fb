"""What a maker of photos did, left beside its photos and gathered into ``run.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_NAME = "made.json"


def write_note(folder: Path, note: Mapping[str, Any]) -> None:
    """Leave a note in the folder of made photos."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(note, indent=2, sort_keys=True)
    (folder / _NAME).write_text(text, encoding="utf-8")


def read_notes(made_dir: Path) -> dict[str, Any]:
    """Return the notes below a run's folder of made photos by the name of their folder."""
    return {
        path.parent.name: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(made_dir.glob(f"*/{_NAME}"))
    }
