"""Several files on their way at once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from detection.domain.errors import HazardLensError
from serving.client.errors import FileUnsendableError, ServerRefusedError
from serving.client.flights import KnownFile
from serving.client.sources import SourceFile

POLL_S = 0.2
OF_ONE_FILE = frozenset({"file_too_large", "unsupported_file", "upload_too_long", "tus_header"})
"""Refusals that say nothing of the other files."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One file to send, with its hash and what the server has of it."""

    file: SourceFile
    sha256: str
    known: KnownFile


@dataclass(frozen=True, slots=True)
class Unsent:
    """A file that could not be sent, and why."""

    name: str
    message: str


class Senders:
    """Threads that send files side by side until they are told that no more come.

    They end with the process: an interrupt does not wait for a piece that crawls over the link,
    since the server keeps what it acknowledged.
    """

    def __init__(self, count: int, send: Callable[[Errand], None]) -> None:
        """Start ``count`` threads that call ``send``."""
        self._send = send
        self._errands: queue.SimpleQueue[Errand] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Unsent | HazardLensError | Exception | None] = (
            queue.SimpleQueue()
        )
        self._open = 0
        for number in range(count):
            threading.Thread(target=self._work, name=f"sender {number}", daemon=True).start()

    def put(self, errand: Errand) -> None:
        """Have a file sent."""
        self._open += 1
        self._errands.put(errand)

    def settle(self, *, until_empty: bool) -> Iterator[Unsent]:
        """Yield what could not be sent of the files that are done; wait for all ``until_empty``.

        Raises:
            HazardLensError: what ends the whole upload.
        """
        while self._open:
            try:
                result = self._results.get(timeout=POLL_S if until_empty else 0.0)
            except queue.Empty:
                if not until_empty:
                    return
                continue
            self._open -= 1
            if isinstance(result, Unsent):
                yield result
            elif result is not None:
                raise result

    def _work(self) -> None:
        while True:
            self._results.put(self._try(self._errands.get()))

    def _try(self, errand: Errand) -> Unsent | Exception | None:
        try:
            self._send(errand)
        except FileUnsendableError as error:
            return Unsent(errand.file.name, str(error))
        except ServerRefusedError as error:
            return Unsent(errand.file.name, str(error)) if error.problem in OF_ONE_FILE else error
        except Exception as error:  # noqa: BLE001 - raised again where the command waits
            return error
        return None
