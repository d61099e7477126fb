"""The process that compares two flights: run with a folder, it reads the task and leaves a result.

Alone, it gives its memory back when it ends, can be ended at any instant, and takes nothing down
with it. It goes when its parent goes: then its standard input closes.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import sys
import threading
import time
from pathlib import Path
from typing import Final

from serving.jobs.change_process import PROGRESS, RESULT, TASK, write_whole
from serving.jobs.change_result import ComparisonTask
from serving.jobs.with_parent import end_with_parent

TELL_EVERY_S: Final = 0.3


def main(folder: Path) -> None:
    """Compare what ``folder`` asks for, tell how far it is, and leave the result there."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    _be_modest()
    task = pickle.loads((folder / TASK).read_bytes())  # noqa: S301 - our own parent wrote it
    if not isinstance(task, ComparisonTask):
        message = "the folder holds no task"
        raise TypeError(message)
    from serving.jobs.change_measure import measure  # noqa: PLC0415 - seconds; the parent may go

    result = measure(task, _Teller(folder / PROGRESS).tell)
    write_whole(folder / RESULT, pickle.dumps(result))


class _Teller:
    """Writes how far the work is, now and then, and each stage once at least."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stage = ""
        self._told_at = 0.0

    def tell(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage == self._stage and now - self._told_at < TELL_EVERY_S:
            return
        self._stage, self._told_at = stage, now
        write_whole(self._path, json.dumps([stage, done, total]).encode())


def _be_modest() -> None:
    """Leave the processor to whoever waits, and be the first to go where memory runs out."""
    os.nice(10)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
