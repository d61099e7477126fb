"""Run a command of ours as somebody's child: modest, and gone as soon as its parent has gone.

``python -m serving.jobs.training_child PYTHON ARGUMENTS …`` starts the command in its own group.
Its standard input closes with the parent; then the whole group ends, trainers and their loaders
too, so that no training goes on of which nobody knows.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from serving.jobs.with_parent import end_with_parent

NICE = 10


def main(command: list[str]) -> int:
    """Run ``command`` and return its exit status, negative where a signal ended it."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    be_modest()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - made by our parent
    signal.signal(signal.SIGTERM, lambda _number, _frame: process.terminate())
    return process.wait()


def be_modest() -> None:
    """Leave the processor to whoever waits.

    Where the kernel shares it by session, being nice counts within ours only: the session is told.
    """
    os.nice(NICE)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICE), encoding="ascii")


if __name__ == "__main__":
    status = main(sys.argv[1:])
    if status < 0:  # ended by a signal: so do we, and our parent sees it
        with contextlib.suppress(OSError):  # nobody can change what SIGKILL does
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)
