"""Lines of progress: refreshed in place on a terminal, few and whole anywhere else."""

from __future__ import annotations

import sys
import time

import click

_CLEAR_LINE = "\r\x1b[K"
_REFRESHED_EVERY_S = 0.2
_KEPT_EVERY_S = 30.0


class Terminal:
    """Lines of progress: one that is refreshed on a terminal, one per epoch anywhere else."""

    def __init__(self, *, to_errors: bool = False) -> None:
        """Look where the lines go; ``to_errors`` keeps them out of what a command answers."""
        self._to_errors = to_errors
        self.is_terminal = (sys.stderr if to_errors else sys.stdout).isatty()

    def refresh(self, text: str) -> None:
        """Show a line that the next one takes the place of; nothing where it goes to a file."""
        if self.is_terminal:
            click.echo(_CLEAR_LINE + text, nl=False, err=self._to_errors)

    def keep(self, text: str) -> None:
        """Show a line for good."""
        click.echo((_CLEAR_LINE if self.is_terminal else "") + text, err=self._to_errors)


class Count:
    """Shows how many of many things are done: on a terminal as it goes, else now and then."""

    def __init__(self, terminal: Terminal) -> None:
        """Start counting; what is done in a moment is not shown at all."""
        self._terminal = terminal
        self._show = terminal.refresh if terminal.is_terminal else terminal.keep
        self._every_s = _REFRESHED_EVERY_S if terminal.is_terminal else _KEPT_EVERY_S
        self._shown_at = time.monotonic()

    def show(self, what: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` are done; a refreshed line goes with the last one."""
        if done == total:
            self._terminal.refresh("")
        elif time.monotonic() - self._shown_at >= self._every_s:
            self._shown_at = time.monotonic()
            self._show(f"{what}: {done:,} of {total:,}")
