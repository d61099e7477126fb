"""Photos made ready in threads, ahead of the models, bounded in number and in bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

from detection.domain.photo import Photo
from detection.machine import count_cpus

MAX_THREADS = 8
"""Eight make some 80 photos of 12 MP ready a second: more than any model looks at."""

MAX_BYTES = 640 * 2**20
"""Pixels held at once: two photos of 100 MP, or as many small ones as are made ready ahead. One
photo is held whatever its size, and one more is in the hands of whoever finishes it."""

_CHANNELS = 3

Ready = TypeVar("Ready")


class PhotoLine(Generic[Ready]):
    """Photos in order, each made ready once and held until it is dropped; a context manager.

    Photos are taken from their source by whoever asks, one thread alone; only making them ready
    happens in threads. Leaving the context gives up what was not begun.
    """

    def __init__(
        self, photos: Iterable[Photo], make_ready: Callable[[Photo], Ready], *, threads: int = 0
    ) -> None:
        """Remember the source; ``threads`` 0 takes half of the processors, at most eight."""
        threads = threads or min(MAX_THREADS, max(1, count_cpus() // 2))
        self._photos = iter(photos)
        self._make_ready = make_ready
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="decode")
        self._ahead = threads
        self._held: deque[tuple[int, Future[Ready]]] = deque()
        self._dropped = 0
        self._next: Photo | None = next(self._photos, None)

    def get(self, number: int) -> Ready | None:
        """Return photo ``number``, counted from 0, as soon as it is ready; None after the last.

        Raises:
            LookupError: it was dropped.
        """
        place = number - self._dropped
        if place < 0:
            message = f"Photo {number} was dropped."
            raise LookupError(message)
        while self._next is not None and len(self._held) <= place:
            self._begin_next(self._next)
        while self._next is not None and self._may_begin(place):
            self._begin_next(self._next)
        return self._held[place][1].result() if place < len(self._held) else None

    def has_room(self, number: int) -> bool:
        """Whether photo ``number`` is held, or fits beside those that are."""
        return number - self._dropped < len(self._held) or self._fits()

    def drop(self) -> None:
        """Forget the first photo that is held."""
        self._held.popleft()
        self._dropped += 1

    def _may_begin(self, place: int) -> bool:
        return len(self._held) <= place + self._ahead and self._fits()

    def _fits(self) -> bool:
        if self._next is None or not self._held:
            return True
        return sum(size for size, _ in self._held) + _count_bytes(self._next) <= MAX_BYTES

    def _begin_next(self, photo: Photo) -> None:
        self._held.append((_count_bytes(photo), self._pool.submit(self._make_ready, photo)))
        self._next = next(self._photos, None)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for what was begun, give up the rest."""
        self._held.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _count_bytes(photo: Photo) -> int:
    return photo.width_px * photo.height_px * _CHANNELS
