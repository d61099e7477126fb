"""Have flights compared by a process of its own: watch it, end it, take its result."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from serving.jobs.change_result import Comparison, ComparisonTask, Refusal, Report

PROJECT_ROOT: Final = Path(__file__).resolve().parents[2]
TASK: Final = "task.pickle"
RESULT: Final = "result.pickle"
PROGRESS: Final = "progress.json"
"""What lies in the folder that both processes know."""

POLL_S: Final = 0.5
LAST_WORDS: Final = 2000
FOLDER_PREFIX: Final = "hazardlens-change-"
LEFT_BEHIND_S: Final = 2 * 86_400
"""A folder in which nothing was written for so long is that of a worker which was killed."""


class ComparisonBrokeOffError(Exception):
    """The process ended without a result; the text is the end of what it wrote."""


def compare_apart(
    task: ComparisonTask, report: Report, is_cancelled: Callable[[], bool]
) -> Comparison | Refusal | None:
    """Return what another process makes of a task; None where it was ended on the way.

    Raises:
        ComparisonBrokeOffError: it ended without a result.
    """
    with _folder() as folder:
        write_whole(folder / TASK, pickle.dumps(task))
        with _started(folder) as process:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(POLL_S)
                if is_cancelled():
                    return None
                _pass_on(folder, report)
        return _read_result(folder, process.returncode)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that others see whole or not at all."""
    draft = path.with_suffix(".part")
    draft.write_bytes(content)
    draft.replace(path)


def remove_left_folders() -> None:
    """Remove the folders of comparisons whose worker was killed before it could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > LEFT_BEHIND_S:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _folder() -> Iterator[Path]:
    remove_left_folders()
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the child in a group of its own, which ends with the block, and with this process."""
    paths = [str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "serving.jobs.change_child", str(folder)],
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                # What the child keeps for a while goes with the folder when it is ended.
                "TMPDIR": str(folder),
            },
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _pass_on(folder: Path, report: Report) -> None:
    with contextlib.suppress(FileNotFoundError):
        stage, done, total = json.loads((folder / PROGRESS).read_bytes())
        report(stage, done, total)


def _read_result(folder: Path, status: int) -> Comparison | Refusal:
    path = folder / RESULT
    if status != 0 or not path.exists():
        said = (folder / "log").read_text(encoding="utf-8", errors="replace")[-LAST_WORDS:]
        message = f"the process ended with status {status}: {said}"
        raise ComparisonBrokeOffError(message)
    result = pickle.loads(path.read_bytes())  # noqa: S301 - our own child wrote it
    if not isinstance(result, Comparison | Refusal):
        message = f"the process left a {type(result).__name__}"
        raise TypeError(message)
    return result
