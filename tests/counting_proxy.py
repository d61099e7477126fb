"""A TCP proxy that counts what clients send, to know what a broken link made them send twice.

Import as ``from tests.counting_proxy import CountingProxy``.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

BLOCK_BYTES = 1 << 16


class CountingProxy:
    """Forwards connections to a port of this machine until the block ends."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._lock = threading.Lock()
        self._sent = 0

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def sent_bytes(self) -> int:
        """What clients have sent so far."""
        with self._lock:
            return self._sent

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._target_port))
        except OSError:
            client.close()
            return
        back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        back.start()
        self._pump(client, server, is_sent=True)
        back.join()
        client.close()
        server.close()

    def _pump(self, source: socket.socket, target: socket.socket, *, is_sent: bool = False) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(BLOCK_BYTES):
                if is_sent:
                    with self._lock:
                        self._sent += len(block)
                target.sendall(block)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
