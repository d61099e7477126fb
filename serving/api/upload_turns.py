"""One writer per transfer: the newest request wins, an older one ends with what it brought.

Behind a bad link, the client often comes back before the server knows that the old connection is
dead. Were the new request refused meanwhile, the person would wait for nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request

IDLE_S = 60.0
"""A connection that brings nothing for so long is dead."""


class TurnOverError(Exception):
    """A newer request took over, or nothing came any more."""


class Turn:
    """The right to write to one transfer, until somebody else wants it."""

    def __init__(self) -> None:
        """Begin; nobody wants it yet."""
        self._is_over = False
        self._waiting: asyncio.Timeout | None = None
        self._loop = asyncio.get_running_loop()
        self.ended = asyncio.Event()

    def end(self) -> None:
        """Ask whoever has the turn to stop; it stops at its next byte, or at once if it waits."""
        self._is_over = True
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(self._loop.time())

    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Yield the body as it comes.

        Raises:
            TurnOverError: a newer request took over, or the connection died.
        """
        stream = aiter(request.stream())
        while True:
            if self._is_over:
                raise TurnOverError
            try:
                async with asyncio.timeout(IDLE_S) as self._waiting:
                    block = await anext(stream)
            except StopAsyncIteration:
                return
            except (TimeoutError, ClientDisconnect) as error:
                raise TurnOverError from error
            finally:
                self._waiting = None
            if block:
                yield block


class Turns:
    """Who writes to which transfer, within this process."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._turns: dict[str, Turn] = {}

    @contextlib.asynccontextmanager
    async def take(self, upload_id: str) -> AsyncIterator[Turn]:
        """End the turn of whoever writes, wait for what it has to finish, and have one's own."""
        while (previous := self._turns.get(upload_id)) is not None:
            previous.end()
            await previous.ended.wait()
        turn = self._turns[upload_id] = Turn()
        try:
            yield turn
        finally:
            del self._turns[upload_id]
            turn.ended.set()


TURNS = Turns()
