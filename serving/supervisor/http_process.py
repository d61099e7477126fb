"""The HTTP process: ``python -m serving.supervisor.http_process SOCKET LIFELINE``."""

from __future__ import annotations

import socket
import sys

import uvicorn

from serving.app import create_app
from serving.db.engine import open_engine
from serving.db.migrate import upgrade_database
from serving.settings import load_settings
from serving.supervisor.lifeline import hold_lifeline
from serving.supervisor.logs import configure_logging

GRACE_S = 5


def main(arguments: list[str]) -> None:
    """Serve on the listening socket that the parent opened.

    The parent keeps the socket, so that callers wait, and are not refused, while this process
    is started again.
    """
    configure_logging("http")
    socket_descriptor, lifeline_descriptor = (int(argument) for argument in arguments)
    hold_lifeline(lifeline_descriptor)
    settings = load_settings()
    engine = open_engine(settings.database_url, pool_size=1)
    upgrade_database(engine)
    engine.dispose()
    listener = socket.socket(fileno=socket_descriptor)
    config = uvicorn.Config(
        create_app(settings),
        log_level="warning",
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1:])
