"""What the person at the terminal sees: how far it is, how long it takes, what was refused."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from serving.client.flights import FileCounts
from serving.client.sources import Source, SourceFile

SHOWN_FILES = 20
"""So many names are listed per reason; the server's receipt has them all."""

LINES = 20
"""Without a terminal a line is written each time another twentieth of the bytes is there."""


class Display:
    """Bars on a terminal, single lines elsewhere. Told of progress by several threads."""

    def __init__(self, console: Console) -> None:
        """Show on ``console``."""
        self._console = console
        self._lock = threading.Lock()
        self._offsets: dict[str, int] = {}
        self._done_files = 0
        self._told = 0
        self._why = ""
        self._source: Source | None = None
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TextColumn("{task.fields[files]}"),
            TimeRemainingColumn(),
            TextColumn("[yellow]{task.fields[why]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("Sending", files="", why="", total=None, visible=False)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._progress.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Leave the last state of the bars on the screen."""
        self._progress.stop()

    def begin(self, flight_id: int, source: Source, *, goes_on: bool) -> None:
        """Say where the files go."""
        verb = "Going on with" if goes_on else "Sending to"
        count = len(source.files)
        self._console.print(f"{verb} flight {flight_id}: {count} files, {decimal(source.size)}")
        self._source = source
        self._progress.update(self._task, total=source.size, visible=True)

    def reads(self, file: SourceFile) -> None:
        """Say what is read; the next piece that is sent takes it away."""
        self._progress.update(self._task, why=f"reading {escape(file.name)}")

    def moved(self, file: SourceFile, offset: int) -> None:
        """Move the bar."""
        source = self._source
        with self._lock:
            before = self._offsets.get(file.name)
            self._offsets[file.name] = offset
            self._done_files += (offset >= file.size) - (before is not None and before >= file.size)
            if source is not None:
                files = f"{self._done_files}/{len(source.files)} files"
                sent = sum(self._offsets.values())
                if before is None and offset:  # was there already: says nothing of the link's speed
                    self._progress.reset(self._task, completed=sent, total=source.size)
                self._progress.update(self._task, completed=sent, files=files, why="")
                self._tell_line(sent, source.size, files)

    def waits(self, why: str) -> None:
        """Say why nothing moves; empty when it does again."""
        self._progress.update(self._task, why=why)
        if why and why != self._why and self._progress.disable:
            self._console.print(f"waiting: {why}")
        self._why = why or self._why

    def checked(self, counts: FileCounts) -> None:
        """Say how many files the server still looks at."""
        settled = counts.accepted + counts.rejected
        text = f"checked {settled}/{counts.total}, {counts.rejected} refused"
        self._progress.update(self._task, description="On the server", files=text)

    def _tell_line(self, sent: int, total: int, files: str) -> None:
        step = LINES * sent // max(total, 1)
        if self._progress.disable and step > self._told:
            self._told = step
            self._console.print(f"{decimal(sent)} of {decimal(total)}, {files}")


def print_reasons(console: Console, title: str, rows: Iterable[tuple[str, str, str]]) -> None:
    """Print ``rows`` (file, what is wrong, what to do) by what is wrong, the most frequent first.

    Names come from outside: they are never read as markup.
    """
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, message, remedy in rows:
        names[message, remedy].append(name)
    if not names:
        return
    table = Table(title=title, title_justify="left", show_lines=True)
    for head in ("files", "why", "what to do", "which"):
        table.add_column(head, justify="right" if head == "files" else "left", overflow="fold")
    for (message, remedy), files in sorted(names.items(), key=lambda item: -len(item[1])):
        which = files[:SHOWN_FILES]
        if len(files) > SHOWN_FILES:
            which.append(f"and {len(files) - SHOWN_FILES} more")
        cells = (str(len(files)), message, remedy, "\n".join(which))
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
