"""Wait until the service answers over HTTP."""

from __future__ import annotations

import http.client
import threading

TIMEOUT_S = 30.0
PAUSE_S = 0.2


def wait_ready(host: str, port: int, stop: threading.Event) -> bool:
    """Return True when the health check answers; False when asked to stop meanwhile."""
    while not stop.is_set():
        if _answers(host, port):
            return True
        stop.wait(PAUSE_S)
    return False


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host.strip("[]"), port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/api/v1/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
