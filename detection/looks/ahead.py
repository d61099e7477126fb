"""A generator that works one item ahead, in a thread, while whoever takes its items uses them."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from queue import SimpleQueue
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")


class Ahead(Generic[Item]):
    """The items of a generator in order; a context manager.

    The next item is made while the last one is used. The generator goes on only when an item is
    taken, so two exist at a time: one in use, one that waits. It runs in one thread, and is closed
    there when the context is left.
    """

    def __init__(self, items: Generator[Item, None, None]) -> None:
        """Begin to make the first item."""
        self._items = items
        self._made: SimpleQueue[tuple[Item] | BaseException | None] = SimpleQueue()
        self._may_go_on = threading.Semaphore(0)
        self._is_left = False
        self._thread = threading.Thread(target=self._make, name="ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        """Yield the items; what the generator raises is raised here."""
        while True:
            made = self._made.get()
            if made is None:
                return
            if isinstance(made, BaseException):
                raise made
            self._may_go_on.release()
            yield made[0]
            del made

    def _make(self) -> None:
        try:
            for item in self._items:
                self._made.put((item,))
                del item  # whoever takes it alone holds it
                self._may_go_on.acquire()
                if self._is_left:
                    break
            self._items.close()
            self._made.put(None)
        except BaseException as error:  # noqa: BLE001 - it is raised where the items are taken
            self._made.put(error)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the item under way be made, then close the generator."""
        self._is_left = True
        self._may_go_on.release()
        self._thread.join()
