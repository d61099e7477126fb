"""Start a command of the training lane, watch it, end it, and read its last words."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from detection.domain.errors import HazardLensError
from serving.jobs.training_steps import Step, Told
from serving.learning.order_errors import TrainingCommandFailedError
from serving.learning.orders import LOG_FILE, TAIL_BYTES
from serving.settings import ServingSettings

PROJECT_ROOT: Final = Path(__file__).resolve().parents[2]
POLL_S: Final = 0.5
GRACE_S: Final = 8.0
"""A training that is asked to end writes down where it is."""

INTERRUPTED: Final = 130
"""What a command of ours ends with when it was asked to end."""

SECRETS: Final = (
    "HAZARDLENS_DATABASE_URL",
    "HAZARDLENS_SECRET_KEY",
    "HAZARDLENS_ADMIN_PASSWORD",
    "HAZARDLENS_LABEL_STUDIO_TOKEN",
)
"""Of the service; a command that trains has no use for them."""

LAST_WORDS: Final = re.compile(r"^(?:hazardlens: |Error: )(.+)$", re.MULTILINE)
MESSAGE_CHARS: Final = 1500


class CommandEndedError(Exception):
    """A command was ended by a signal: what it has done so far can be gone on with."""


def run_step(
    step: Step,
    folder: Path,
    settings: ServingSettings,
    *,
    report: Callable[[Told], None],
    is_unwanted: Callable[[], bool],
) -> bool:
    """Run a command to its end; False where nobody wants it any more and it was ended.

    Raises:
        TrainingCommandFailedError: it ended with an error; its own last words are the message.
        CommandEndedError: something else ended it.
    """
    command = [find_python(step, settings), "-m", "hazardlens", *step.arguments]
    with (folder / LOG_FILE).open("ab") as log:
        log.write(f"$ hazardlens {' '.join(step.arguments)}\n".encode())
        log.flush()
        began = log.tell()
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "serving.jobs.training_child", *command],
            env=make_environment(step, settings),
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wanted = _watch(process, step, report, is_unwanted)
        finally:
            end_group(process)
    if wanted:
        _judge(process.returncode, folder / LOG_FILE, began)
    return wanted


def find_python(step: Step, settings: ServingSettings) -> str:
    """Return the interpreter of a step: the one that can train, where it has to."""
    named = settings.training_python
    return str(named) if step.needs_training and named is not None else sys.executable


def make_environment(step: Step, settings: ServingSettings) -> dict[str, str]:
    """Return the environment of a command: our settings; secrets only where they are needed."""
    paths = [str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONUNBUFFERED": "1",
        "HAZARDLENS_DATA_DIR": str(settings.resolved_data_dir),
    }
    if step.needs_training:
        return {key: value for key, value in environment.items() if key not in SECRETS}
    if settings.database_url:
        environment["HAZARDLENS_DATABASE_URL"] = settings.database_url
    return environment


def read_told(path: Path | None) -> Told | None:
    """Return how far a command says it is; None where it says nothing that can be read."""
    if path is None:
        return None
    try:
        told: Mapping[str, object] = json.loads(path.read_bytes())
        left = told.get("seconds_left")
        return Told(
            stage=str(told.get("stage") or "")[:40],
            done=int(float(str(told.get("done") or 0))),
            total=int(float(str(told.get("total") or 0))),
            seconds_left=None if left is None else float(str(left)),
        )
    except (OSError, ValueError, AttributeError):
        return None


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of a command and of what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _watch(
    process: subprocess.Popen[bytes],
    step: Step,
    report: Callable[[Told], None],
    is_unwanted: Callable[[], bool],
) -> bool:
    while process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(POLL_S)
        told = read_told(step.told_in)
        if told is not None:
            report(told)
        if is_unwanted():
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S)
            return False
    return True


def _judge(status: int, log: Path, began: int) -> None:
    if status == 0:
        return
    if status < 0 or status == INTERRUPTED:
        message = f"the command was ended (status {status})"
        raise CommandEndedError(message)
    raise explain_end(status, _said_since(log, began))


def explain_end(status: int, said: str) -> HazardLensError:
    """Return the error of a command, in its own last words where it has some."""
    words = LAST_WORDS.findall(said)
    if words:
        return TrainingCommandFailedError(words[-1][:MESSAGE_CHARS], remedy="See the log below.")
    message = f"The command ended with status {status}."
    return TrainingCommandFailedError(message, remedy="See the log below.")


def _said_since(log: Path, began: int) -> str:
    """Return what a command itself said, its end where it said much."""
    with log.open("rb") as stream:
        whole = stream.seek(0, os.SEEK_END)
        stream.seek(max(began, whole - TAIL_BYTES))
        return stream.read().decode("utf-8", errors="replace")
