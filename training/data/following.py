"""How far a command is through thousands of photos: loops tell it, who started them may show it.

The loops lie far below the command, in readers that do not know of it; so the place to tell it to
goes by context, not by an argument of each function between.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Item = TypeVar("Item")
Show = Callable[[str, int, int], None]
"""Takes what is done, to how many it is done, and how many there are."""

_SHOW: ContextVar[Show | None] = ContextVar("show", default=None)


@contextmanager
def showing(show: Show) -> Iterator[None]:
    """Have every loop that is started inside tell ``show`` how far it is."""
    token = _SHOW.set(show)
    try:
        yield
    finally:
        _SHOW.reset(token)


def follow(items: Collection[Item], what: str) -> Iterator[Item]:
    """Yield the items and tell after each how many are done; silent where nobody shows it."""
    show = _SHOW.get()
    for done, item in enumerate(items, start=1):
        yield item
        if show is not None:
            show(what, done, len(items))
