"""What only one service may have: the data folder and the port."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detection.domain.errors import HazardLensError

BACKLOG = 1024


class AlreadyServedError(HazardLensError):
    """Another service works on this data folder."""

    code = "already_served"
    exit_code = 7


class PortError(HazardLensError):
    """The address cannot be listened on."""

    code = "port_unavailable"
    exit_code = 8


@contextmanager
def claim_data_dir(data_dir: Path) -> Iterator[None]:
    """Hold the data folder until the block ends; a killed holder loses it at once.

    Raises:
        AlreadyServedError: another service holds it.
    """
    path = data_dir / "serve.lock"
    with path.open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip() or "?"
            message = f"The data folder {data_dir} is served already by process {holder}."
            remedy = "Stop that one first, or name another folder with HAZARDLENS_DATA_DIR."
            raise AlreadyServedError(message, remedy=remedy) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        PortError: the port is in use, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise _port_error(host, port, error) from error


def _port_error(host: str, port: int, error: Exception) -> PortError:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        message = f"Port {port} is in use by another program."
        return PortError(message, remedy="Choose another with --port or PORT=.")
    if number == errno.EACCES:
        message = f"Port {port} needs special rights."
        return PortError(message, remedy="Choose a port of 1024 or more.")
    message = f"Cannot listen on {host} port {port}: {error}."
    return PortError(message, remedy="Check --host and --port.")
