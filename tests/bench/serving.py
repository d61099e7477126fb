"""What operators and reviewers get: the queue, deep zoom, uploads and decisions under kill -9.

``make bench-serving``. The real service, the real client and a real browser; minutes of work, on an
idle machine. One line for people for each part, one JSON object as the last line.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.deciding import measure_decisions
from tests.bench.queueing import measure_queue
from tests.bench.uploads import measure_files, measure_upload
from tests.bench.zooming import measure_zoom_ms

CANDIDATES, DECIDED = 100_000, 1000
UPLOAD_BYTES, UPLOAD_KILLS = 10**9, 10
"""One gigabyte; the client and the server are killed in turns, five times each."""

FILES, BAD_FILES = 5000, 50


SHAPE = {
    "queue": ("candidates", "next_p95_ms", "claim_p95_ms"),
    "upload": ("bytes", "kills", "resent_bytes", "ok"),
    "files": ("sent", "named", "accepted"),
    "decisions": ("made", "lost", "doubled"),
}
"""What is printed of each part, in this order."""


def measure_all(folder: Path) -> dict[str, object]:
    """Return the figures of every part; what is uploaded is made below ``folder``."""
    parts: dict[str, Callable[[], object]] = {
        "queue": lambda: measure_queue(candidates=CANDIDATES),
        "zoom_48mp_ms": measure_zoom_ms,
        "upload": lambda: measure_upload(folder / "upload", UPLOAD_BYTES, UPLOAD_KILLS),
        "files": lambda: measure_files(folder / "files", count=FILES, bad=BAD_FILES),
        "decisions": lambda: measure_decisions(DECIDED),
    }
    return {name: _told(name, measure) for name, measure in parts.items()}


def _told(name: str, measure: Callable[[], object]) -> object:
    """Measure one part, say all that came out and how long it took; return what is printed."""
    started = time.monotonic()
    figures = measure()
    sys.stdout.write(f"{name}: {figures} ({time.monotonic() - started:.0f} s)\n")
    sys.stdout.flush()
    if isinstance(figures, dict):
        return {key: figures[key] for key in SHAPE[name]}
    return round(figures, 1) if isinstance(figures, float) else figures


def main() -> None:
    """Measure and write the figures to standard output."""
    with tempfile.TemporaryDirectory(prefix="hazardlens-bench-") as name:
        figures = measure_all(Path(name))
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
