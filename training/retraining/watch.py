"""What the trainer says of itself, passed on to people and to the record of the retraining."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from training.fitting.progress import Display, find_progress
from training.retraining.journal import Journal

_TAIL_BYTES = 4096


class WatchedDisplay:
    """A display that also keeps count of the epochs."""

    def __init__(self, folder: Path, journal: Journal, display: Display) -> None:
        """Watch the run in ``folder``."""
        self._folder, self._journal, self._display = folder, journal, display
        self._start: dict[str, Any] = {}

    def refresh(self, text: str) -> None:
        """Show a line that the next one takes the place of."""
        self._display.refresh(text)
        self._tell()

    def keep(self, text: str) -> None:
        """Show a line for good."""
        self._journal.say(text)
        self._tell()

    def _tell(self) -> None:
        line = read_last_line(self._folder)
        if not self._start:
            self._start = read_start(self._folder)
        if not line or not self._start:
            return
        epochs = int(self._start["epochs"])
        done = float(line["epoch"])
        if line["event"] == "batch":
            done += int(line["batch"]) / max(1, int(self._start["batches"])) - 1
        first, before_s = float(self._start["epoch"]), float(self._start["elapsed_s"])
        pace_s = (float(line["elapsed_s"]) - before_s) / max(done - first, 1e-6)
        left_s = pace_s * max(0.0, epochs - done) if done > first else None
        self._journal.tell("epochs", done, epochs, left_s)


def read_last_line(folder: Path) -> dict[str, Any]:
    """Return the newest whole line of the progress of a run; empty where there is none."""
    try:
        with find_progress(folder).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    for line in reversed(lines):
        try:
            return dict(json.loads(line))
        except ValueError:
            continue
    return {}


def read_start(folder: Path) -> dict[str, Any]:
    """Return the line with which the newest sitting of a run began."""
    found: dict[str, Any] = {}
    for line in find_progress(folder).read_text(encoding="utf-8").splitlines():
        if '"event": "start"' in line:
            found = dict(json.loads(line))
    return found
