"""Results go to the database on a thread of their own, several photos in one transaction.

The models never wait for a disk to sync; where the disk is slower than the models, what has come
meanwhile is written together.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from sqlalchemy.orm import Session, sessionmaker

from serving.flights.results import LookedAt, store_results

HELD = 16
"""Results that wait for the database at most; then whoever looks at photos waits too."""

LINGER_S = 0.2
"""How long a result waits for others to be stored with it."""

PATIENCE_S = 0.5
"""How often a full queue asks whether anybody still empties it."""

_END: Final = None


@contextmanager
def store_behind(sessions: sessionmaker[Session]) -> Iterator[Callable[[LookedAt], None]]:
    """Return a function that takes results; all of them are stored when the block is left.

    Also where the block breaks off: what was looked at is kept.

    Raises:
        SQLAlchemyError: the database refused some results; they and later ones are not stored.
    """
    waiting: queue.Queue[LookedAt | None] = queue.Queue(HELD)
    with ThreadPoolExecutor(1, thread_name_prefix="store") as pool:
        writing = pool.submit(_write_all, sessions, waiting)
        try:
            yield lambda result: _put(waiting, result, writing)
        finally:
            _put(waiting, _END, writing)
            writing.result()


def _put(
    waiting: queue.Queue[LookedAt | None], result: LookedAt | None, writing: Future[None]
) -> None:
    """Hand one over; what ended the writing is raised here, so that nobody works for nothing."""
    while True:
        if writing.done():
            writing.result()
        try:
            waiting.put(result, timeout=PATIENCE_S)
        except queue.Full:
            continue
        return


def _write_all(sessions: sessionmaker[Session], waiting: queue.Queue[LookedAt | None]) -> None:
    is_open = True
    while is_open:
        batch, is_open = _take_some(waiting)
        if batch:
            with sessions.begin() as session:
                store_results(session, batch)


def _take_some(waiting: queue.Queue[LookedAt | None]) -> tuple[list[LookedAt], bool]:
    """Return what is there, after a short wait for more, and whether more may come."""
    batch: list[LookedAt] = []
    each = waiting.get()
    deadline = time.monotonic() + LINGER_S
    while each is not _END:
        batch.append(each)
        if len(batch) == HELD:
            return batch, True
        try:
            each = waiting.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return batch, True
    return batch, False
