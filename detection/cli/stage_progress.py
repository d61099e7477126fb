"""How far a work of several stages is, on a terminal or as lines of a log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)


class StageProgress:
    """A bar for the stage at work; stages that are done stay above it with their time.

    Use as a context manager and call it with stage, done and total. Where standard error is no
    terminal, each stage is one line.
    """

    def __init__(self, stages: Sequence[str], texts: Mapping[str, str]) -> None:
        """Remember the stages in their order and what each is called."""
        self._stages = tuple(stages)
        self._texts = texts
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        """Begin to show."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave what is shown as it is."""
        self._progress.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` of a stage are done."""
        if stage not in self._tasks:
            self._begin(stage, total)
        self._progress.update(self._tasks[stage], completed=done, total=total)

    def _begin(self, stage: str, total: int) -> None:
        for task in self._tasks.values():
            self._progress.stop_task(task)
        number = self._stages.index(stage) + 1 if stage in self._stages else len(self._stages)
        text = f"{number}/{len(self._stages)} {self._texts.get(stage, stage)}"
        if not self._console.is_terminal:
            self._console.print(text)
        self._tasks[stage] = self._progress.add_task(text, total=total)
