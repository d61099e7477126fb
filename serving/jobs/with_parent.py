"""A child that goes when its parent goes: then its standard input closes. Light to import."""

from __future__ import annotations

import os
import signal


def end_with_parent() -> None:
    """Wait for the parent to go, then end this process and all that it started."""
    os.read(0, 1)  # returns nothing when the parent has gone
    os.killpg(os.getpgrp(), signal.SIGKILL)
