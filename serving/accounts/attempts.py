"""Slow down guessing of passwords: failed sign-ins are counted per user and address."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from serving.accounts.errors import TooManyAttemptsError

MAX_KEYS = 10_000


class AttemptLimiter:
    """Refuse further sign-ins after ``limit`` failures within ``window_s`` seconds.

    Counted in the memory of the one HTTP process; a restart forgets.
    """

    def __init__(
        self, limit: int, window_s: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Allow ``limit`` failures within any ``window_s`` seconds."""
        self._limit = limit
        self._window_s = window_s
        self._clock = clock
        self._failures: dict[tuple[str, str], deque[float]] = {}
        self._lock = threading.Lock()

    def check(self, username: str, address: str) -> None:
        """Do nothing, or refuse.

        Raises:
            TooManyAttemptsError: the limit is reached.
        """
        with self._lock:
            times = self._recent((username.casefold(), address))
            if len(times) >= self._limit:
                raise TooManyAttemptsError(max(1, round(self._window_s - self._clock() + times[0])))

    def record_failure(self, username: str, address: str) -> None:
        """Count one failed sign-in."""
        key = (username.casefold(), address)
        with self._lock:
            times = self._recent(key)
            if not times and len(self._failures) >= MAX_KEYS:
                self._failures.pop(next(iter(self._failures)))
            times.append(self._clock())
            self._failures[key] = times

    def forget(self, username: str, address: str) -> None:
        """A successful sign-in clears the count."""
        with self._lock:
            self._failures.pop((username.casefold(), address), None)

    def _recent(self, key: tuple[str, str]) -> deque[float]:
        times = self._failures.get(key, deque())
        while times and self._clock() - times[0] > self._window_s:
            times.popleft()
        return times
