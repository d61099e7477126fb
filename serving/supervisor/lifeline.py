"""Children end with their parent, however it ends: a pipe that closes when the parent is gone."""

from __future__ import annotations

import os
import signal
import threading

GRACE_S = 15.0


def hold_lifeline(descriptor: int) -> None:
    """Watch the reading end of the parent's pipe; when it closes, end this process.

    First by SIGTERM, so that running work goes back to the queue; then by force.
    """
    threading.Thread(target=_watch, args=(descriptor,), name="lifeline", daemon=True).start()


def _watch(descriptor: int) -> None:
    os.read(descriptor, 1)  # returns nothing when the last writer has gone
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE_S)
    os._exit(1)
