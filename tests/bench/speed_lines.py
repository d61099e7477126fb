"""Contenders of the speed bench as processes of their own: one order a line in, one answer out."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

MARK = "@answer "
"""Begins every line that is an answer: libraries may print what they like."""


def serve(work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer orders from standard input until it ends; the times are those of the work alone."""
    for line in sys.stdin:
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        answer = work(json.loads(line))
        answer = {
            "wall_s": time.perf_counter() - wall_s,
            "cpu_s": time.process_time() - cpu_s,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        } | answer
        sys.stdout.write(MARK + json.dumps(answer) + "\n")
        sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Contender:
    """A process that was started and waits for orders."""

    process: subprocess.Popen[str]

    def ask(self, **order: object) -> dict[str, Any]:
        """Return its answer to one order.

        Raises:
            RuntimeError: it ended instead.
        """
        if self.process.stdin is None or self.process.stdout is None:
            message = "The contender has no pipes."
            raise RuntimeError(message)
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith(MARK):
                answer: dict[str, Any] = json.loads(line.removeprefix(MARK))
                return answer
        message = f"{self.process.args!r} ended with {self.process.wait()} on {order}."
        raise RuntimeError(message)


class Field:
    """The contenders of one bench; all are ended with it."""

    def __init__(self) -> None:
        """Begin without any."""
        self._started: list[Contender] = []

    def start(self, command: Sequence[str | Path], **environment: str) -> Contender:
        """Start a process that waits for orders."""
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_quiet(os.environ) | environment,
        )
        self._started.append(Contender(process))
        return self._started[-1]

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every process by closing what it reads."""
        for contender in self._started:
            if contender.process.stdin is not None:
                contender.process.stdin.close()
            contender.process.wait()


def _quiet(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which no library asks the network."""
    return dict(environment) | {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true"}
