from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from serving.client.display import Display, print_reasons
from serving.client.flights import FileCounts
from serving.client.sources import Source, SourceFile

FILES = tuple(SourceFile(f"[red]{n}.mp4", Path(), 1_000_000, 0) for n in range(4))
SOURCE = Source(Path(), FILES)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_what_is_shown_is_what_is_there(*, is_terminal: bool) -> None:
    console = Console(file=StringIO(), force_terminal=is_terminal, width=160)
    with Display(console) as display:
        display.begin(7, SOURCE, goes_on=True)
        display.reads(FILES[0])
        display.waits("the link is silent")
        display.moved(FILES[0], 1_000_000)
        display.moved(FILES[0], 1_000_000)
        display.moved(FILES[1], 500_000)
        (task,) = display._progress.tasks
        assert task.completed == 1_500_000
        assert task.fields["files"] == "1/4 files"
        assert task.speed is None  # all of it was there before this command
        display.checked(FileCounts(4, 0, 0, 1, 2, 1))
        assert task.fields["files"] == "checked 3/4, 1 refused"
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "the link is silent" in text
    assert is_terminal or "Going on with flight 7: 4 files, 4.0 MB" in text


def test_names_are_shown_as_they_are_and_many_are_counted() -> None:
    console = Console(file=StringIO(), width=160)
    rows = [(f"[b]{n:02}.JPG", "Broken.", "Copy it again.") for n in range(25)]
    print_reasons(console, "Refused", [*rows, ("x.JPG", "Empty.", "Fly again.")])
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.index("25") < text.index("Empty.")
    assert "[b]19.JPG" in text
    assert "[b]20.JPG" not in text
    assert "and 5 more" in text
