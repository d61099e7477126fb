"""Long calls of the library: how far they are, and an end within a second when someone cancels."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol, TypeVar

from detection.domain.errors import INTERRUPTED, HazardLensError

POLL_S = 0.5

ResultT = TypeVar("ResultT")

Progress = Callable[[str, int, int], None]
"""Called with the stage, how much of it is done, and of how much."""


class CancelledError(HazardLensError):
    """A person ended the work before it was done."""

    code = "cancelled"
    exit_code = INTERRUPTED

    def __init__(self) -> None:
        """Say that nothing is kept."""
        super().__init__(
            "The work was cancelled; nothing of it is kept.",
            remedy="Start it again when it suits.",
        )


class Token(Protocol):
    """What ends a call of the library."""

    def cancel(self) -> None:
        """End it soon."""


TokenT = TypeVar("TokenT", bound=Token)


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told how far the work is, and who says that it shall end.

    Both are called on the thread that started the work, about twice a second.
    """

    on_progress: Progress | None = None
    is_cancelled: Callable[[], bool] | None = None

    def report(self, stage: str, done: int, total: int) -> None:
        """Tell how far ``stage`` is, or raise.

        Raises:
            CancelledError: the work shall end.
        """
        if self.is_cancelled is not None and self.is_cancelled():
            raise CancelledError
        if self.on_progress is not None:
            self.on_progress(stage, min(done, total), total)

    def run(
        self,
        stage: str,
        call: Callable[[TokenT], ResultT],
        *,
        token: TokenT,
        count: Callable[[], int],
        total: int,
    ) -> ResultT:
        """Return what ``call`` returns; the library's own ``token``, given to it, ends the call.

        ``count`` says how much of ``total`` is done; it is asked on this thread.

        Raises:
            CancelledError: the work was ended.
        """
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(call, token)
            try:
                self._poll(running, stage, count, total)
            except BaseException:  # Ctrl-C too: without the token the pool would wait for the end
                token.cancel()
                raise
            found = running.result()
        self.report(stage, total, total)
        return found

    def _poll(
        self, running: Future[ResultT], stage: str, count: Callable[[], int], total: int
    ) -> None:
        while not running.done():
            self.report(stage, count(), total)
            wait([running], timeout=POLL_S)
