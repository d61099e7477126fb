"""Child processes: start, watch, start again with a growing pause, stop."""

from __future__ import annotations

import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

logger = logging.getLogger(__name__)

PROJECT_ROOT = Path(__file__).resolve().parents[2]
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_AFTER_S = 30.0
STOP_TIMEOUT_S = 20.0


@dataclass(slots=True)
class Child:
    """A Python process of ours that has to run as long as the service does.

    One that ``is_once`` is done when it ends in order, and is not started again then.
    """

    name: str
    module_arguments: Sequence[str]
    environment: Mapping[str, str]
    descriptors: Sequence[int] = ()
    is_once: bool = False
    _process: subprocess.Popen[bytes] | None = None
    _failures: int = 0
    _started_at: float = 0.0
    _next_start: float = field(default=0.0)

    @property
    def pid(self) -> int | None:
        """Number of the running process."""
        return self._process.pid if self._process else None

    def keep_running(self) -> None:
        """Start the process if it is not running and its pause is over."""
        now = time.monotonic()
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._note_end(code, now)
        if now >= self._next_start:
            self._process = start_module(self.module_arguments, self.environment, self.descriptors)
            self._started_at = now

    def ask_to_stop(self) -> None:
        """Send SIGTERM, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait_stopped(self, deadline: float) -> None:
        """Wait until ``deadline`` (monotonic seconds), then kill."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            logger.warning("%s does not stop and is killed", self.name)
            self._process.kill()
            self._process.wait()

    def _note_end(self, code: int, now: float) -> None:
        if now - self._started_at > HEALTHY_AFTER_S:
            self._failures = 0
        if self.is_once and code >= 0:
            self._process, self._next_start = None, math.inf
            return
        pause_s = min(FIRST_PAUSE_S * 2**self._failures, LONGEST_PAUSE_S)
        self._failures += 1
        self._process = None
        self._next_start = now + pause_s
        logger.warning("%s ended (%d); starting it again in %.1f s", self.name, code, pause_s)


def start_module(
    module_arguments: Sequence[str],
    environment: Mapping[str, str],
    descriptors: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start ``python -m …`` with our code importable, out of reach of the terminal's Ctrl-C."""
    paths = [str(PROJECT_ROOT), environment.get("PYTHONPATH", "")]
    full_environment = dict(environment)
    full_environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    # Our own interpreter and modules; nothing in the command comes from outside.
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", *module_arguments],
        env=full_environment,
        pass_fds=tuple(descriptors),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def stop_all(children: Sequence[Child]) -> None:
    """Ask all children to stop at once and wait for them together."""
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + STOP_TIMEOUT_S
    for child in children:
        child.wait_stopped(deadline)
